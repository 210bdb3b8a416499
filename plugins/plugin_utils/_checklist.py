# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pre-deployment checklist: nine questions, each answered by evidence, or by a waiver that somebody answers for.

Pure: everything is concluded from what it is given, plain data as modules and filters return it.

============== =====================================================================================================
input          what it is
============== =====================================================================================================
``app``        name of the app
``release``    id of the release; ``revision`` its commit, ``artifact_sha256`` the hash of its archive
``tests``      list of test runs: ``name``, ``passed``; where known ``revision``, ``count``, ``seconds``, ``where``
``rehearsal``  the boot rehearsal: ``passed``, ``where`` it was, ``seconds``, ``why`` not
``hosts``      by name of the host: ``check`` (what release_check returned), ``limits`` (``max_restarts``,
               ``min_uptime`` and ``restart_delay`` in milliseconds), ``health`` (path), ``smoke`` (number of requests),
               ``app`` (of release_info), ``guard`` (``running``, ``channels``: list of ``name``, ``proved``, ``at``)
============== =====================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _rules
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _waivers
from ansible_collections.nodeops.pm2.plugins.plugin_utils._checklist_items import (
    ITEMS,
    Inputs,
    Item,
    Proof,
    hosts_of,
    listed,
)
from ansible_collections.nodeops.pm2.plugins.plugin_utils._waivers import Waiver

PROVED, NOT_PROVED, WAIVED = "proved", "not proved", "waived"

RULES = frozenset(rule.id for rule in _rules.RULES)
KNOWN = frozenset(item.id for item in ITEMS) | RULES
"""What can be waived."""


def answer(inputs: Inputs, *, waivers: Any = (), today: date) -> dict[str, Any]:
    """The answered checklist: ``ok``, what was asked and found, the waivers, and what it is about; see checklist.yml.

    :param waivers: a user's list, as :func:`_waivers.read` takes it.
    :raises DeployError: a waiver that is none.
    """
    given = _waivers.read(waivers, KNOWN)
    active = _waivers.active(given, today)
    items = [_answer(item, inputs, active) for item in ITEMS]
    findings = _findings(inputs, active)
    expired = [waiver for waiver in given if waiver.waives not in active]
    refused = [one for one in findings if one["severity"] == "error" and not one["waiver"]]
    return {
        **{name: str(inputs.get(name) or "") for name in ("app", "release", "revision", "artifact_sha256")},
        "ok": not (refused or expired or any(item["state"] == NOT_PROVED for item in items)),
        "questions": items,
        "findings": findings,
        "waivers": [{**waiver.as_dict(), "state": waiver.state(today)} for waiver in given],
        "waived": _waived(items, findings),
        "passed_over": [waiver.as_dict() for name, waiver in active.items() if name in RULES],
        "hosts": sorted(hosts_of(inputs)),
        "day": today.isoformat(),
    }


def reasons(checklist: Mapping[str, Any]) -> list[str]:
    """Why a checklist is not ok: a line for everything that is missing, refused or expired."""
    lines = [f"{item['question']} {missing}" for item in checklist["questions"] if item["state"] == NOT_PROVED
             for missing in item["missing"]]  # fmt: skip
    lines += [f"[{one['rule']}] {one['message']}" for one in checklist["findings"]
              if one["severity"] == "error" and not one["waiver"]]  # fmt: skip
    lines += [f"The waiver of {one['waives']} expired on {one['until']}: renew it with a reason, or remove it."
              for one in checklist["waivers"] if one["state"] == _waivers.EXPIRED]  # fmt: skip
    return lines


def summary(checklist: Mapping[str, Any]) -> str:
    """The same in one line, by the ids that a waiver would name; empty where it is ok."""
    refused = [one["rule"] for one in checklist["findings"] if one["severity"] == "error" and not one["waiver"]]
    parts = {
        "not proved": [item["id"] for item in checklist["questions"] if item["state"] == NOT_PROVED],
        "refused by": list(dict.fromkeys(refused)),
        "expired is the waiver of": [one["waives"] for one in checklist["waivers"] if one["state"] == _waivers.EXPIRED],
    }
    said = "; ".join(f"{what} {', '.join(ids)}" for what, ids in parts.items() if ids)
    return f"This must not be deployed: {said}." if said else ""


def _answer(item: Item, inputs: Inputs, active: Mapping[str, Waiver]) -> dict[str, Any]:
    proof = Proof()
    item.prove(inputs, proof)
    _ask_rules(item, inputs, active, proof)
    if not (proof.evidence or proof.missing or proof.waived):
        proof.missing.append("Nothing is known of it.")
    own = active.get(item.id)
    waived = [*([own] if own and proof.missing else []), *dict.fromkeys(proof.waived)]
    state = PROVED if not (proof.missing or waived) else WAIVED if own or not proof.missing else NOT_PROVED
    return {
        "id": item.id,
        "question": item.question,
        "state": state,
        "evidence": proof.evidence,
        "missing": proof.missing,
        "remedy": item.remedy if state == NOT_PROVED else "",
        "waivers": [waiver.as_dict() for waiver in waived],
    }


def _ask_rules(item: Item, inputs: Inputs, active: Mapping[str, Waiver], proof: Proof) -> None:
    """Whether the rules of an item were asked on every host, and had nothing to say."""
    silent: dict[str, list[str]] = {}
    for host, facts in hosts_of(inputs).items() if item.rules else ():
        check = facts.get("check")
        if not isinstance(check, Mapping):
            proof.missing.append(f"{host} was not checked.")
            continue
        said = [(one["rule"], one["message"]) for one in check.get("findings", ()) if one["rule"] in item.rules]
        over = [(rule, "was passed over.") for rule in check.get("passed_over", ()) if rule in item.rules]
        for rule, what in [*said, *over]:
            if rule in active:
                proof.waived.append(active[rule])
            else:
                proof.missing.append(f"{host}: [{rule}] {what}")
        quiet = [rule for rule in item.rules if rule not in dict([*said, *over])]
        silent.setdefault(", ".join(quiet), []).append(host)
    if item.rules and not hosts_of(inputs):
        proof.missing.append("No host was checked.")
    proof.evidence += [f"{listed(hosts)}: nothing found by {rules}." for rules, hosts in silent.items() if rules]


def _waived(items: list[dict[str, Any]], findings: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The waivers without which something would be missing, each once."""
    used = [waiver for item in items for waiver in item["waivers"]]
    used += [one["waiver"] for one in findings if one["waiver"]]
    return list({waiver["waives"]: waiver for waiver in used}.values())


def _findings(inputs: Inputs, active: Mapping[str, Waiver]) -> list[dict[str, Any]]:
    """All findings, errors first; what several hosts have in common is told once, with their names."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for host, facts in sorted(hosts_of(inputs).items()):
        for one in (facts.get("check") or {}).get("findings", ()):
            waiver = active.get(one["rule"])
            new = {**one, "hosts": [], "waiver": waiver.as_dict() if waiver else {}}
            merged.setdefault((one["rule"], one["message"]), new)["hosts"].append(host)
    return sorted(merged.values(), key=lambda one: one["severity"] != "error")
