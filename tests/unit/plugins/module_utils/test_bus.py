# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import select
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _axon, _bus
from ansible_collections.nodeops.pm2.plugins.module_utils._bus import Bus, DaemonGone, Died, ProcessEvent, Thrown
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

CORPUS = Path(__file__).parents[2] / "corpus" / "bus"
VERSIONS = ["5.4.3", "6.0.14", "7.0.0", "7.0.4"]
PROCESS = {
    "name": "shop-blue",
    "pm_id": 3,
    "pm_uptime": 1795534130783,
    "status": "stopped",
    "exit_code": 1,
    "SECRET": "hush",
}


def captured(version: str) -> list[list[bytes]]:
    """The arguments of every frame that a real PM2 sent."""
    lines = (CORPUS / f"{version}.txt").read_text().splitlines()
    return [line.encode().split(b"\t", 1) for line in lines]


def frame(topic: str, payload: Any) -> list[bytes]:
    return [f"s:{topic}".encode(), b"j:" + json.dumps(payload).encode()]


def exit_of(**changes: Any) -> list[bytes]:
    return frame("process:event", {"event": "exit", "at": 1795534131000, "process": {**PROCESS, **changes}})


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "pub.sock"))
        listener.listen()
        yield listener


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_understood(version: str) -> None:
    events = [event for event in map(_bus.parse, captured(version)) if event]
    told = Counter(event.event for event in events if isinstance(event, ProcessEvent))
    assert told == {
        "online": 13,
        "start": 5,
        "exit": 21,
        "restart overlimit": 1,
        "restart": 2,
        "reload": 3,
        "stop": 1,
    }
    assert [(e.process, e.message) for e in events if isinstance(e, Thrown)] == [
        ("demo-throw", "TypeError: thrown later")
    ] * 2
    assert [e.pm_id for e in events if isinstance(e, Died) and e.signal == "SIGKILL"] in (["0", "1"], ["1", "0"])
    assert events[-1] == DaemonGone("pm2 has been killed via CLI")


@pytest.mark.parametrize("version", VERSIONS)
def test_only_what_is_named_is_kept(version: str) -> None:
    events = [e for e in map(_bus.parse, captured(version)) if isinstance(e, ProcessEvent)]
    first = next(e for e in events if e.event == "online" and e.process == "demo-fork")
    assert (first.pm_id, first.final) == ("0", False)
    assert first.exit_code is None
    assert 0 <= first.at - first.life / 1000 < 60


def test_the_environment_stays_behind() -> None:
    assert "hush" not in repr(_bus.parse(exit_of()))


@pytest.mark.parametrize(
    ("changes", "final"),
    [
        ({}, False),
        ({"autorestart": True}, False),
        ({"status": "errored"}, True),
        ({"autorestart": False}, True),
        ({"autorestart": "false"}, True),
        ({"stop_exit_codes": [0, 1]}, True),
        ({"stop_exit_codes": "1"}, True),
        ({"stop_exit_codes": 0}, False),
        ({"stop_exit_codes": None}, False),
    ],
)
def test_whether_pm2_will_start_it_again(changes: dict[str, Any], final: bool) -> None:
    event = _bus.parse(exit_of(**changes))
    assert isinstance(event, ProcessEvent)
    assert event.final is final


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"message": "boom", "stack": "TypeError: boom\n    at a.js:1:2"}, "TypeError: boom"),
        ({"message": "two\nlines", "stack": "Error: two\nlines\n    at a.js:1:2"}, "Error: two"),
        (
            {
                "message": "Identifier '__dirname' has already been declared",
                "stack": "/srv/dist/server.js:3\nconst __dirname = 1;\n      ^\n\n"
                "SyntaxError: Identifier '__dirname' has already been declared\n    at wrapSafe",
            },
            "SyntaxError: Identifier '__dirname' has already been declared",
        ),
        ({"message": "bare", "stack": ""}, "bare"),
        ({"message": "", "stack": "Error\n    at a.js:1:2"}, ""),
        ("a string was thrown", "a string was thrown"),
        ({}, ""),
    ],
)
def test_an_exception_has_a_first_line(data: Any, message: str) -> None:
    event = _bus.parse(frame("process:exception", {"at": 5000, "process": {"name": "a", "pm_id": 0}, "data": data}))
    assert isinstance(event, Thrown)
    assert (event.message, event.at) == (message, 5.0)


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("App [shop:0] exited with code [0] via signal [SIGKILL]\n", Died("0", "SIGKILL")),
        ("App [a:b [x]:_old_12] exited with code [1] via signal [SIGINT]\n", Died("_old_12", "SIGINT")),
        ("App [shop:0] online\n", None),
        ("Stopping app:shop id:0\n", None),
    ],
)
def test_pm2s_own_log_names_the_signal(line: str, event: Died | None) -> None:
    assert _bus.parse(frame("log:PM2", {"at": 1, "process": {"pm_id": "PM2"}, "data": line})) == event


