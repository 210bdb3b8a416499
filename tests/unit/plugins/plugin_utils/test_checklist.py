# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nine questions, and what it takes to answer each of them with yes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _rules
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _checklist
from ansible_collections.nodeops.pm2.plugins.plugin_utils._checklist_items import ITEMS
from ansible_collections.nodeops.pm2.tests.unit.plugins.plugin_utils.conftest import finding

Answer = Callable[..., dict[str, Any]]
Spoil = Callable[[dict[str, Any]], object]


def states(answered: dict[str, Any], state: str = "not proved") -> list[str]:
    return [item["id"] for item in answered["questions"] if item["state"] == state]


def of(facts: dict[str, Any], number: int) -> Any:
    return facts["hosts"][f"web{number}"]


def item(answered: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in answered["questions"] if one["id"] == name)


def test_everything_is_proved_by_evidence(answer: Answer, evidence: dict[str, Any]) -> None:
    answered = answer(evidence)
    assert answered["ok"]
    assert states(answered, "proved") == [one.id for one in ITEMS]
    assert len(ITEMS) == 9
    assert all(one["evidence"] and not one["missing"] and not one["remedy"] for one in answered["questions"])
    assert item(answered, "tests_passed")["evidence"] == ["npm test: 214 tests passed of 0123456789ab."]
    assert item(answered, "boots_locally")["evidence"] == ["It started on web1 and answered within 1.2 s."]
    assert item(answered, "gitignore_current")["evidence"] == [
        "web1, web2: nothing found by output_not_ignored, stale_build_output, js_beside_ts."
    ]
    assert item(answered, "rollback_ready")["evidence"][0] == "web1: r41 is live and good: that is the way back."
    assert _checklist.reasons(answered) == []


def test_of_nothing_nothing_is_proved(answer: Answer) -> None:
    answered = answer({})
    assert not answered["ok"]
    assert states(answered) == [one.id for one in ITEMS]
    assert all(one["missing"] and one["remedy"] for one in answered["questions"])


