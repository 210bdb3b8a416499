# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._expect import Expectation
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._gate import SETTLE, Senses, Verdict, prove
from ansible_collections.nodeops.pm2.plugins.module_utils._log import Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._plan import Plan, Probe, check_plan
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer, Question
from ansible_collections.nodeops.pm2.tests.unit.plugins.processes import healthy

RELEASE = "/srv/shop/releases/r2"
HEALTH = Probe("health", Question("/health"), Expectation())
LOGIN = Probe("login", Question("/login", "POST"), Expectation(status=(204,)))
PLAN = Plan(RELEASE, HEALTH)

OK, NO, BAD = Answer(200, seconds=0.1), Answer(error="connection refused"), Answer(500)
DEAF: dict[str, Any] = {"listener_pids": (), "listener_is_ours": False, "listener_seen": False}
CRASH: dict[str, Any] = {"restarts": 1, "pids": (101,), "exit_code": 1}
SYNTAX = Finding("syntax_error", "critical", "SyntaxError: Unexpected token")


def facts(now: float, **change: Any) -> ProcessFacts:
    """A healthy process that was started when the clock stood at 0."""
    return healthy(RELEASE, **{"uptime": now, **change})


@dataclass
class World:
    """A process on a clock of its own: from second x on, this is the answer, this the change of its facts."""

    answers: Mapping[float, Answer] = field(default_factory=dict)
    changes: Mapping[float, Mapping[str, Any]] = field(default_factory=dict)
    findings: dict[float, Finding] = field(default_factory=dict)
    smoke: Answer = field(default_factory=lambda: Answer(204))
    after_smoke: Mapping[str, Any] = field(default_factory=dict)
    now: float = 0.0
    ticks: int = 0
    asked: list[str] = field(default_factory=list)
    workers: tuple[int | None, ...] = ()

    def senses(self) -> Senses:
        return Senses(self.ask, self.facts, self.log, lambda: self.now, self.sleep, self.tick)

    def ask(self, probe: Probe) -> Answer:
        self.asked.append(probe.name)
        answer = self.smoke if probe is LOGIN else self._at(self.answers, OK)
        self.now += answer.seconds
        server = self.workers[(len(self.asked) - 1) % len(self.workers)] if self.workers else None
        return replace(answer, server=server)

    def facts(self) -> ProcessFacts:
        change = self.after_smoke if "login" in self.asked and self.after_smoke else self._at(self.changes, {})
        return facts(self.now, **change)

    def log(self) -> list[Finding]:
        due = [second for second in self.findings if second <= self.now]
        return [self.findings.pop(second) for second in due]

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def tick(self) -> None:
        self.ticks += 1

    def _at(self, timeline: Mapping[float, Any], default: Any) -> Any:
        past = [second for second in timeline if second <= self.now]
        return timeline[max(past)] if past else default


def judge(plan: Plan = PLAN, **world: Any) -> tuple[Verdict, World]:
    there = World(**world)
    return prove(plan, there.senses()), there


def rules(verdict: Verdict) -> list[str]:
    return [reason.rule for reason in verdict.reasons]


def test_a_good_release_passes_when_it_has_answered_and_lived_long_enough() -> None:
    verdict, world = judge()
    assert verdict.reasons == []
    assert (verdict.streak, verdict.answers, verdict.asked) == (5, 5, 5)
    assert verdict.first_answer_after == pytest.approx(0.1)
    assert verdict.slowest == 0.1
    assert 2.0 <= verdict.seconds < 2.6
    assert world.ticks == 5


@pytest.mark.parametrize(
    ("bad_until", "seconds"), [pytest.param(9.0, 1.0, id="never"), pytest.param(0.4, None, id="one bad answer")]
)
def test_what_has_just_passed_the_gate_is_not_waited_for(bad_until: float, seconds: float | None) -> None:
    plan = replace(PLAN, consecutive=1, interval=0.5, failures=2, gated=True, just_gated=True)
    verdict, world = judge(plan, now=5.0, answers={0: NO, 5.0 + bad_until: OK})
    assert rules(verdict) == ([] if seconds is None else ["no_answer"])
    assert world.now - 5.0 < (seconds or 1.0) + SETTLE


def test_a_warm_release_passes_after_the_answers_in_a_row() -> None:
    verdict, _ = judge(now=5.0)
    assert (verdict.reasons, verdict.asked) == ([], 3)


@pytest.mark.parametrize(
    ("boots", "crashes", "passes"),
    [
        pytest.param(1.0, 2.5, False, id="dead 1.5 s after it began to answer"),
        pytest.param(1.0, 9.0, True, id="later than it has to hold"),
        pytest.param(3.0, 4.5, False, id="slow to boot, and then dead"),
    ],
)
def test_what_boots_slowly_has_to_answer_for_as_long(boots: float, crashes: float, passes: bool) -> None:
    verdict, world = judge(answers={0: NO, boots: OK, crashes: NO}, changes={0: DEAF, boots: {}, crashes: CRASH})
    assert (verdict.reasons == []) is passes
    assert world.now < crashes + 1.5 if not passes else world.now < boots + 2.7