@pytest.mark.parametrize(
    "arguments",
    [
        [b"s:process:event"],
        [b"s:process:event", b"j:{"],
        [b"s:process:event", b"j:[]"],
        frame("process:event", {"event": "exit"}),
        frame("process:event", {"event": "exit", "process": {"name": "a"}}),
        frame("process:event", {"event": "exit", "process": {**PROCESS, "pm_uptime": "soon"}}),
        frame("process:exception", {"process": None, "data": {}}),
        frame("log:PM2", {}),
        frame("log:out", {"data": "hello"}),
        frame("axm:monitor", {}),
    ],
)
def test_what_cannot_be_understood_is_passed_over(arguments: list[bytes]) -> None:
    assert _bus.parse(arguments) is None


def test_it_is_a_source_for_select_and_never_waits(tmp_path: Path, daemon: socket.socket) -> None:
    bus = Bus(tmp_path)
    connection, _address = daemon.accept()
    with connection:
        assert select.select([bus], [], [], 0)[0] == []
        assert bus.read() == []
        noise = _axon.encode(*frame("log:out", {"data": "x" * 1000}))
        stream = noise + _axon.encode(*exit_of()) + noise + _axon.encode(*exit_of(pm_id=4))
        connection.sendall(stream[:1500])
        assert select.select([bus], [], [], 5)[0] == [bus]
        seen = bus.read()
        connection.sendall(stream[1500:])
        while len(seen) < 2:
            assert select.select([bus], [], [], 5)[0] == [bus]
            seen += bus.read()
    assert [event.pm_id for event in seen if isinstance(event, ProcessEvent)] == ["3", "4"]
    bus.close()


def test_the_lines_of_apps_are_not_kept_while_they_come_in(tmp_path: Path, daemon: socket.socket) -> None:
    bus = Bus(tmp_path)
    connection, _address = daemon.accept()
    with connection:
        connection.sendall(_axon.encode(*frame("log:out", {"data": "x" * 50_000}))[:40_000])
        while select.select([bus], [], [], 0.1)[0]:
            bus.read()
        assert len(bus._frames._buffer) == 0
    bus.close()


@pytest.mark.parametrize("told", ["", "pm2 has been killed via CLI"])
def test_a_daemon_that_goes_is_told_at_once(tmp_path: Path, daemon: socket.socket, told: str) -> None:
    bus = Bus(tmp_path)
    connection, _address = daemon.accept()
    with connection:
        if told:
            connection.sendall(_axon.encode(*frame("pm2:kill", {"status": "killed", "msg": told})))
            assert bus.read() == []  # it has yet to stop its apps
        connection.sendall(_axon.encode(*exit_of()))
        assert len(bus.read()) == 1
    assert bus.read() == [DaemonGone(told)]
    assert bus.fileno() == -1


def test_another_protocol_is_told(tmp_path: Path, daemon: socket.socket) -> None:
    bus = Bus(tmp_path)
    connection, _address = daemon.accept()
    with connection:
        connection.sendall(b"\x22\x00\x00\x00\x01a")
        with pytest.raises(DeployError, match="not known here"):
            bus.read()
    assert bus.fileno() == -1


def test_no_daemon_is_not_an_error_but_an_answer(tmp_path: Path) -> None:
    with pytest.raises(_axon.NotListening):
        Bus(tmp_path)
