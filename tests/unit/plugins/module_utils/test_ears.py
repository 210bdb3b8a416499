# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Listening to a daemon that comes, goes, and may speak another language; its part is played on a real socket."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _axon, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._bus import Thrown
from ansible_collections.nodeops.pm2.plugins.module_utils._ears import Commanded, Ear, Heard
from ansible_collections.nodeops.pm2.plugins.module_utils._exits import Crash


class Daemon:
    """The side of PM2: listens in ``home`` and says what it is told to."""

    def __init__(self, home: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(home / "pub.sock"))
        self._listener.listen()
        self._connection: socket.socket | None = None

    def takes(self) -> None:
        """Let the next one in."""
        if self._connection:
            self._connection.close()
        self._connection, _address = self._listener.accept()

    def says(self, *events: tuple[str, dict[str, Any]]) -> None:
        """Publish."""
        assert self._connection
        for topic, raw in events:
            self._connection.sendall(_axon.encode(f"s:{topic}".encode(), b"j:" + json.dumps(raw).encode()))

    def babbles(self) -> None:
        """Speak as no version that is known."""
        assert self._connection
        self._connection.sendall(b"\x22\x00\x00\x00\x01a")

    def dies(self) -> None:
        """Leave its socket behind, as a kill does."""
        self._listener.close()
        if self._connection:
            self._connection.close()


def exit_of(status: str, *, life: int = 1000, **more: Any) -> tuple[str, dict[str, Any]]:
    process = {"name": "shop-blue", "pm_id": 0, "pm_uptime": life, "status": status, "exit_code": 1, **more}
    return "process:event", {"event": "exit", "at": life + 1500, "process": process}


THROWN = ("process:exception", {"at": 1, "process": {"name": "shop-blue", "pm_id": 0}, "data": {"message": "boom"}})


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path)
    yield daemon
    with contextlib.suppress(OSError):
        daemon.dies()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    ear = Ear(tmp_path)
    yield ear
    ear.close()


def kinds(heard: list[Heard]) -> list[str]:
    return [type(one).__name__ for one in heard]


def test_crashes_exceptions_and_commands_are_told_apart(ear: Ear, daemon: Daemon) -> None:
    ear.open(0.0)
    daemon.takes()
    assert ear.fileno() >= 0
    daemon.says(THROWN, exit_of("stopped"), exit_of("stopping", life=2000), exit_of("stopped", life=2000))
    heard = ear.read(1.0)
    assert kinds(heard) == ["Thrown", "Crash", "Commanded"]
    _thrown, crash, command = heard
    assert isinstance(crash, Crash)
    assert (crash.process, crash.code, crash.lived, crash.final) == ("shop-blue", 1, 1.5, False)
    assert command == Commanded("shop-blue")
    assert ear.survived(100.0) == [], "who ended has not survived"


def test_what_is_survived_is_told_once_and_late_enough(ear: Ear, daemon: Daemon) -> None:
    ear.open(0.0)
    daemon.takes()
    daemon.says(THROWN)
    assert kinds(ear.read(1.0)) == ["Thrown"]
    assert ear.survived(2.0) == []
    assert [isinstance(one, Thrown) for one in ear.survived(60.0)] == [True]
    assert ear.survived(61.0) == []


def test_who_keeps_the_daemon_is_remembered_when_it_is_gone(
    ear: Ear, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ear.is_kept, "nobody knows yet"
    monkeypatch.setattr(_process, "service", {os.getpid(): "pm2-deploy.service"}.get)
    ear.open(0.0)
    daemon.takes()
    daemon.dies()
    ear.read(1.0)
    assert (ear.gone, ear.keeper, ear.is_kept) == (1.0, "pm2-deploy.service", True)


def test_without_a_daemon_it_is_gone_since_it_was_first_missed(ear: Ear) -> None:
    ear.open(10.0)
    ear.open(10.1)
    ear.open(20.0)
    assert (ear.gone, ear.problem, ear.fileno()) == (10.0, "", -1)
    assert ear.read(21.0) == []


def test_a_daemon_that_dies_is_missed_at_once_and_heard_again(ear: Ear, daemon: Daemon, tmp_path: Path) -> None:
    ear.open(0.0)
    daemon.takes()
    daemon.dies()
    assert ear.read(5.0) == []
    assert ear.gone == 5.0
    ear.open(5.0)
    assert ear.gone == 5.0, "a socket that was left behind is no daemon"
    (tmp_path / "pub.sock").unlink()
    another = Daemon(tmp_path)
    ear.open(5.1)
    assert ear.gone == 5.0, "it is not asked for without a pause"
    ear.open(6.0)
    assert ear.fileno() >= 0
    another.takes()
    another.says(exit_of("stopped"))
    assert kinds(ear.read(7.0)) == ["Crash"], "what was heard of the one before does not count"
    another.dies()


def test_a_version_that_cannot_be_understood_is_told_and_tried_again(ear: Ear, daemon: Daemon) -> None:
    ear.open(0.0)
    daemon.takes()
    daemon.babbles()
    assert ear.read(1.0) == []
    assert "not known here" in ear.problem
    assert (ear.gone, ear.fileno()) == (None, -1), "it is there, it only cannot be understood"
    assert ear.read(2.0) == []
    ear.open(30.0)
    assert ear.problem
    ear.open(62.0)
    assert ear.problem == ""
    daemon.takes()
    daemon.says(exit_of("stopped"))
    assert kinds(ear.read(63.0)) == ["Crash"]
