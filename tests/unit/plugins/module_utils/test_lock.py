# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock, _orphan
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._lock import Lease, Owner

HERE = Owner("ann@laptop", "deploy of shop", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
ELSEWHERE = replace(HERE, who="bob@ci", boot_id="another machine", pid=7, started=7)
LEASE = Lease("id", ELSEWHERE, taken_at=1000.0, heartbeat=1000.0, ttl=900.0)


@pytest.mark.parametrize(
    ("lease", "boot_id", "alive", "now", "words"),
    [
        pytest.param(LEASE, "ours", False, 1010.0, "", id="elsewhere and fresh: nobody can tell"),
        pytest.param(LEASE, "another machine", True, 1010.0, "", id="seen alive"),
        pytest.param(LEASE, "another machine", False, 1010.0, "process 7 is gone", id="seen dead"),
        pytest.param(LEASE, "", False, 1010.0, "", id="a machine without a boot id proves nothing"),
        pytest.param(LEASE, "ours", False, 1901.0, "has not renewed", id="run out"),
        pytest.param(LEASE, "ours", False, 1900.0, "", id="not quite run out"),
    ],
)
def test_an_owner_is_dead_only_when_that_is_proved(
    lease: Lease, boot_id: str, alive: bool, now: float, words: str
) -> None:
    death = _lock.death_of(lease, now=now, boot_id=boot_id, alive=alive)
    assert words in death
    assert bool(death) == bool(words)


def test_take_prove_give_back(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lease, took_over = _lock.acquire(lock, HERE, ttl=900)
    assert took_over == ""
    _lock.prove(lock, lease.id)
    assert not _lock.release(lock, "somebody else's")
    assert _lock.release(lock, lease.id)
    assert not _lock.release(lock, lease.id)
    assert not lock.exists()


def test_a_second_taker_is_told_who_holds_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    _lock.acquire(lock, ELSEWHERE, ttl=900)
    with pytest.raises(DeployError) as refused:
        _lock.acquire(lock, HERE, ttl=900)
    assert "bob@ci (pid 7), deploy of shop" in str(refused.value)
    assert refused.value.facts["holder"]["owner"]["who"] == "bob@ci"


def test_a_dead_owner_is_succeeded_and_can_do_nothing_any_more(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = replace(HERE, pid=int(child.stdout), started=1)
    old, _said = _lock.acquire(lock, dead, ttl=900)
    new, took_over = _lock.acquire(lock, HERE, ttl=900)
    assert "is gone" in took_over
    with pytest.raises(DeployError, match="must not go on"):
        _lock.prove(lock, old.id)
    _lock.prove(lock, new.id)


def test_a_controller_may_prove_its_own_process_dead(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    old, _said = _lock.acquire(lock, ELSEWHERE, ttl=900)
    _new, took_over = _lock.acquire(lock, HERE, ttl=900, proven_dead=old.id)
    assert "gone from its controller" in took_over


def test_a_proof_renews_the_lease(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lease, _said = _lock.acquire(lock, HERE, ttl=900)
    _lock.prove(lock, lease.id)
    held = _lock.held(lock)
    assert held is not None
    assert held.heartbeat > lease.heartbeat


def test_a_half_written_lease_is_no_lease(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.mkdir()
    (lock / "lease.json").write_text('{"id": "x", "own')
    assert _lock.held(lock) is None
    _lock.acquire(lock, HERE, ttl=900)


def test_a_frozen_app_is_refused_until_it_is_lifted(tmp_path: Path) -> None:
    _lock.freeze(tmp_path, "r2 failed and r1 as well")
    with pytest.raises(DeployError, match="r2 failed and r1 as well"):
        _lock.acquire(tmp_path / "lock", HERE, ttl=900)
    assert _lock.unfreeze(tmp_path)
    assert not _lock.unfreeze(tmp_path)
    _lock.acquire(tmp_path / "lock", HERE, ttl=900)


@pytest.mark.parametrize(
    ("known", "seen"),
    [
        (
            {"reason": "lunch", "by": "ann@web1", "at": 1_795_428_900},
            "frozen by ann@web1 since 2026-11-23 10:15:00 UTC: lunch",
        ),
        ({"reason": "lunch", "at": 1_795_428_900.5}, "frozen since 2026-11-23 10:15:00 UTC: lunch"),
        ({"by": ["?"], "at": "noon"}, "frozen by ['?']: no reason given"),
        ({}, "frozen: no reason given"),
    ],
)
def test_a_freeze_says_by_whom_it_was_and_since_when_as_far_as_that_is_known(
    tmp_path: Path, known: dict[str, object], seen: str
) -> None:
    (tmp_path / "frozen.json").write_text(json.dumps(known), encoding="utf-8")
    with pytest.raises(DeployError) as refused:
        _lock.refuse_frozen(tmp_path)
    assert refused.value.seen == seen
    assert refused.value.what == "The app is frozen: nothing is done to it until a person lifts that."


@pytest.fixture
def left_running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A module of a run whose controller died: it works on until it is to prove that it holds the lock."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from ansible_collections.nodeops.pm2.plugins.module_utils import _lock\n"
        "lock = Path(sys.argv[1]); lease = _lock.held(lock).id; _lock.prove(lock, lease)\n"
        "print('begun', flush=True); time.sleep(float(sys.argv[2])); _lock.prove(lock, lease); print('went on')\n"
    )
    _lock.acquire(tmp_path / "lock", ELSEWHERE, ttl=900)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "lock"), "1"], env=environment, text=True, stdout=PIPE, stderr=PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process


def test_whoever_takes_over_waits_for_what_the_dead_run_left_working(
    tmp_path: Path, left_running: subprocess.Popen[str]
) -> None:
    lock = tmp_path / "lock"
    found = _lock.held(lock)
    assert found is not None
    assert found.worker == left_running.pid
    _new, took_over = _lock.acquire(lock, HERE, ttl=900, proven_dead=found.id)
    said, complained = left_running.communicate()
    assert (said, left_running.returncode) == ("", 1)
    assert "must not go on" in complained
    assert f"(pid {left_running.pid}) has come to its end." in took_over


def test_an_owner_on_this_host_is_not_waited_for_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "lock"
    old, _said = _lock.acquire(lock, HERE, ttl=900)
    monkeypatch.setattr(_orphan, "outlast", lambda *_: pytest.fail("it is the owner, and gone"))
    _lock.acquire(lock, HERE, ttl=900, proven_dead=old.id)


def test_whoever_asks_is_alive_under_its_own_name() -> None:
    owner = _lock.this_process("ann@web1", "deploy")
    assert (owner.who, owner.what, owner.pid, owner.boot_id) == ("ann@web1", "deploy", os.getpid(), _lock.this_boot())
    assert _lock.is_alive(owner)


def test_whoever_counts_processes_for_itself_is_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = _lock.this_boot()
    assert here.startswith(_lock.BOOT_ID.read_text().strip())
    (tmp_path / "pid").symlink_to("pid:[1]")
    monkeypatch.setattr(_lock, "PID_NAMESPACE", tmp_path / "pid")
    assert _lock.this_boot() not in ("", here)
    assert not _lock.is_gone(replace(HERE, boot_id=here, started=1)), "seen from within a container"
    monkeypatch.setattr(_lock, "PID_NAMESPACE", tmp_path / "none")
    assert _lock.this_boot() == ""