@pytest.mark.parametrize(
    ("spoil", "name", "missing"),
    [
        (lambda facts: facts.pop("tests"), "tests_passed", "No run of the tests is known."),
        (lambda facts: facts["tests"][0].update(passed=False), "tests_passed", "npm test: it failed of 0123456789ab."),
        (lambda facts: facts["tests"][0].update(passed="yes"), "tests_passed", "npm test: it failed of 0123456789ab."),
        (
            lambda facts: facts["tests"][0].update(revision="ffff"),
            "tests_passed",
            "npm test: 214 tests passed of ffff, and the release is 0123456789ab.",
        ),
        (lambda facts: facts.pop("rehearsal"), "boots_locally", "It was not started anywhere."),
        (
            lambda facts: facts.update(rehearsal={"passed": False, "why": "crashed_at_boot"}),
            "boots_locally",
            "It did not start: crashed_at_boot.",
        ),
        (
            lambda facts: of(facts, 2)["check"]["findings"].append(finding("output_not_ignored", "warning")),
            "gitignore_current",
            "web2: [output_not_ignored] output_not_ignored is wrong.",
        ),
        (
            lambda facts: of(facts, 1)["check"]["findings"].append(finding("deploy_builds_unused")),
            "ecosystem_in_step",
            "web1: [deploy_builds_unused] deploy_builds_unused is wrong.",
        ),
        (
            lambda facts: of(facts, 1)["check"]["passed_over"].append("env_keys_missing"),
            "env_current",
            "web1: [env_keys_missing] was passed over.",
        ),
        (lambda facts: of(facts, 1).pop("check"), "env_current", "web1 was not checked."),
        (lambda facts: of(facts, 2).pop("limits"), "pm2_config_checked", "web2: no restart limits are known."),
        (
            lambda facts: of(facts, 2).update(limits={"max_restarts": 0, "min_uptime": 1}),
            "pm2_config_checked",
            "web2: no restart limits are known: max_restarts 0, min_uptime 1 ms.",
        ),
        (lambda facts: of(facts, 2).update(health=""), "smoke_ready", "web2: no health path is set."),
        (lambda facts: of(facts, 2).update(smoke=0), "smoke_ready", "web2: bluegreen_smoke is empty."),
        (
            lambda facts: of(facts, 2)["app"].update(verdict="published"),
            "rollback_ready",
            "web2: r41 is live and was never confirmed.",
        ),
        (lambda facts: of(facts, 2)["app"].update(frozen="so"), "rollback_ready", "web2: the app is frozen: so."),
        (lambda facts: of(facts, 2).pop("app"), "rollback_ready", "web2: what is live there is not known."),
        (lambda facts: of(facts, 2).pop("guard"), "monitoring_set_up", "web2: no guard watches it."),
        (lambda facts: of(facts, 2)["guard"].update(running=False), "monitoring_set_up", "web2: no guard watches it."),
        (
            lambda facts: of(facts, 2)["guard"].update(channels=[]),
            "monitoring_set_up",
            "web2: no channel was not proved to deliver.",
        ),
        (
            lambda facts: of(facts, 2)["guard"]["channels"].append({"name": "sms"}),
            "monitoring_set_up",
            "web2: sms was not proved to deliver.",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_where_it_is_missing(
    answer: Answer, evidence: dict[str, Any], spoil: Spoil, name: str, missing: str
) -> None:
    spoil(evidence)
    answered = answer(evidence)
    assert not answered["ok"]
    assert name in states(answered)
    assert missing in item(answered, name)["missing"]
    assert f"{item(answered, name)['question']} {missing}" in _checklist.reasons(answered)


def test_a_first_deploy_has_a_way_back(answer: Answer, evidence: dict[str, Any]) -> None:
    for host in evidence["hosts"].values():
        host["app"] = {"live": "", "verdict": "", "frozen": ""}
    assert item(answer(evidence), "rollback_ready")["state"] == "proved"


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_an_error_of_any_rule_refuses_and_a_warning_of_a_rule_that_no_item_needs_does_not(
    answer: Answer, evidence: dict[str, Any], severity: str
) -> None:
    of(evidence, 1)["check"]["findings"] = [finding("lockfile_integrity", severity)]
    answered = answer(evidence)
    assert states(answered) == []
    assert answered["ok"] is (severity == "warning")


def test_what_hosts_have_in_common_is_told_once(answer: Answer, evidence: dict[str, Any]) -> None:
    for host in evidence["hosts"].values():
        host["check"]["findings"] = [finding("lockfile_several", "warning"), finding("node_check")]
    of(evidence, 2)["check"]["findings"].append(finding("port_busy"))
    found = [(one["rule"], one["hosts"]) for one in answer(evidence)["findings"]]
    assert found == [
        ("node_check", ["web1", "web2"]),
        ("port_busy", ["web2"]),
        ("lockfile_several", ["web1", "web2"]),
    ]


def waiver(name: str, until: str = "2026-12-31") -> dict[str, str]:
    return {"waives": name, "reason": "Known.", "until": until}


def test_it_is_said_in_one_line_by_what_a_waiver_would_name(answer: Answer, evidence: dict[str, Any]) -> None:
    assert _checklist.summary(answer(evidence)) == ""
    del evidence["rehearsal"]
    evidence["hosts"]["web1"]["smoke"] = 0
    evidence["hosts"]["web1"]["check"]["findings"] = [finding("port_busy"), finding("node_check"), finding("port_busy")]
    waivers = [
        {"waives": "smoke_ready", "reason": "No route yet.", "until": "2026-12-31"},
        {"waives": "node_check", "reason": "Known.", "until": "2026-12-31"},
        {"waives": "disk_space", "reason": "Not needed.", "until": "2026-12-31"},
        {"waives": "inodes", "reason": "Old.", "until": "2026-01-31"},
    ]
    answered = answer(evidence, *waivers)
    assert _checklist.summary(answered) == (
        "This must not be deployed: not proved boots_locally; refused by port_busy; expired is the waiver of inodes."
    )
    assert [one["waives"] for one in answered["waived"]] == ["smoke_ready", "node_check"]
    assert [one["waives"] for one in answered["passed_over"]] == ["node_check", "disk_space"]


def test_no_smoke_tests_are_none_as_text_too(answer: Answer, evidence: dict[str, Any]) -> None:
    evidence["hosts"]["web1"]["smoke"] = "0"
    (missing,) = item(answer(evidence), "smoke_ready")["missing"]
    assert missing == "web1: bluegreen_smoke is empty."


def test_a_guard_that_does_not_know_the_app_watches_it_from_its_first_deploy_on(
    answer: Answer, evidence: dict[str, Any]
) -> None:
    web1 = evidence["hosts"]["web1"]
    web1["guard"]["watches"] = False
    (missing,) = item(answer(evidence), "monitoring_set_up")["missing"]
    assert missing == "web1: the guard that runs there does not know this app."
    web1["app"]["live"] = ""
    assert item(answer(evidence), "monitoring_set_up")["state"] == "proved"


def test_an_item_is_waived_for_a_while(answer: Answer, evidence: dict[str, Any]) -> None:
    del of(evidence, 2)["guard"]
    answered = answer(evidence, waiver("monitoring_set_up"))
    assert answered["ok"]
    waived = item(answered, "monitoring_set_up")
    assert (waived["state"], waived["missing"]) == ("waived", ["web2: no guard watches it."])
    assert waived["waivers"] == [{**waiver("monitoring_set_up"), "by": ""}]


def test_an_expired_waiver_fails_even_where_nothing_is_missing(answer: Answer, evidence: dict[str, Any]) -> None:
    assert answer(evidence, waiver("smoke_ready", "2026-11-24"))["ok"]
    answered = answer(evidence, waiver("smoke_ready", "2026-11-23"))
    assert not answered["ok"]
    assert item(answered, "smoke_ready")["state"] == "proved"
    assert _checklist.reasons(answered) == [
        "The waiver of smoke_ready expired on 2026-11-23: renew it with a reason, or remove it."
    ]


def test_a_rule_is_waived_and_what_rests_upon_it_says_so(answer: Answer, evidence: dict[str, Any]) -> None:
    of(evidence, 1)["check"]["findings"] = [finding("ecosystem_differs")]
    of(evidence, 2)["check"]["passed_over"] = ["ecosystem_differs"]
    answered = answer(evidence, waiver("ecosystem_differs"))
    assert answered["ok"]
    assert states(answered, "waived") == ["ecosystem_in_step"]
    assert answered["findings"][0]["waiver"]["reason"] == "Known."
    assert item(answered, "ecosystem_in_step")["waivers"] == [{**waiver("ecosystem_differs"), "by": ""}]


def test_a_waived_rule_does_not_excuse_another(answer: Answer, evidence: dict[str, Any]) -> None:
    of(evidence, 1)["check"]["findings"] = [finding("ecosystem_differs"), finding("deploy_builds_unused")]
    answered = answer(evidence, waiver("ecosystem_differs"))
    assert states(answered) == ["ecosystem_in_step"]
    assert not answered["ok"]


def test_a_waiver_that_is_not_needed_changes_nothing(answer: Answer, evidence: dict[str, Any]) -> None:
    answered = answer(evidence, waiver("smoke_ready"))
    assert answered["ok"]
    assert states(answered, "proved") == [one.id for one in ITEMS]
    assert answered["waivers"][0]["state"] == "active"


def test_what_nobody_knows_cannot_be_waived(answer: Answer, evidence: dict[str, Any]) -> None:
    with pytest.raises(DeployError, match="neither an item"):
        answer(evidence, waiver("monitoring"))


def test_every_rule_that_an_item_rests_upon_exists() -> None:
    known = {rule.id for rule in _rules.RULES}
    assert {rule for one in ITEMS for rule in one.rules} <= known
    assert not known & {one.id for one in ITEMS}
