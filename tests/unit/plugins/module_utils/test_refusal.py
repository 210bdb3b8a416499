# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._expect import Expectation, Reason
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._gate import Verdict
from ansible_collections.nodeops.pm2.plugins.module_utils._log import Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._plan import Plan, Probe
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer, Question
from ansible_collections.nodeops.pm2.plugins.module_utils._refusal import answered, described, refusal, remedy

ENDED = "it ended; PM2 restarted it once"
CAUSE = "SyntaxError: Unexpected token"
LOG = "/srv/shop/logs/shop-green-error.log"
HEALTH = Probe("health", Question("/health?key=hunter2", headers={"Authorization": "hunter2"}), Expectation())
LOGIN = Probe("login", Question("/login", "POST", data="hunter2"), Expectation(status=(204,)))
PLAN = Plan("/srv/shop/releases/r2", HEALTH, duration=30.0)
FACTS = ProcessFacts(
    name="shop-green",
    found=True,
    status="online",
    exec_mode="fork",
    pids=(101,),
    restarts=1,
    exit_code=1,
    uptime=0.44,
    cwds={},
    listener_pids=(),
    listener_is_ours=False,
    listener_seen=False,
    out_log="",
    err_log="",
)
CRASHED = Verdict(
    HEALTH,
    Answer(error="connection refused"),
    FACTS,
    reasons=[
        Reason("crashed_at_boot", ENDED, fatal=True),
        Reason("syntax_error", CAUSE, fatal=True),
        Reason("no_answer", "connection refused"),
    ],
    asked=4,
    answers=1,
    seconds=2.04,
    cause=Finding("syntax_error", "critical", CAUSE),
)


def told(verdict: Verdict, tail: list[str] | None = None) -> DeployError:
    return refusal(verdict, PLAN, release="r2", slot="green", through="127.0.0.1:3002", tail=tail or [], log=LOG)


@pytest.mark.parametrize(
    ("status", "words"),
    [(503, "the edge has to dial current/.release/listen.sock"), (421, "set bluegreen_edge_host")],
)
def test_a_front_door_that_does_not_lead_to_the_slot_is_told_as_such(status: int, words: str) -> None:
    plan = replace(PLAN, gated=True, just_gated=True)
    verdict = Verdict(HEALTH, Answer(status), reasons=[Reason("wrong_status", f"status {status}")], asked=2)
    said = str(refusal(verdict, plan, release="r2", slot="green", through="http://127.0.0.1", tail=[], log=LOG))
    assert "expected: the answer that the slot itself had just given, through the front door" in said
    assert words in said


def test_a_crash_is_told_on_one_screen() -> None:
    assert str(told(CRASHED, [CAUSE, "    at wrapSafe"])).splitlines() == [
        f"Release r2 is refused in slot green by crashed_at_boot: {ENDED}. Probably syntax_error: {CAUSE}",
        "  expected: 3 good answers in a row within 30 s: status 200",
        "  seen: answer: none, connection refused; 1 of 4 were good, in 2.0 s",
        "    process: shop-green, pid 101, up 0.4 s, restarts 1, last exit code 1, PM2 says 'online'",
        f"    {LOG}:",
        "      SyntaxError: Unexpected token",
        "          at wrapSafe",
        "  where: GET 127.0.0.1:3002 /health",
        "  do: Correct the release and deploy it under a new id. Its last words stand above.",
    ]


def test_other_reasons_are_told_too() -> None:
    squatted = Reason("port_squatted", "its address belongs to pid 7", fatal=True)
    text = str(told(replace(CRASHED, reasons=[squatted, *CRASHED.reasons])))
    assert "by port_squatted: its address belongs to pid 7." in text
    assert "    also crashed_at_boot: it ended; PM2 restarted it once\n" in text
    assert "    also no_answer" not in text
    assert f"    {LOG}: nothing was written since this start\n" in text
    assert "do: Stop that process, or give the slot another address." in text


def test_the_evidence_is_returned_for_machines() -> None:
    failure = told(CRASHED, ["last words"]).failure()
    expected = {
        "verdict": "refused",
        "rule": "crashed_at_boot",
        "cause": {"rule": "syntax_error", "line": CAUSE},
        "probe": {"method": "GET", "through": "127.0.0.1:3002", "path": "/health"},
        "answer": {"status": 0, "body": "", "error": "connection refused", "seconds": 0.0},
        "answers": 1,
        "needed": 3,
        "seconds": 2.04,
        "log": ["last words"],
    }
    assert {name: failure[name] for name in expected} == expected
    assert [reason["rule"] for reason in failure["reasons"]] == ["crashed_at_boot", "syntax_error", "no_answer"]
    assert failure["process"]["pids"] == [101]
    assert failure["process"]["exit_code"] == 1


@pytest.mark.parametrize("probe", [HEALTH, LOGIN])
def test_no_secret_of_a_question_is_shown(probe: Probe) -> None:
    assert "hunter2" not in str(told(replace(CRASHED, probe=probe)).failure())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "3 good answers in a row within 30 s: status 200"),
        ({"phase": "soak"}, "30 s without a restart or 2 bad answers in a row: status 200"),
        ({"probe": LOGIN}, "status 204"),
    ],
)
def test_what_was_expected_depends_on_the_phase(change: dict[str, Any], expected: str) -> None:
    assert told(replace(CRASHED, **change)).expected == expected


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (Answer(error="connection refused"), "none, connection refused"),
        (Answer(204, seconds=0.014), "status 204 after 0.01 s, no body"),
        (Answer(500, body="<h1>\n  Oops\x1b[0m</h1>"), "status 500 after 0.00 s, body <h1> Oops</h1>"),
        (Answer(200, body="x" * 400), "status 200 after 0.00 s, body " + "x" * 299 + "…"),
    ],
)
def test_an_answer_fits_one_line(answer: Answer, line: str) -> None:
    assert answered(answer) == line


def test_a_process_fits_one_line() -> None:
    assert described(None) == described(replace(FACTS, found=False)) == "unknown to PM2"
    gone = described(replace(FACTS, pids=(), exit_code=None))
    assert gone == "shop-green, no pid, up 0.4 s, restarts 1, last exit code none yet, PM2 says 'online'"


@pytest.mark.parametrize(
    ("rule", "cause", "begins"),
    [
        ("crashed", "", "Correct the release and deploy"),
        ("crashed", "error", "Correct the release and deploy"),
        ("crashed_at_boot", "env_missing", "Give it the variable"),
        ("no_listener", "connection_refused", "Something that it needs"),
        ("no_listener", "", "It waits for something"),
        ("wrong_status", "connection_refused", "Ask the same question"),
        ("syntax_error", "syntax_error", "Correct the release. If the line is harmless"),
        ("log_pattern", "log_pattern", "Correct the release. If the line is harmless"),
    ],
)
def test_there_is_always_something_to_do(rule: str, cause: str, begins: str) -> None:
    assert remedy(rule, cause).startswith(begins)
