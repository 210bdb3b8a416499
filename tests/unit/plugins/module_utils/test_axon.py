# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _axon
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

FRAME = b"\x12\x00\x00\x00\x04j:{}\x00\x00\x00\x03s:0"

Daemon = Callable[[socket.socket], None]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Daemon], Path]]:
    """Play PM2's daemon for one connection."""
    listener = socket.socket(socket.AF_UNIX)
    threads = []

    def begin(daemon: Daemon) -> Path:
        path = tmp_path / "rpc.sock"
        listener.bind(str(path))
        listener.listen()

        def accept() -> None:
            connection, _address = listener.accept()
            with connection:
                daemon(connection)

        threads.append(threading.Thread(target=accept))
        threads[0].start()
        return path

    yield begin
    for thread in threads:
        thread.join(5)
    listener.close()


def requests_in(connection: socket.socket, count: int) -> list[tuple[dict[str, Any], bytes]]:
    """What a client asked: the body and the id of each request."""
    frames = _axon.Frames()
    found: list[tuple[dict[str, Any], bytes]] = []
    while len(found) < count:
        found += [(json.loads(body[2:]), identifier) for body, identifier in frames.feed(connection.recv(4096))]
    return found


def answer(body: dict[str, Any], identifier: bytes) -> bytes:
    return _axon.encode(b"j:" + json.dumps(body).encode(), identifier)


def test_a_frame_is_written_as_amp_says() -> None:
    assert _axon.encode(b"j:{}", b"s:0") == FRAME


@pytest.mark.parametrize("length", range(len(FRAME)))
def test_a_frame_may_come_in_two_pieces(length: int) -> None:
    frames = _axon.Frames()
    assert frames.feed(FRAME[:length]) == []
    assert frames.feed(FRAME[length:]) == [[b"j:{}", b"s:0"]]


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 11, 1000])
def test_what_nobody_wants_is_passed_over_however_it_comes_in(piece: int) -> None:
    frames = _axon.Frames(lambda first: first != b"noise", limit=8)
    stream = b"".join(
        _axon.encode(*arguments)
        for arguments in [
            (b"a", b"1"),
            (b"noise", b"x" * 30, b""),
            (b"b", b""),
            (b"c", b"y" * 9),
            (b"d",),
            (b"e", b"2"),
        ]
    )
    found = [frame for at in range(0, len(stream), piece) for frame in frames.feed(stream[at : at + piece])]
    assert found == [[b"a", b"1"], [b"b", b""], [b"d"], [b"e", b"2"]]


def test_what_is_passed_over_is_not_even_kept_while_it_comes_in() -> None:
    frames = _axon.Frames(lambda first: first != b"noise")
    frames.feed(_axon.encode(b"noise", b"x" * 100_000)[:50_000])
    assert len(frames._buffer) == 0


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400", b"\x22\x00\x00\x00\x00", b"\x10"])
def test_another_protocol_is_told(garbage: bytes) -> None:
    with pytest.raises(_axon.NotAxon, match="begins with byte"):
        _axon.Frames().feed(garbage)


@pytest.mark.parametrize("piece", [7, 10_000])
def test_answers_are_told_apart_by_id_and_come_in_any_pieces(serve: Callable[[Daemon], Path], piece: int) -> None:
    def daemon(connection: socket.socket) -> None:
        asked = requests_in(connection, 2)
        assert [body["method"] for body, _ in asked] == ["stopProcessId", "stopProcessId"]
        text = b"".join(answer({"args": [body["args"][0] * 10]}, identifier) for body, identifier in reversed(asked))
        for index in range(0, len(text), piece):
            connection.sendall(text[index : index + piece])

    assert _axon.calls(serve(daemon), [("stopProcessId", 0), ("stopProcessId", 1)], timeout=5) == [0, 10]


def test_process_id_0_is_sent_as_it_is(serve: Callable[[Daemon], Path]) -> None:
    def daemon(connection: socket.socket) -> None:
        [(body, identifier)] = requests_in(connection, 1)
        connection.sendall(answer({"args": body["args"]}, identifier))

    assert _axon.call(serve(daemon), "stopProcessId", 0) == 0


def test_a_refusal_says_what_pm2_said(serve: Callable[[Daemon], Path]) -> None:
    def daemon(connection: socket.socket) -> None:
        [(_body, identifier)] = requests_in(connection, 1)
        connection.sendall(answer({"error": "9 id unknown"}, identifier))

    with pytest.raises(DeployError, match="9 id unknown"):
        _axon.call(serve(daemon), "stopProcessId", 9)


def test_a_daemon_that_dies_is_told(serve: Callable[[Daemon], Path]) -> None:
    def daemon(connection: socket.socket) -> None:
        requests_in(connection, 1)

    with pytest.raises(DeployError, match="closed the connection"):
        _axon.call(serve(daemon), "getVersion")


def test_a_daemon_that_speaks_something_else_is_told(serve: Callable[[Daemon], Path]) -> None:
    def daemon(connection: socket.socket) -> None:
        requests_in(connection, 1)
        connection.sendall(b"HTTP/1.1 400")

    with pytest.raises(DeployError, match="begins with byte 0x48"):
        _axon.call(serve(daemon), "getVersion")


def test_a_daemon_that_hangs_is_told(serve: Callable[[Daemon], Path]) -> None:
    def daemon(connection: socket.socket) -> None:
        requests_in(connection, 1)
        connection.recv(1)

    with pytest.raises(DeployError, match="0 of 1, then timed out"):
        _axon.call(serve(daemon), "getVersion", timeout=0.05)


def test_no_daemon_is_not_an_error_but_an_answer(tmp_path: Path) -> None:
    left_behind = tmp_path / "rpc.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left_behind))
    for path in (left_behind, tmp_path / "none" / "rpc.sock"):
        with pytest.raises(_axon.NotListening):
            _axon.call(path, "getVersion")
        assert _axon.peer_pid(path) is None


def test_a_home_too_deep_for_a_socket_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="cannot be used"):
        _axon.call(tmp_path / ("x" * 120), "getVersion")


def test_the_kernel_names_the_listener(serve: Callable[[Daemon], Path]) -> None:
    assert _axon.peer_pid(serve(lambda _connection: None)) == os.getpid()