CLUSTER: dict[str, Any] = {"exec_mode": "cluster", "pids": (100, 101, 102, 103), "cwds": {100: RELEASE}}


@pytest.mark.parametrize(
    ("workers", "asked"),
    [
        pytest.param((100, 101, 102, 103), 5, id="in turn"),
        pytest.param((100, 100, 100, 100, 100, 101, 102, 103), 8, id="the last ones after the answers in a row"),
        pytest.param((None,), 5, id="who answers cannot be told"),
    ],
)
def test_every_worker_of_a_cluster_has_to_answer(workers: tuple[int | None, ...], asked: int) -> None:
    verdict, world = judge(changes={0: CLUSTER}, workers=workers)
    assert verdict.reasons == []
    assert verdict.asked == asked
    assert world.now < 3.5, "the rest of the workers are asked without waiting"


def test_a_worker_that_never_answers_refuses_the_release() -> None:
    verdict, _world = judge(changes={0: CLUSTER}, workers=(100, 101, 103))
    assert rules(verdict) == ["worker_silent"]
    assert "pid 102 of the cluster" in verdict.reasons[0].text


@pytest.mark.parametrize("boots", [0.4, 0.77, 10.0])
def test_a_slow_boot_is_waited_for_and_no_longer_than_it_takes(boots: float) -> None:
    verdict, _ = judge(answers={0: NO, boots: OK}, changes={0: DEAF, boots: {}})
    assert verdict.reasons == []
    assert verdict.first_answer_after == pytest.approx(boots + 0.15, abs=0.06), (
        "asked ten times a second, answered in 0.1"
    )


def test_one_bad_answer_begins_the_count_anew() -> None:
    verdict, _ = judge(now=5.0, answers={0: OK, 5.9: BAD, 6.2: OK})
    assert (verdict.reasons, verdict.answers, verdict.streak) == ([], 5, 3)


