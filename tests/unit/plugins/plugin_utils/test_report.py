# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The checklist written down: by people's eyes, and by the rules of each form."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _rules
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _report
from ansible_collections.nodeops.pm2.plugins.plugin_utils._checklist_items import ITEMS
from ansible_collections.nodeops.pm2.tests.unit.plugins.plugin_utils.conftest import finding

Answer = Callable[..., dict[str, Any]]
HOSTILE = 'a | b `c` <script>x</script> [d](e) \\ & "f"\nnew\x1b[31m ☃ \ud800'


@pytest.fixture
def mixed(answer: Answer, evidence: dict[str, Any]) -> dict[str, Any]:
    """One of everything: proved, not proved, waived, an error, a warning, a waived error, an expired waiver."""
    web1, web2 = evidence["hosts"].values()
    del web1["guard"], web2["guard"]
    web1["smoke"] = web2["smoke"] = 0
    web1["check"]["findings"] = [
        finding("token_committed", message=HOSTILE),
        finding("lockfile_several", "warning", evidence=[]),
        finding("port_busy", evidence=[{"file": "/srv/a b.sock", "line": 0, "text": ""}]),
    ]
    waivers = [
        {"waives": "smoke_ready", "reason": "No route yet | really.", "until": "2026-12-31", "by": "ann"},
        {"waives": "port_busy", "reason": "Ours.", "until": "2026-12-31"},
        {"waives": "node_check", "reason": "Old.", "until": "2026-01-31"},
    ]
    return answer(evidence, *waivers)


def test_markdown_is_for_people(mixed: dict[str, Any]) -> None:
    text = _report.render(mixed, "markdown")
    lines = text.splitlines()
    assert lines[0] == "# Pre-deployment checklist of shop r42"
    assert lines[2].startswith(
        "It must not be deployed yet. Revision 0123456789abcdef; artifact fedcba987654; hosts web1, web2;"
    )
    rows = [line for line in lines if line.startswith("| ") and "question" not in line]
    assert len(rows) == 9
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)
    assert sum("| **no** |" in line for line in rows) == 1
    assert "Do: Run guard.yml, with a channel that it can prove." in text
    assert "Waived until 2026-12-31: No route yet \\| really. (ann)" in text
    assert "- **error** `port_busy` on web1, waived until 2026-12-31: port" in text
    assert "  - `src/a.ts:3` `const x`" in text
    assert "- `node_check` until 2026-01-31 (expired): Old." in text
    assert "<script>" not in text


def test_markdown_of_a_release_that_may_be_deployed(answer: Answer, evidence: dict[str, Any]) -> None:
    text = _report.render(answer(evidence), "markdown")
    assert "It may be deployed." in text
    assert text.count("| yes |") == 9
    assert "What the check found" not in text
    assert "Waivers" not in text


def test_text_is_for_a_terminal(mixed: dict[str, Any]) -> None:
    lines = _report.render(mixed, "text").splitlines()
    assert lines[0] == "shop r42 must NOT be deployed: 7 of 9 answered by evidence, 1 waived"
    told = [line for line in lines[1:] if not line.startswith("   ")]
    assert [line.split()[0] for line in told] == ["warning", "waived", "ERROR", "EXPIRED", *["yes"] * 7, "waived", "NO"]
    assert told[-1] == "  NO      Is monitoring set up? [monitoring_set_up]"
    assert lines[-1] == "          do: Run guard.yml, with a channel that it can prove."
    (place,) = (number for number, line in enumerate(lines) if line.startswith("  ERROR"))
    assert lines[place + 1].startswith("    new\N{REPLACEMENT CHARACTER}[31m ☃")
    assert lines[place + 2] == "          src/a.ts:3  const x"
    assert all(line.isprintable() for line in lines)


def test_json_is_all_of_it(mixed: dict[str, Any]) -> None:
    assert json.loads(_report.render(mixed, "json")) == mixed


def test_junit_counts_what_is_missing(mixed: dict[str, Any]) -> None:
    root = ET.fromstring(_report.render(mixed, "junit").encode())  # noqa: S314  # it was made here
    suites = {suite.get("name"): suite for suite in root.findall("testsuite")}
    checklist, check = suites["checklist"], suites["release_check"]
    assert (checklist.get("tests"), checklist.get("failures"), checklist.get("skipped")) == ("9", "1", "1")
    assert (check.get("tests"), check.get("failures"), check.get("skipped")) == ("4", "2", "2")
    for suite in suites.values():
        assert len(suite.findall("testcase")) == int(suite.get("tests", ""))
        assert len(suite.findall("testcase/failure")) == int(suite.get("failures", ""))
    failure = check.find("testcase[@name='token_committed on web1']/failure")
    assert failure is not None
    assert str(failure.text).startswith('a | b `c` <script>x</script> [d](e) \\ & "f"\nnew?[31m ☃ ?')
    assert {one.get("name"): one.get("value") for one in check.findall("properties/property")}["release"] == "r42"


def test_sarif_is_complete(mixed: dict[str, Any]) -> None:
    log = json.loads(_report.render(mixed, "sarif"))
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [one.id for one in _rules.RULES] + [f"checklist/{one.id}" for one in ITEMS]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    by_rule = {result["ruleId"]: result for result in run["results"]}
    token, port = by_rule["token_committed"], by_rule["port_busy"]
    assert token["level"] == "error"
    assert token["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "src/a.ts", "uriBaseId": "RELEASE"},
                "region": {"startLine": 3, "snippet": {"text": "const x"}},
            }
        }
    ]
    assert token["relatedLocations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "dist", "uriBaseId": "RELEASE"}
    }
    assert port["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///srv/a%20b.sock"}
    assert port["suppressions"][0]["justification"] == "until 2026-12-31: Ours."
    assert by_rule["checklist/rollback_ready"]["kind"] == "pass"
    assert by_rule["checklist/monitoring_set_up"]["kind"] == "fail"
    assert "suppressions" in by_rule["checklist/smoke_ready"]


def test_the_same_finding_has_the_same_mark_wherever_it_is_told(answer: Answer, evidence: dict[str, Any]) -> None:
    def marks() -> set[str]:
        log = json.loads(_report.render(answer(evidence), "sarif"))
        return {
            one["partialFingerprints"]["finding/v1"]
            for one in log["runs"][0]["results"]
            if "partialFingerprints" in one
        }

    evidence["hosts"]["web1"]["check"]["findings"] = [finding("port_busy")]
    once = marks()
    evidence["hosts"]["web2"]["check"]["findings"] = [finding("port_busy")]
    assert marks() == once
    assert len(once) == 1


def test_another_form_is_refused(mixed: dict[str, Any]) -> None:
    with pytest.raises(DeployError, match="no such form") as caught:
        _report.render(mixed, "pdf")
    assert caught.value.expected == "json, junit, markdown, sarif, text"


@pytest.mark.parametrize("form", sorted(_report.FORMS))
def test_every_form_ends_its_last_line(mixed: dict[str, Any], form: str) -> None:
    text = _report.render(mixed, form)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
