# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who still waits: on real descriptors, and for a process that has ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _audience, _lock


def pipe() -> tuple[int, Callable[[], None]]:
    """An end to write to, and how the other end goes away."""
    reading, writing = os.pipe()
    return writing, lambda: os.close(reading)


def pair() -> tuple[int, Callable[[], None]]:
    """The same of a socket, which is what sshd gives."""
    theirs, ours = socket.socketpair()
    return ours.detach(), theirs.close


@pytest.mark.parametrize("connect", [pipe, pair])
def test_it_waits_until_the_other_end_is_gone(connect: Callable[[], tuple[int, Callable[[], None]]]) -> None:
    stdout, leave = connect()
    assert _audience.is_waiting(None, stdout=stdout)
    os.write(stdout, b"said, and not read yet")
    assert _audience.is_waiting(None, stdout=stdout)
    leave()
    assert not _audience.is_waiting(None, stdout=stdout)
    os.close(stdout)
    assert _audience.is_waiting(None, stdout=stdout), "some ways to run a module close it"


def test_what_is_written_to_a_file_is_read_by_somebody() -> None:
    with open(os.devnull, "w") as file:
        assert _audience.is_waiting(None, stdout=file.fileno())


def test_a_run_that_has_ended_here_does_not_wait() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = _lock.Owner("ann@laptop", "deploy", process.pid, _lock.this_boot(), _lock.started(process.pid))
        with open(os.devnull, "w") as file:
            assert _audience.is_waiting(owner, stdout=file.fileno())
            process.kill()
            process.wait()
            assert not _audience.is_waiting(owner, stdout=file.fileno())
            elsewhere = replace(owner, boot_id="another machine's")
            assert _audience.is_waiting(elsewhere, stdout=file.fileno()), "of others nothing is known"
