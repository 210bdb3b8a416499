# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The engine: rules are complete, can be skipped by a known name only, and break with a way to go on."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _check, _rules
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry, Subject


@rule(WARNING, protects="Order.", remedy="Mind it.")
def mild(_subject: Subject) -> Iterator[Finding]:
    yield Finding("A little.")


@rule(ERROR, protects="All.", remedy="Correct it.")
def grave(_subject: Subject) -> Iterator[Finding]:
    yield Finding("Much.", (Evidence("src/a.ts", 3, "const x"), Evidence("dist")))
    yield Finding("Less.", severity=WARNING, remedy="Do that instead.")


@rule(ERROR, protects="Nothing.", remedy="None.")
def broken(_subject: Subject) -> Iterator[Finding]:
    yield Finding(str(1 // 0))


@rule(ERROR, protects="Nothing.", remedy="None.")
def endless(_subject: Subject) -> Iterator[Finding]:
    yield Finding(str(re.match("(a+)+b", "a" * 60)))


@rule(ERROR, protects="Nothing.", remedy="None.")
def strange(_subject: Subject) -> Iterator[Finding]:
    yield Finding("caf\udce9 is odd.", (Evidence("new\nline", 1, "\x1b[31mred"),))


@pytest.fixture
def subject(tree_of: Callable[..., Any]) -> Subject:
    return Subject(tree_of({}), Entry("server.js"))


def test_findings_are_completed_and_errors_come_first(subject: Subject) -> None:
    told = [(item.rule, item.severity, item.remedy) for item in _check.run(subject, (mild, grave))]
    assert told == [
        ("grave", ERROR, "Correct it."),
        ("mild", WARNING, "Mind it."),
        ("grave", WARNING, "Do that instead."),
    ]


def test_a_skipped_rule_does_not_run(subject: Subject) -> None:
    assert [item.rule for item in _check.run(subject, (mild, broken), skip=["broken"])] == ["mild"]


def test_a_broken_rule_says_how_to_go_on(subject: Subject) -> None:
    with pytest.raises(DeployError, match=r"rule broken itself broke(.|\n)*bluegreen_check_skip: \[broken\]"):
        _check.run(subject, (broken,))


def test_a_rule_that_does_not_end_is_ended(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_check, "LONGEST_RULE", 0.05)
    with pytest.raises(DeployError, match=r"it did not end within 0\.05 s(.|\n)*bluegreen_check_skip: \[endless\]"):
        _check.run(subject, (endless,))
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_names_and_lines_cannot_spoil_a_terminal_or_a_report(subject: Subject) -> None:
    (found,) = _check.run(subject, (strange,))
    assert found.message == "caf\\udce9 is odd."
    assert found.evidence == (Evidence("new\\nline", 1, "\\x1b[31mred"),)


def test_an_unknown_rule_is_refused_with_the_known_ones() -> None:
    _check.refuse_unknown(["mild"], (mild, grave))
    with pytest.raises(DeployError) as caught:
        _check.refuse_unknown(["mild", "milde"], (mild, grave))
    assert (caught.value.expected, caught.value.seen) == ("grave, mild", "milde")


def test_a_refusal_shows_errors_only_with_evidence_remedy_and_override(subject: Subject) -> None:
    refused = _check.refusal(_check.run(subject, (mild, grave)), ["other"])
    assert str(refused) == (
        "The check refuses this release: 1 error.\n\n"
        "[grave] Much.\n    src/a.ts:3: const x\n    dist\n    do: Correct it.\n"
        "    or: bluegreen_check_skip: [grave], or with a reason and an end a waiver in bluegreen_waivers"
    )
    assert refused.facts["counts"] == {"error": 1, "warning": 2, "skipped": 1}
    assert refused.facts["findings"][0]["evidence"][0] == {"file": "src/a.ts", "line": 3, "text": "const x"}


def test_every_rule_of_the_catalogue_can_be_named_and_understood() -> None:
    ids = [item.id for item in _rules.RULES]
    assert len(ids) == len(set(ids)) == 51
    for item in _rules.RULES:
        assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", item.id)
        assert item.severity in (ERROR, WARNING)
        assert item.protects.endswith(".")
        assert item.remedy.endswith(".")
