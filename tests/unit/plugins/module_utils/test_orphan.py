# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a dead run left working: it is waited for, and ended as a whole where that takes too long."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _orphan, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child, which is reaped as init would."""
    process = subprocess.Popen(["sh", "-c", "sleep 300 & wait"])
    threading.Thread(target=process.wait, daemon=True).start()
    while not _process.descendants(process.pid):
        pass
    left = {process.pid, *_process.descendants(process.pid)}
    yield process
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def started(pid: int) -> int:
    found = _process.start_time(pid)
    assert found is not None
    return found


def test_what_does_not_end_is_ended_with_all_that_it_started(family: subprocess.Popen[bytes]) -> None:
    (child,) = _process.descendants(family.pid)
    said = _orphan.outlast(family.pid, started(family.pid), patience=0.2)
    assert said == f"What it had left running here (pid {family.pid}) was ended after 0.2 s."
    assert _process.start_time(child) is None


def test_what_ends_by_itself_is_only_waited_for() -> None:
    process = subprocess.Popen(["sleep", "0.3"])
    birth = started(process.pid)
    threading.Thread(target=process.wait, daemon=True).start()
    assert "has come to its end" in _orphan.outlast(process.pid, birth, patience=10)


@pytest.mark.parametrize("shift", [1, -1])
def test_a_reused_pid_is_somebody_else(family: subprocess.Popen[bytes], shift: int) -> None:
    assert _orphan.outlast(family.pid, started(family.pid) + shift, patience=0.1) == ""
    assert family.poll() is None


def test_nobody_waits_for_itself() -> None:
    assert _orphan.outlast(os.getpid(), started(os.getpid()), patience=0.1) == ""


def test_what_cannot_be_ended_is_told(family: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    monkeypatch.setattr(_orphan, "_LAST_WORDS", 0.1)
    with pytest.raises(DeployError, match="still works on this host"):
        _orphan.outlast(family.pid, started(family.pid), patience=0.1)
    monkeypatch.undo()
