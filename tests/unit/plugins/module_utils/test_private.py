# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A private place: nobody else's directory, and nothing is left of it however its user ends. Real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock, _private, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
# One that ignores being asked, and has changed to another directory with an environment of its own.
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"


def until(seen: Callable[[], object], *, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.05)


def gone(*pids: int) -> bool:
    return all(_process.start_time(pid) is None for pid in pids)


def test_nothing_is_left_of_it(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with _private.place(place, what="a test", most=60) as (layout, lease):
        _lock.prove(layout.lock, lease)
        assert layout.root.stat().st_mode & 0o777 == 0o700
        (layout.root / "releases").mkdir()
        inside = subprocess.Popen(SLEEPER, cwd=layout.root / "releases")
        marked = subprocess.Popen(
            [sys.executable, "-c", STUBBORN], cwd="/", env={"PM2_HOME": str(place / "pm2")}, stdout=subprocess.PIPE
        )
        assert marked.stdout is not None
        with marked.stdout as said:
            said.readline()
        assert _private.inhabitants(place) == {inside.pid, marked.pid}
    assert gone(inside.pid, marked.pid)
    assert list(tmp_path.iterdir()) == []
    inside.wait()
    marked.wait()


def test_nor_where_whoever_works_there_fails_or_is_killed(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with pytest.raises(ValueError, match="broken"), _private.place(place, what="a test", most=60):
        raise ValueError("broken")
    assert list(tmp_path.iterdir()) == []
    reader, writer = os.pipe()
    worker = os.fork()
    if worker == 0:
        with _private.place(place, what="a test", most=60):
            sleeper = subprocess.Popen(SLEEPER, cwd=place)
            os.write(writer, f"{sleeper.pid}\n".encode())
            time.sleep(60)
        os._exit(0)
    sleeper_pid = int(os.read(reader, 20))
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    until(lambda: gone(sleeper_pid) and not place.exists())


def test_nor_where_it_takes_too_long(tmp_path: Path) -> None:
    with _private.place(tmp_path / "place", what="a test", most=0.2) as (layout, _lease):
        until(lambda: not layout.root.exists())
    assert list(tmp_path.iterdir()) == []


def test_one_at_a_time(tmp_path: Path) -> None:
    place = tmp_path / "place"
    with _private.place(place, what="the first test", most=60) as (layout, lease):
        at_work = pytest.raises(DeployError, match="Somebody else is at work there")
        with at_work as refused, _private.place(place, what="another", most=60):
            pass
        assert "the first test" in refused.value.seen
        _lock.prove(layout.lock, lease)  # and the other has not cleared it away


@pytest.mark.parametrize("dead", ["pid", "boot"])
def test_what_a_dead_run_left_goes_first(tmp_path: Path, dead: str) -> None:
    layout = Layout(tmp_path / "place")
    layout.root.mkdir(mode=0o700)
    (layout.root / "leftover").mkdir()
    me = _lock.Owner("me", "it", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
    owner = replace(me, pid=2**22 + 1) if dead == "pid" else replace(me, boot_id="another")
    _lock.acquire(layout.lock, owner, ttl=float("inf"))
    with _private.place(layout.root, what="a test", most=60):
        assert [path.name for path in layout.root.iterdir()] == ["lock"]


def test_a_directory_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    open_to_others, file, link = tmp_path / "open", tmp_path / "file", tmp_path / "link"
    open_to_others.mkdir()
    open_to_others.chmod(0o755)
    (open_to_others / "precious").touch()
    file.touch()
    link.symlink_to(open_to_others)
    for path in (open_to_others, file, link):
        with pytest.raises(DeployError, match="not a directory of ours"), _private.place(path, what="x", most=60):
            pass
    assert (open_to_others / "precious").exists()
    with pytest.raises(DeployError, match="too long"), _private.place(tmp_path / ("x" * 90), what="x", most=60):
        pass
