# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._alive import Baseline, judge_process
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.tests.unit.plugins.processes import healthy

RELEASE = "/srv/shop/releases/r2"
FACTS = healthy(RELEASE)
DEAF: dict[str, Any] = {"listener_pids": (), "listener_is_ours": False, "listener_seen": False}
SEEN = Baseline(frozenset({100}), restarts=0, phase="gate", lived=4.0)


def judged(facts: ProcessFacts, baseline: Baseline) -> list[tuple[str, bool]]:
    reasons = judge_process(facts, baseline=baseline, release_path=RELEASE, min_uptime=2.0)
    return [(reason.rule, reason.fatal) for reason in reasons]


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({}, []),
        ({"status": "launching"}, []),
        ({"cwds": {100: f"{RELEASE}/packages/api"}}, []),
        ({"pids": (100, 101)}, []),
        ({"found": False}, [("process_missing", True)]),
        ({"restarts": 1}, [("crashed", True)]),
        ({"restarts": 1, "pids": (101,)}, [("crashed", True)]),
        ({"status": "errored", "restarts": 3, "pids": ()}, [("crashed", True)]),
        ({"status": "errored", "pids": ()}, [("crashed", True)]),
        ({"status": "waiting restart", "pids": ()}, [("crashed", True)]),
        ({"status": "stopped", "pids": ()}, [("stopped", True)]),
        ({"status": "stopping"}, [("stopped", True)]),
        ({"pids": ()}, [("crashed", True)]),
        ({"pids": (101,)}, [("pids_changed", True)]),
        ({"cwds": {100: "/srv/shop/releases/r1"}}, [("wrong_release", True)]),
        ({"cwds": {100: f"{RELEASE}0"}}, [("wrong_release", True)]),
        ({"cwds": {100: f"{RELEASE} (deleted)"}}, [("wrong_release", True)]),
        ({"cwds": {100: RELEASE, 101: "/"}}, [("wrong_release", True)]),
        ({"cwds": {100: RELEASE, 101: "/"}, "exec_mode": "cluster"}, [("wrong_release", False)]),
        ({"cwds": {100: "/srv", 101: "/"}, "exec_mode": "cluster"}, [("wrong_release", True)]),
        ({"cwds": {100: "/home/deploy/.pm2"}, "uptime": 0.2}, [("wrong_release", False)]),
        ({"cwds": {100: ""}}, [("wrong_release", False)]),
        (DEAF, [("no_listener", False)]),
        ({"listener_is_ours": False, "listener_pids": (7,)}, [("port_squatted", True)]),
        ({"listener_is_ours": False, "listener_pids": ()}, [("port_squatted", True)]),
        ({"listener_is_ours": False, "restarts": 1}, [("port_squatted", True), ("crashed", True)]),
        ({"listener_is_ours": False, "exec_mode": "cluster", "restarts": 1, "pids": ()}, [("crashed", True)]),
    ],
)
def test_process_facts_are_judged(change: dict[str, Any], rules: list[tuple[str, bool]]) -> None:
    assert judged(replace(FACTS, **change), SEEN) == rules


@pytest.mark.parametrize(("status", "fatal"), [("online", True), ("launching", False)])
def test_only_what_is_launching_may_still_get_a_process(status: str, fatal: bool) -> None:
    assert judged(replace(FACTS, status=status, pids=(), **DEAF), Baseline()) == [("no_pid", fatal)]


@pytest.mark.parametrize(
    ("uptime", "restarts", "rules"),
    [
        (5.0, 1, [("crashed_at_boot", True)]),
        (59.9, 1, [("crashed_at_boot", True)]),
        (60.0, 1, []),
        (86400.0, 7, []),
    ],
)
def test_restarts_are_history_only_where_the_process_was_not_started_just_now(
    uptime: float, restarts: int, rules: list[tuple[str, bool]]
) -> None:
    assert judged(replace(FACTS, uptime=uptime, restarts=restarts), Baseline()) == rules


def test_history_is_counted_once() -> None:
    old = replace(FACTS, uptime=86400.0, restarts=7)
    baseline = Baseline().after(old)
    assert judged(replace(old, uptime=90000.0), baseline) == []
    assert judged(replace(old, uptime=90000.0, restarts=8), baseline) == [("crashed", True)]


@pytest.mark.parametrize(
    ("phase", "rule"), [("boot", "crashed_at_boot"), ("gate", "crashed"), ("soak", "crashed_in_soak")]
)
def test_a_crash_is_named_after_its_phase(phase: str, rule: str) -> None:
    assert judged(replace(FACTS, restarts=1), replace(SEEN, phase=phase)) == [(rule, True)]


def test_a_look_is_remembered() -> None:
    booting = Baseline().after(replace(FACTS, uptime=0.5, **DEAF))
    assert booting == Baseline(frozenset({100}), restarts=0, phase="boot", lived=0.5)
    assert booting.after(FACTS) == Baseline(frozenset({100}), restarts=0, phase="gate", lived=5.0)
    assert booting.after(replace(FACTS, pids=(100, 101), uptime=0.1)).pids == {100, 101}
    assert SEEN.after(replace(FACTS, uptime=0.0)).lived == 4.0
    assert replace(booting, phase="soak").after(FACTS).phase == "soak"


def test_the_dead_leave_no_trace() -> None:
    assert SEEN.after(replace(FACTS, restarts=1, pids=(101,))) == SEEN


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"restarts": 1}, "it ended, last seen alive 4.0 s after its start; PM2 restarted it once"),
        (
            {"restarts": 3, "status": "errored", "pids": ()},
            "it ended, last seen alive 4.0 s after its start; PM2 restarted it 3 times and then gave up (errored)",
        ),
        ({"pids": (7,)}, "pid 100 has been replaced, last seen alive 4.0 s after its start, without a restart"),
        (
            {"listener_is_ours": False, "listener_pids": (7, 8)},
            "its address belongs to pid 7, 8, which is not the release",
        ),
        (
            {"listener_is_ours": False, "listener_pids": ()},
            "its address belongs to a process of another user, which is not the release",
        ),
        ({"cwds": {100: "/srv/shop/releases/r1"}}, "pid 100 runs in /srv/shop/releases/r1"),
    ],
)
def test_a_reason_says_what_was_seen(change: dict[str, Any], text: str) -> None:
    reasons = judge_process(replace(FACTS, **change), baseline=SEEN, release_path=RELEASE, min_uptime=2.0)
    assert reasons[0].text == text
