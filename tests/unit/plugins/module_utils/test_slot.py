# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _pm2, _process, _slot
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2, Record

# Listens on a socket where one is named, and is deaf to the signals that follow.
PROGRAM = """
import signal, socket, sys
if sys.argv[1]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen()
for number in map(int, sys.argv[2:]):
    signal.signal(number, signal.SIG_IGN)
print("ready", flush=True)
signal.pause()
"""

RECORD = Record(
    name="demo-green",
    pm_id=0,
    pid=0,
    status="online",
    restarts=0,
    unstable_restarts=0,
    started_at=1.7e9,
    cwd="",
    script="",
    exec_mode="fork",
    interpreter="node",
    exit_code=None,
    out_log="",
    err_log="",
)
FACTS = ProcessFacts("demo-green", True, "online", "fork", (1,), 0, None, 5.0, {}, (1,), True, True, "", "")


class FakePm2:
    """PM2 as the slot sees it: a start makes a record of what it was given, a removal drops it."""

    def __init__(self, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout = layout
        self.listed: list[Record] = []
        self.next = RECORD
        self.started: list[Path] = []
        self.removing: Callable[[], None] = self.listed.clear
        for name in ("records", "remove", "start", "daemon_pid"):
            monkeypatch.setattr(_pm2, name, getattr(self, name))

    def records(self, _pm2: Pm2) -> list[Record]:
        return list(self.listed)

    def remove(self, _pm2: Pm2, _name: str, *, timeout: float) -> None:
        assert timeout == 3
        self.removing()

    def start(self, _pm2: Pm2, config: Path, *, timeout: float) -> None:
        assert timeout == 3
        self.started.append(config)
        release, logs = str(config.parent), self.layout.root / "logs"
        defaults = {
            "cwd": release,
            "script": f"{release}/server.js",
            "out_log": str(logs / "demo-green-out.log"),
            "err_log": str(logs / "demo-green-error.log"),
        }
        changes: dict[str, Any] = {key: value for key, value in defaults.items() if not getattr(self.next, key)}
        self.listed.append(dataclasses.replace(self.next, **changes))

    def daemon_pid(self, _pm2: Pm2) -> int | None:
        return None


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    for name in ("r1", "r2"):
        release = layout.release(name)
        release.private.mkdir(parents=True)
        for slot in ("blue", "green"):
            release.ecosystem_for(slot).write_text(f"{name} in {slot}")
    return layout


@pytest.fixture
def slot(tmp_path: Path) -> Slot:
    return Slot("green", "demo-green", f"unix:{tmp_path}/app.sock", f"{tmp_path}/green.sock")


@pytest.fixture
def pm2(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> FakePm2:
    monkeypatch.setattr(_slot, "_LAST_WORDS", 0.3)
    return FakePm2(layout, monkeypatch)


ACCESS = Pm2(Path("/nowhere"))


def start(layout: Layout, slot: Slot, release: str = "r1") -> _slot.Started:
    return _slot.start(layout, release, slot, ACCESS, timeout=3)


def stop(layout: Layout, slot: Slot) -> bool:
    return _slot.stop(layout, slot, ACCESS, timeout=3)


@contextlib.contextmanager
def process(
    cwd: Path, *, name: str = "demo-green", listen: str = "", deaf_to: tuple[int, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-c", PROGRAM, listen, *(str(int(number)) for number in deaf_to)]
    with subprocess.Popen(argv, cwd=cwd, env={"name": name}, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        try:
            yield running
        finally:
            running.kill()


def test_a_release_is_started_from_its_own_files(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    pm2.next = dataclasses.replace(RECORD, pid=4711)
    assert start(layout, slot).pids == (4711,)
    release = layout.release("r1")
    assert pm2.started == [release.ecosystem]
    assert release.ecosystem.read_text() == "r1 in green"
    assert os.readlink(release.listen) == slot.socket


def test_without_an_edge_no_link_is_made(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    start(layout, dataclasses.replace(slot, socket=""))
    assert pm2.started
    assert not os.path.lexists(layout.release("r1").listen)


def test_the_logs_are_read_from_where_they_end(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    first = start(layout, slot)
    assert (first.out.offset, first.error.offset) == (0, 0)
    Path(first.error.path).write_text("old crash\n")
    assert start(layout, slot).error == _slot.LogMark(f"{layout.root}/logs/demo-green-error.log", 10)
    assert len(pm2.started) == 2


def test_a_release_without_an_ecosystem_file_leaves_the_slot_alone(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    pm2.listed.append(RECORD)
    layout.release("r1").ecosystem_for("green").unlink()
    with pytest.raises(DeployError, match="cannot be started in slot green"):
        start(layout, slot)
    assert pm2.listed == [RECORD]


def test_a_socket_that_nobody_listens_on_is_removed(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    path = layout.root / "app.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    start(layout, slot)
    assert pm2.started
    assert not path.exists()


def test_a_stranger_on_the_address_is_named_and_left_alone(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(layout.root / "app.sock"))
        stranger.listen()
        assert stop(layout, slot) is False
        with pytest.raises(DeployError, match=rf"pid {os.getpid()} \(.*python"):
            start(layout, slot)
    assert not pm2.started


@pytest.mark.parametrize(
    ("live", "link", "release", "slot_socket", "refused"),
    [
        ("r1", "green.sock", "r2", "green.sock", "This slot is live"),
        ("r1", "blue.sock", "r1", "green.sock", "This release is live"),
        ("r1", "blue.sock", "r2", "green.sock", None),
        ("r1", None, "r2", "green.sock", None),
        (None, None, "r1", "green.sock", None),
        ("r1", "green.sock", "r1", "", None),
    ],
)
def test_what_is_live_is_not_touched(
    layout: Layout, slot: Slot, live: str | None, link: str | None, release: str, slot_socket: str, refused: str | None
) -> None:
    if live:
        layout.current.symlink_to(f"releases/{live}")
    if link:
        layout.release("r1").listen.symlink_to(link)
    judged = contextlib.nullcontext() if refused is None else pytest.raises(DeployError, match=refused)
    with judged:
        _slot.refuse_live(layout, dataclasses.replace(slot, socket=slot_socket), layout.release(release))


def test_the_live_slot_is_neither_stopped_nor_started(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    start(layout, slot)
    layout.current.symlink_to("releases/r1")
    for act in (stop, start):
        with pytest.raises(DeployError, match="slot is live"):
            act(layout, slot)
    assert len(pm2.listed) == 1


def test_an_empty_slot_is_no_change(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    assert pm2.listed == []
    assert not _slot.occupied(layout, slot, ACCESS)
    assert stop(layout, slot) is False


def test_what_pm2_stops_is_a_change(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    pm2.listed.append(RECORD)
    assert _slot.occupied(layout, slot, ACCESS)
    assert stop(layout, slot) is True
    assert pm2.listed == []


def test_a_descendant_that_outlives_its_record_is_ended(
    layout: Layout, slot: Slot, pm2: FakePm2, tmp_path: Path
) -> None:
    """Not in a release, not listening: known only because it was seen below PM2's pid before the stop."""
    with process(tmp_path, name="other", deaf_to=(signal.SIGTERM,)) as survivor:
        pm2.listed.append(dataclasses.replace(RECORD, pid=survivor.pid))
        assert stop(layout, slot) is True
        assert survivor.wait(5) == -signal.SIGKILL


def test_a_daemon_that_does_not_answer_in_time_does_not_save_the_process(
    layout: Layout, slot: Slot, pm2: FakePm2, tmp_path: Path
) -> None:
    answers = iter([DeployError("PM2's daemon did not answer."), None])

    def removing() -> None:
        answer = next(answers)
        if answer:
            raise answer
        pm2.listed.clear()

    pm2.removing = removing
    with process(tmp_path) as survivor:
        pm2.listed.append(dataclasses.replace(RECORD, pid=survivor.pid))
        assert stop(layout, slot) is True
        assert survivor.wait(5) == -signal.SIGTERM


def test_a_record_that_stays_is_told(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    pm2.listed.append(RECORD)
    pm2.removing = lambda: None
    with pytest.raises(DeployError, match="keeps a process"):
        stop(layout, slot)


def test_an_orphan_that_pm2_no_longer_knows_is_ended(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    assert not pm2.listed
    with process(layout.release("r1").path) as orphan:
        assert _slot.occupied(layout, slot, ACCESS)
        assert stop(layout, slot) is True
        assert orphan.wait(5) == -signal.SIGTERM


def test_an_orphan_that_listens_is_ended_whatever_its_name(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    path = layout.root / "app.sock"
    with process(layout.release("r1").path, name="other", listen=str(path)) as orphan:
        start(layout, slot)
        assert pm2.started
        assert orphan.wait(5) == -signal.SIGTERM


def test_what_pm2_starts_again_while_it_stops_is_ended(layout: Layout, slot: Slot, pm2: FakePm2) -> None:
    """PM2 7.0.4 does so with an app that waits to be called ready, and then does not list it."""
    with contextlib.ExitStack() as stack:
        again: list[subprocess.Popen[bytes]] = []

        def removing() -> None:
            if pm2.listed:
                again.append(stack.enter_context(process(layout.release("r1").path)))
            pm2.listed.clear()

        pm2.removing = removing
        pm2.listed.append(RECORD)
        assert stop(layout, slot) is True
        assert again[0].wait(5) == -signal.SIGTERM


@pytest.mark.parametrize(("place", "name"), [("releases/r1", "demo-blue"), (".", "demo-green")])
def test_other_processes_are_left_alone(layout: Layout, slot: Slot, pm2: FakePm2, place: str, name: str) -> None:
    assert not pm2.listed
    with process(layout.root / place, name=name) as other:
        assert stop(layout, slot) is False
        assert other.poll() is None


def test_a_reused_pid_is_not_hit(tmp_path: Path) -> None:
    with process(tmp_path) as other:
        _slot.end({other.pid: (_process.start_time(other.pid) or 0) - 1})
        assert other.poll() is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"cwd": "releases/r1", "script": "releases/r1/a.js"}, None),
        ({"cwd": "current", "script": "current/a.js"}, None),
        ({"cwd": "releases/r1/packages/api", "script": "/usr/bin/env"}, None),
        ({"cwd": "releases/r1", "script": "releases/r2/a.js"}, "script"),
        ({"cwd": "releases/r1", "script": "dist/a.js"}, "script"),
        ({"cwd": "releases/r2", "script": "releases/r1/a.js"}, "cwd"),
        ({"cwd": "releases/r10", "script": "releases/r1/a.js"}, "cwd"),
    ],
)
def test_pm2_keeps_old_scripts(layout: Layout, changes: dict[str, str], expected: str | None) -> None:
    layout.current.symlink_to("releases/r1")
    paths = {key: os.path.join(layout.root, value) for key, value in changes.items()}
    record = dataclasses.replace(RECORD, cwd=paths["cwd"], script=paths["script"])
    problem = _slot.foreign_path(record, release=layout.release("r1").path, root=layout.root)
    assert problem == (expected and f"{expected} {paths[expected]}")


@pytest.mark.parametrize(("changes", "seen"), [({"cwd": "/"}, "cwd /"), ({"name": "demo"}, "no process of that name")])
def test_a_start_of_something_else_fails(
    layout: Layout, slot: Slot, pm2: FakePm2, changes: dict[str, Any], seen: str
) -> None:
    pm2.next = dataclasses.replace(RECORD, **changes)
    with pytest.raises(DeployError, match=f"does not run what it was given(.|\n)*seen: {seen}"):
        start(layout, slot)


@pytest.mark.parametrize(
    ("cwd", "link", "life", "warm"),
    [
        ("r1", "green.sock", {}, True),
        ("r2", "green.sock", {}, False),
        ("r1", "blue.sock", {}, False),
        ("r1", None, {}, False),
        pytest.param("r1", "green.sock", {"restarts": 1, "uptime": 59.0}, False, id="restarted a moment ago"),
        pytest.param("r1", "green.sock", {"restarts": 1, "uptime": 60.0}, True, id="restarted long ago"),
    ],
)
def test_warm_is_one_rename_away(
    layout: Layout, slot: Slot, cwd: str, link: str | None, life: dict[str, Any], warm: bool
) -> None:
    release = layout.release("r1")
    if link:
        release.listen.symlink_to(layout.root / link)
    facts = dataclasses.replace(FACTS, cwds={1: str(layout.release(cwd).path)}, **life)
    assert _slot.is_warm(facts, release, slot) is warm


@pytest.mark.parametrize(
    ("cwds", "another"),
    [
        ({}, False),
        ({1: "releases/r1"}, False),
        ({1: "releases/r1/packages/api"}, False),
        ({1: "releases/r2"}, True),
        ({1: "releases/r2", 2: "releases/r1"}, False),
        ({1: "", 2: "."}, False),
        ({1: ".", 2: "releases/r2"}, True),
    ],
)
def test_another_release_is_told_from_a_worker_that_was_just_forked(
    layout: Layout, cwds: dict[int, str], another: bool
) -> None:
    facts = dataclasses.replace(FACTS, cwds={pid: cwd and str(layout.root / cwd) for pid, cwd in cwds.items()})
    assert _slot.runs_another(facts, layout.release("r1")) is another


def test_a_warm_slot_keeps_its_pids_and_its_logs_begin_now(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("12345")
    facts = dataclasses.replace(FACTS, out_log=str(tmp_path / "out"), err_log=str(tmp_path / "err"))
    kept = _slot.keep(facts)
    assert (kept.pids, kept.out.offset, kept.error.offset) == ((1,), 5, 0)
