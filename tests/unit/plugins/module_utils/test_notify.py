# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _notify
from ansible_collections.nodeops.pm2.plugins.module_utils._notify import READY, WATCHDOG, Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A service manager's socket, and its address as it writes it into the environment."""
    name = f"nodeops-test-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(5)
        listener.bind(f"\0{name}" if request.param == "abstract" else name)
        yield f"@{name}" if request.param == "abstract" else name, listener


def test_the_manager_hears_it(manager: tuple[str, socket.socket]) -> None:
    address, listener = manager
    notifier = Notifier({"NOTIFY_SOCKET": address})
    assert notifier.tell(READY, _notify.status("watching\n 5 apps"))
    assert listener.recv(100) == b"READY=1\nSTATUS=watching 5 apps"
    assert notifier.tell(WATCHDOG)
    assert listener.recv(100) == b"WATCHDOG=1"


def test_a_manager_that_does_not_listen_is_not_waited_for(manager: tuple[str, socket.socket]) -> None:
    address, listener = manager
    notifier = Notifier({"NOTIFY_SOCKET": address})
    heard = [notifier.tell(WATCHDOG) for _beat in range(2000)]
    assert heard[0]
    assert not heard[-1]
    listener.close()
    assert not notifier.tell(WATCHDOG)


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_without_a_manager_nobody_is_told(environment: dict[str, str]) -> None:
    assert not Notifier(environment).tell(READY)


@pytest.mark.parametrize(
    ("environment", "beat"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
    ],
)
def test_how_often_it_wants_a_sign_of_life(environment: dict[str, str], beat: float) -> None:
    assert Notifier(environment, pid=7).beat == beat
