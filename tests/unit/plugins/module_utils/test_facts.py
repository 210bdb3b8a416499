# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _facts, _pm2, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2, Record
from ansible_collections.nodeops.pm2.plugins.module_utils._process import Listeners
from ansible_collections.nodeops.pm2.tests.unit.plugins.processes import healthy

SLOT = Slot("green", "demo-green", "127.0.0.1:3002", "/run/demo/green.sock")
RELEASE = "/srv/demo/releases/r1"
DAEMON = 9

RECORD = Record(
    name="demo-green",
    pm_id=0,
    pid=100,
    status="online",
    restarts=1,
    unstable_restarts=0,
    started_at=1.7e9,
    cwd=RELEASE,
    script=f"{RELEASE}/server.js",
    exec_mode="fork",
    interpreter="node",
    exit_code=None,
    out_log="/srv/demo/logs/demo-green-out.log",
    err_log="/srv/demo/logs/demo-green-error.log",
)
FACTS = healthy(RELEASE, name="demo-green", out_log="out", err_log="err")


def record(**changes: Any) -> Record:
    return dataclasses.replace(RECORD, **changes)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A host where 100, 101, its child 111 and the daemon live, and whose records and listeners vary."""
    state: dict[str, Any] = {"records": [], "listeners": Listeners(frozenset(), False)}
    ages = {100: 50.0, 101: 5.0, 111: 5.0, DAEMON: 900.0}
    monkeypatch.setattr(_pm2, "records", lambda _pm2: state["records"])
    monkeypatch.setattr(_pm2, "daemon_pid", lambda _pm2: DAEMON)
    monkeypatch.setattr(_process, "listeners", lambda _address: state["listeners"])
    monkeypatch.setattr(_process, "descendants", lambda pid: {111} if pid == 101 else set())
    monkeypatch.setattr(_process, "start_time", lambda pid: 1 if pid in ages else None)
    monkeypatch.setattr(_process, "age", lambda pid: ages[pid])
    monkeypatch.setattr(_process, "cwd", lambda pid: f"/cwd/{pid}")
    return state


def read(host: dict[str, Any], records: list[Record], owners: set[int]) -> _facts.ProcessFacts:
    host.update(records=[*records, record(name="other", pid=777)], listeners=Listeners(frozenset(owners), False))
    return _facts.read_facts(Pm2(Path("/nowhere")), SLOT)


def test_nothing_runs(host: dict[str, Any]) -> None:
    facts = read(host, [], set())
    assert (facts.found, facts.status, facts.pids, facts.listener_seen, facts.listener_is_ours) == (
        False,
        "",
        (),
        False,
        False,
    )


def test_one_process_that_listens_itself(host: dict[str, Any]) -> None:
    facts = read(host, [record()], {100})
    assert (facts.pids, facts.cwds, facts.uptime, facts.restarts) == ((100,), {100: "/cwd/100"}, 50.0, 1)
    assert facts.listener_is_ours


def test_a_wrapper_whose_child_listens(host: dict[str, Any]) -> None:
    facts = read(host, [record(pid=101)], {111})
    assert facts.listener_is_ours
    assert facts.cwds == {101: "/cwd/101", 111: "/cwd/111"}


@pytest.mark.parametrize(("mode", "ours"), [("cluster", True), ("fork", False)])
def test_the_daemon_listens_for_cluster_workers_only(host: dict[str, Any], mode: str, ours: bool) -> None:
    facts = read(host, [record(exec_mode=mode), record(pid=101, exec_mode=mode)], {DAEMON})
    assert facts.listener_is_ours is ours
    assert facts.listener_pids == (DAEMON,)
    assert DAEMON not in facts.cwds
    assert facts.uptime == 5.0
    assert facts.restarts == 2


def test_a_recorded_pid_that_is_gone_counts_for_nothing(host: dict[str, Any]) -> None:
    facts = read(host, [record(pid=555)], {100})
    assert (facts.pids, facts.uptime, facts.listener_is_ours, facts.listener_seen) == ((), 0.0, False, True)


@pytest.mark.parametrize(
    ("owners", "foreign", "proxy", "expected"),
    [
        ({100}, False, None, True),
        ({100, 111}, False, None, True),
        ({100, 200}, False, None, False),
        ({100}, True, None, False),
        (set(), True, None, False),
        (set(), False, None, False),
        ({9}, False, 9, True),
        ({9, 200}, False, 9, False),
        ({9}, False, None, False),
    ],
)
def test_whose_listener_it_is(owners: set[int], foreign: bool, proxy: int | None, expected: bool) -> None:
    assert _facts.owned(Listeners(frozenset(owners), foreign), family={100, 111}, proxy=proxy) is expected


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [([], ""), (["online"], "online"), (["online", "errored"], "errored"), (["launching", "online"], "launching")],
)
def test_the_worst_worker_speaks(statuses: list[str], expected: str) -> None:
    assert _facts.worst_status([record(status=status) for status in statuses]) == expected


@pytest.mark.parametrize(
    ("codes", "expected"), [([], None), ([None], None), ([0], 0), ([0, 3], 3), ([None, 0], 0), ([3, None], 3)]
)
def test_a_failure_is_not_hidden_by_a_success(codes: list[int | None], expected: int | None) -> None:
    assert _facts.worst_exit_code([record(exit_code=code) for code in codes]) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"cwds": {100: f"{RELEASE}/packages/api"}}, True),
        ({"cwds": {100: "/srv/demo/releases/r10"}}, False),
        ({"cwds": {100: f"{RELEASE} (deleted)"}}, False),
        ({"cwds": {100: RELEASE, 101: "/srv/demo/releases/r0"}}, False),
        ({"cwds": {}}, False),
        ({"status": "errored"}, False),
        ({"listener_is_ours": False}, False),
    ],
)
def test_whether_it_is_this_release_that_runs(changes: dict[str, Any], expected: bool) -> None:
    assert _facts.runs_release(dataclasses.replace(FACTS, **changes), Path(RELEASE)) is expected
