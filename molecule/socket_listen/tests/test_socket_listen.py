# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app that listens on a socket path is what the edge dials: no hop, no port, and no stale socket in its way."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import App, Card


@pytest.fixture(scope="module")
def app(card: Card) -> App:
    return App(card, {"listen": "socket"})


def test_the_edge_dials_the_app_itself(app: App) -> None:
    app.deploy("release-1", release="r1")
    app.is_answered_by("r1", "blue")
    dialled = (app.card.directory / "edge/Caddyfile").read_text(encoding="utf-8").count("reverse_proxy ")
    assert dialled == 1, "a hop stands between the edge and the app"
    environment = Path(f"/proc/{app.answer()['pid']}/environ").read_bytes().split(b"\0")
    assert f"PORT={app.card.run_dir}/blue.sock".encode() in environment


def test_a_switch_is_one_rename_as_ever(app: App) -> None:
    with app.asked():
        app.deploy("release-2", release="r2")
        app.is_answered_by("r2", "green")
        app.rollback()
    app.is_answered_by("r1", "blue")


def test_a_killed_app_comes_back_although_its_socket_lies_there(app: App) -> None:
    socket = app.card.run_dir / "blue.sock"
    killed, made = app.answer()["pid"], socket.stat().st_ctime_ns
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while app.answer().get("pid", killed) == killed:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    app.is_answered_by("r1", "blue")
    assert socket.stat().st_ctime_ns > made, "another socket of that name; its inode's number may be the same again"


def test_the_next_deploy_takes_the_other_slot(app: App) -> None:
    with app.asked():
        app.deploy("release-2", release="r3")
    app.is_answered_by("r3", "green")
    app.has_not_drifted()
