# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An answered checklist as SARIF 2.1.0, as code hosts show findings beside the lines that they are about."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ansible_collections.nodeops.pm2.plugins.module_utils import _rules
from ansible_collections.nodeops.pm2.plugins.plugin_utils._checklist_items import ITEMS

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://github.com/nodeops/ansible-pm2"
_ROOT = "RELEASE"  # what the paths of a release are relative to
_PREFIX = "checklist/"


def sarif(checklist: Mapping[str, Any]) -> str:
    """One run: every finding, and every question as a result that passed or failed."""
    rules = [*map(_of_rule, _rules.RULES), *map(_of_question, ITEMS)]
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    results = [*map(_of_finding, checklist["findings"]), *map(_of_item, checklist["questions"])]
    for result in results:
        result["ruleIndex"] = index[result["ruleId"]]
    driver = {"name": "nodeops.pm2", "informationUri": HOME, "rules": rules}
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the release, as it lies in git."}}},
        "results": results,
        "columnKind": "unicodeCodePoints",
        "properties": {
            name: checklist[name] for name in ("app", "release", "revision", "artifact_sha256", "hosts", "ok")
        },
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _of_rule(rule: Any) -> dict[str, Any]:
    sees = inspect.cleandoc(rule.inspect.__doc__ or "")
    return {
        "id": rule.id,
        "shortDescription": {"text": sees.partition("\n")[0]},
        "fullDescription": {"text": rule.protects},
        "help": {"text": f"{sees}\n\n{rule.remedy}"},
        "helpUri": f"{HOME}/blob/main/docs/docsite/rst/rules.rst",
        "defaultConfiguration": {"level": rule.severity},
    }


def _of_question(item: Any) -> dict[str, Any]:
    return {
        "id": _PREFIX + item.id,
        "shortDescription": {"text": item.question},
        "help": {"text": item.remedy},
        "defaultConfiguration": {"level": "error"},
    }


def _of_finding(one: Mapping[str, Any]) -> dict[str, Any]:
    where = f" ({', '.join(one['hosts'])})" if one["hosts"] else ""
    evidence = one.get("evidence", ())
    mark = json.dumps([one["rule"], [item["file"] for item in evidence], one["message"]])
    result: dict[str, Any] = {
        "ruleId": one["rule"],
        "level": one["severity"],
        "message": {"text": f"{one['message']}{where} {one['remedy']}"},
        "locations": [_location(item) for item in evidence[:1]],
        "partialFingerprints": {"finding/v1": hashlib.sha256(mark.encode()).hexdigest()},
    }
    if evidence[1:]:
        result["relatedLocations"] = [{"id": number, **_location(item)} for number, item in enumerate(evidence[1:])]
    return _suppressed(result, [one["waiver"]] if one["waiver"] else [])


def _of_item(item: Mapping[str, Any]) -> dict[str, Any]:
    proved = item["state"] == "proved"
    told = [item["question"], *(item["evidence"] if proved else item["missing"])]
    result: dict[str, Any] = {
        "ruleId": _PREFIX + item["id"],
        "kind": "pass" if proved else "fail",
        "level": "none" if proved else "error",
        "message": {"text": " ".join(told)},
    }
    return _suppressed(result, item["waivers"])


def _suppressed(result: dict[str, Any], waivers: Any) -> dict[str, Any]:
    """The result, with what was waived of it: readers leave it out and can say why."""
    if waivers:
        result["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": f"until {one['until']}: {one['reason']}"}
            for one in waivers
        ]
    return result


def _location(item: Mapping[str, Any]) -> dict[str, Any]:
    path = str(item["file"])
    place: dict[str, Any] = {"uri": quote(path, safe="/")}
    if path.startswith("/"):
        place["uri"] = f"file://{place['uri']}"
    else:
        place["uriBaseId"] = _ROOT
    found: dict[str, Any] = {"artifactLocation": place}
    if item.get("line"):
        found["region"] = {"startLine": item["line"]}
        if item.get("text"):
            found["region"]["snippet"] = {"text": item["text"]}
    return {"physicalLocation": found}