def test_an_answer_without_good_process_facts_does_not_count() -> None:
    verdict, _ = judge(now=5.0, changes={0: DEAF})
    assert rules(verdict) == ["no_listener"]
    assert verdict.answers == 0


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "never ready, 503": ({"answers": {0: Answer(503)}}, ["never_ready"]),
    "never ready, hangs": ({"answers": {0: Answer(error="no complete answer", seconds=5)}}, ["never_ready"]),
    "alive without listener": ({"answers": {0: NO}, "changes": {0: DEAF}}, ["no_listener", "no_answer"]),
    "crash at boot": (
        {"answers": {0: NO}, "changes": {0: DEAF, 0.4: {**DEAF, **CRASH}}},
        ["crashed_at_boot", "no_answer"],
    ),
    "crash before the first look": ({"changes": {0: {**DEAF, **CRASH}}}, ["crashed_at_boot"]),
    "crash at 1.2 s": ({"changes": {1.2: CRASH}}, ["crashed"]),
    "wrong status": ({"answers": {0: BAD}}, ["wrong_status"]),
    "squatted": (
        {"changes": {0: {"listener_is_ours": False, "listener_pids": (7,)}}},
        ["port_squatted"],
    ),
    "deleted in PM2": ({"changes": {1: {"found": False}}}, ["process_missing"]),
    "another release": ({"changes": {0: {"cwds": {100: "/srv/shop/releases/r1"}}}}, ["wrong_release"]),
    "good at first, then nothing": ({"answers": {0.5: NO}}, ["no_answer"]),
    "syntax error in the log": ({"findings": {0.5: SYNTAX}}, ["syntax_error"]),
    "syntax error while deaf": (
        {"answers": {0: NO}, "changes": {0: DEAF}, "findings": {0.5: SYNTAX}},
        ["syntax_error", "no_listener", "no_answer"],
    ),
    "syntax error, then the crash": ({"findings": {0.5: SYNTAX}, "changes": {0.8: CRASH}}, ["crashed", "syntax_error"]),
    "too slow": ({"answers": {0: Answer(200, seconds=1.5)}}, ["too_slow"]),
    "another id in the answer": ({"answers": {0: Answer(200, body='{"release": "r1"}')}}, ["wrong_json"]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_broken_release_is_refused_by_the_rule_that_tells_most(case: str) -> None:
    world, expected = CASES[case]
    expectation = {
        "too slow": Expectation(latency=1.0),
        "another id in the answer": Expectation(json={"release": "r2"}),
    }.get(case, Expectation())
    verdict, _ = judge(replace(PLAN, health=replace(HEALTH, expectation=expectation)), **world)
    assert [rule for rule in rules(verdict) if rule != "pids_changed"] == expected


@pytest.mark.parametrize(("case", "at_most"), [("crash at 1.2 s", 3), ("squatted", 1), ("wrong status", 37)])
def test_what_cannot_mend_is_refused_at_once_and_the_rest_in_time(case: str, at_most: float) -> None:
    verdict, _ = judge(**CASES[case][0])
    assert verdict.seconds <= at_most


def test_time_runs_out_between_good_answers() -> None:
    flapping = {second / 2: (BAD if second % 4 == 3 else OK) for second in range(100)}
    verdict, _ = judge(replace(PLAN, consecutive=8), answers={k: replace(v, seconds=0) for k, v in flapping.items()})
    assert rules(verdict)[0] in ("never_ready", "wrong_status")
    assert 30 <= verdict.seconds < 31.5


def test_a_young_process_does_not_pass_on_good_answers_alone() -> None:
    verdict, _ = judge(changes={0: {"uptime": 1.0}})
    assert rules(verdict) == ["never_ready"]
    assert "1.0 s of life" in verdict.reasons[0].text


SMOKE = replace(PLAN, smoke=[LOGIN])


def test_smoke_is_asked_once_after_the_good_answers() -> None:
    verdict, world = judge(replace(SMOKE, duration=3.0), now=5.0)
    assert verdict.reasons == []
    assert world.asked[:4] == ["health"] * 3 + ["login"]
    assert world.asked.count("login") == 1
    assert verdict.smoke == [{"name": "login", "status": 204, "seconds": 0.0}]


def test_one_bad_smoke_answer_refuses() -> None:
    verdict, _ = judge(SMOKE, smoke=BAD)
    assert rules(verdict) == ["smoke_failed"]
    assert verdict.reasons[0].text == "login: status 500, expected 204"
    assert verdict.probe == LOGIN


@pytest.mark.parametrize(
    ("answer", "expected"), [(Answer(204), ["crashed"]), (Answer(error="closed"), ["crashed", "smoke_failed"])]
)
def test_a_smoke_question_that_kills_it_refuses(answer: Answer, expected: list[str]) -> None:
    verdict, _ = judge(SMOKE, smoke=answer, after_smoke=CRASH)
    assert rules(verdict) == expected


SOAK = replace(PLAN, duration=30.0)


def test_a_soak_lasts_as_long_as_it_should() -> None:
    verdict, _ = judge(SOAK)
    assert verdict.reasons == []
    assert 32 <= verdict.seconds < 34
    assert verdict.phase == "soak"


def test_a_crash_in_the_soak_refuses_at_once() -> None:
    verdict, _ = judge(SOAK, changes={15: CRASH})
    assert rules(verdict) == ["crashed_in_soak"]
    assert verdict.seconds < 17


def test_what_has_passed_the_gate_before_does_not_crash_at_boot_any_more() -> None:
    verdict, _world = judge(replace(PLAN, duration=20.0, gated=True), changes={0: CRASH})
    assert rules(verdict) == ["crashed_in_soak"]


def test_one_bad_answer_in_the_soak_is_reported_and_two_in_a_row_refuse() -> None:
    verdict, _ = judge(SOAK, answers={0: OK, 14.9: BAD, 15.3: OK})
    assert (verdict.reasons, verdict.warnings) == ([], ["status 500, expected 200"])
    verdict, _ = judge(SOAK, answers={0: OK, 15: BAD})
    assert rules(verdict) == ["wrong_status"]
    assert verdict.seconds < 17


def test_a_soak_does_not_end_well_on_a_bad_answer() -> None:
    verdict, _ = judge(replace(SOAK, failures=3), answers={0: OK, 32.2: BAD})
    assert rules(verdict) == ["wrong_status"]


def test_warnings_are_returned_and_do_not_refuse() -> None:
    refused = Finding("connection_refused", "warning", "connect ECONNREFUSED")
    verdict, _ = judge(findings={0: refused, 0.5: refused, 1: Finding("error", "hint", "Error: x")})
    assert (verdict.reasons, verdict.warnings) == ([], ["connect ECONNREFUSED"])
    assert verdict.cause == refused


def test_the_gate_stops_when_the_lease_is_lost() -> None:
    def lost() -> None:
        raise DeployError("lost")

    with pytest.raises(DeployError, match="lost"):
        prove(PLAN, replace(World().senses(), on_tick=lost))


@pytest.mark.parametrize(
    "change", [{"consecutive": 0}, {"failures": 0}, {"interval": 0.0}, {"deadline": 2.0}, {"min_uptime": 30.0}]
)
def test_a_plan_without_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DeployError, match="makes no sense"):
        check_plan(replace(PLAN, **change))


def test_a_plan_with_sense_is_not() -> None:
    check_plan(PLAN)


def test_every_case_has_a_rule_of_its_own() -> None:
    cases = [
        "never ready, 503",
        "alive without listener",
        "crash at boot",
        "crash at 1.2 s",
        "wrong status",
        "squatted",
    ]
    assert len({CASES[case][1][0] for case in cases}) == len(cases)
