# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An answered checklist as a document, for people and for machines. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.plugin_utils._report_junit import junit
from ansible_collections.nodeops.pm2.plugins.plugin_utils._report_sarif import sarif
from ansible_collections.nodeops.pm2.plugins.plugin_utils._report_text import text

Checklist = Mapping[str, Any]

_MARKS = {"proved": "yes", "not proved": "**no**", "waived": "waived"}


def render(checklist: Checklist, form: str) -> str:
    """The document in one of :data:`FORMS`, ending with a newline."""
    if form not in FORMS:
        raise DeployError(
            "There is no such form of report.",
            expected=", ".join(sorted(FORMS)),
            seen=repr(form),
            where="bluegreen_check_reports",
            remedy="Correct its name.",
        )
    return FORMS[form](checklist).rstrip("\n") + "\n"


def markdown(checklist: Checklist) -> str:
    """A table of the nine questions, then the findings and the waivers."""
    release = f"{checklist['app']} {checklist['release']}".strip() or "this release"
    verdict = "may be deployed" if checklist["ok"] else "must not be deployed yet"
    parts = [f"# Pre-deployment checklist of {_cell(release)}", f"It {verdict}. {_about(checklist)}"]
    rows = [_row(item) for item in checklist["questions"]]
    parts.append("\n".join(["| question | answer | evidence |", "|---|---|---|", *rows]))
    if checklist["findings"]:
        parts += ["## What the check found", *map(_finding, checklist["findings"])]
    if checklist["waivers"]:
        waivers = [f"- `{one['waives']}` until {one['until']} ({one['state']}): {_cell(one['reason'])}{_by(one)}"
                   for one in checklist["waivers"]]  # fmt: skip
        parts += ["## Waivers", "\n".join(waivers)]
    return "\n\n".join(parts)


def as_json(checklist: Checklist) -> str:
    """The whole of it, for programs of one's own."""
    return json.dumps(checklist, indent=2, sort_keys=True)


FORMS: dict[str, Callable[[Checklist], str]] = {
    "markdown": markdown,
    "json": as_json,
    "junit": junit,
    "sarif": sarif,
    "text": text,
}


def _about(checklist: Checklist) -> str:
    known = {
        "Revision": checklist["revision"],
        "artifact": checklist["artifact_sha256"][:12],
        "hosts": ", ".join(checklist["hosts"]),
        "on": checklist["day"],
    }
    return "; ".join(f"{name} {_cell(value)}" for name, value in known.items() if value) + "."


def _row(item: Mapping[str, Any]) -> str:
    lines = [*item["missing"], *item["evidence"]] if item["state"] != "proved" else item["evidence"]
    lines += [f"Waived until {one['until']}: {one['reason']}{_by(one)}" for one in item["waivers"]]
    lines += [f"Do: {item['remedy']}"] if item["remedy"] else []
    return f"| {item['question']} | {_MARKS[item['state']]} | {'<br>'.join(map(_cell, lines))} |"


def _finding(one: Mapping[str, Any]) -> str:
    waived = f", waived until {one['waiver']['until']}" if one["waiver"] else ""
    where = f" on {', '.join(one['hosts'])}" if one["hosts"] else ""
    lines = [f"- **{one['severity']}** `{one['rule']}`{where}{waived}: {_cell(one['message'])}"]
    for item in one.get("evidence", ()):
        place = f"{item['file']}:{item['line']}" if item.get("line") else item["file"]
        lines.append(f"  - `{_code(place)}`" + (f" `{_code(item['text'])}`" if item.get("text") else ""))
    return "\n".join([*lines, f"  - do: {_cell(one['remedy'])}"])


def _by(waiver: Mapping[str, Any]) -> str:
    return f" ({_cell(waiver['by'])})" if waiver.get("by") else ""


def _cell(text: Any) -> str:
    """Text that stays in its cell and is not taken for markup."""
    return re.sub(r"([\\|`*<>\[\]])", r"\\\1", re.sub(r"\s+", " ", str(text)))


def _code(text: Any) -> str:
    return re.sub(r"\s+", " ", str(text)).replace("`", "'")
