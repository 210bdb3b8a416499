# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PM2's wire: axon requests in AMP version 1 frames over a unix socket, the same in PM2 5.0 to 7.0.4.

A frame is one byte (version in the upper half, number of arguments in the lower), then every argument as a four byte
big-endian length and its bytes. A request is two arguments, ``j:`` and a JSON object, and ``s:`` and an id that the
answer repeats.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

_VERSION = 1


class NotListening(Exception):
    """Nobody answers on the socket: no PM2 daemon runs for that home."""


def encode(*arguments: bytes) -> bytes:
    """One AMP frame; at most 15 arguments fit."""
    head = bytes([_VERSION << 4 | len(arguments)])
    return head + b"".join(struct.pack(">I", len(argument)) + argument for argument in arguments)


class NotAxon(Exception):
    """What came in is no AMP frame of the version we know."""


def _everything(_first: bytes) -> bool:
    return True


class Frames:
    """Takes a stream apart into frames as it comes in, and keeps no more of it than is wanted.

    :param wanted: asked with a frame's first argument; the rest of an unwanted frame is passed over unread.
    :param limit: bytes; a frame with a longer argument is passed over too.
    """

    def __init__(self, wanted: Callable[[bytes], bool] = _everything, *, limit: int = 1 << 28) -> None:
        self._wanted = wanted
        self._limit = limit
        self._buffer = bytearray()
        self._arguments: list[bytes] = []
        self._left = 0  # arguments of the present frame that are yet to come
        self._drop = 0  # bytes of the present argument that nobody wants
        self._whole = True

    def feed(self, chunk: bytes) -> list[list[bytes]]:
        """The arguments of every wanted frame that is complete with ``chunk``.

        :raises NotAxon: when the other side speaks something else.
        """
        self._buffer += chunk
        frames = []
        position = 0
        while True:
            after = self._take(position)
            if after is None:
                break
            position = after
            if not self._left and not self._drop and self._arguments:
                frames += [self._arguments] if self._whole else []
                self._arguments = []
        del self._buffer[:position]
        return frames

    def _take(self, position: int) -> int | None:
        """Take one element of a frame at ``position``; where it ends, ``None`` while it is not complete."""
        there = len(self._buffer) - position
        if self._drop and there:
            passed = min(self._drop, there)
            self._drop -= passed
            return position + passed
        if not self._left and not self._drop and there:
            self._begin(self._buffer[position])
            return position + 1
        if there < 4 or self._drop:
            return None
        length: int = struct.unpack_from(">I", self._buffer, position)[0]
        if self._is_dropped(length):
            self._drop, self._whole = length, False
            self._keep(b"")
            return position + 4
        if there < 4 + length:
            return None
        self._keep(bytes(self._buffer[position + 4 : position + 4 + length]))
        return position + 4 + length

    def _begin(self, head: int) -> None:
        if head >> 4 != _VERSION or not head & 0x0F:
            raise NotAxon(f"a frame begins with byte 0x{head:02x}")
        self._left, self._whole = head & 0x0F, True

    def _keep(self, argument: bytes) -> None:
        self._arguments.append(argument)
        self._left -= 1

    def _is_dropped(self, length: int) -> bool:
        return length > self._limit or (bool(self._arguments) and not self._wanted(self._arguments[0]))


def calls(path: Path, requests: Sequence[tuple[str, Any]], *, timeout: float) -> list[Any]:
    """Send all ``requests`` (method, argument) at once and return their first results in the same order.

    PM2 works on them side by side, so that stopping eight workers takes as long as stopping the slowest.

    :param timeout: seconds for all the answers together.
    :raises NotListening: when no daemon listens on ``path``.
    :raises DeployError: when the daemon refuses a request, or does not answer in time.
    """
    deadline = time.monotonic() + timeout
    answers: dict[str, Any] = {}
    with connect(path, timeout=timeout) as connection:
        try:
            for number, (method, argument) in enumerate(requests):
                body = json.dumps({"type": "call", "method": method, "args": [argument]})
                connection.sendall(encode(b"j:" + body.encode(), f"s:{number}".encode()))
            incoming = _answers(connection, deadline)
            while len(answers) < len(requests):
                identifier, answer = next(incoming)
                answers[identifier] = answer
        except (OSError, NotAxon) as error:
            raise DeployError(
                "PM2's daemon did not answer.",
                expected=f"answers to {', '.join(method for method, _arguments in requests)} within {timeout:g} s",
                seen=f"{len(answers)} of {len(requests)}, then {str(error) or type(error).__name__}",
                where=str(path),
                remedy="Look into pm2.log in the PM2 home; a daemon that hangs has to be ended by hand.",
            ) from error
    return [_result(path, method, answers[str(number)]) for number, (method, _argument) in enumerate(requests)]


def call(path: Path, method: str, argument: Any = None, *, timeout: float = 10.0) -> Any:
    """One request; see :func:`calls`."""
    return calls(path, [(method, {} if argument is None else argument)], timeout=timeout)[0]


def peer_pid(path: Path) -> int | None:
    """The pid of the process that listens on ``path``, as the kernel recorded it; ``None`` when nobody does."""
    try:
        with connect(path, timeout=5.0) as connection:
            return listening_pid(connection)
    except NotListening:
        return None


def listening_pid(connection: socket.socket) -> int:
    """The pid of the process that has listened for ``connection``, as the kernel recorded it."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


def connect(path: Path, *, timeout: float) -> socket.socket:
    """A connection to PM2's daemon.

    :param timeout: seconds for connecting, and for each operation on what is returned.
    :raises NotListening: when no daemon listens on ``path``.
    :raises DeployError: when the socket may not be used.
    """
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.settimeout(timeout)
        opened.connect(str(path))
    except OSError as error:
        opened.close()
        if isinstance(error, (FileNotFoundError, NotADirectoryError, ConnectionRefusedError)):
            raise NotListening(str(path)) from error
        raise DeployError(  # too long for a unix address, not permitted, or a daemon that hangs
            "PM2's socket cannot be used.",
            expected="a socket that this user may connect to, with a path of at most 107 bytes",
            seen=str(error),
            where=str(path),
            remedy="Run as the deploy user, and set pm2_home to that user's PM2 home.",
        ) from error
    return opened


def _answers(connection: socket.socket, deadline: float) -> Iterator[tuple[str, Any]]:
    """Every answer as it comes in: the id of its request and its JSON body."""
    frames = Frames()
    while True:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        chunk = connection.recv(1 << 18)
        if not chunk:
            raise ConnectionResetError("the daemon closed the connection")
        for body, number in frames.feed(chunk):
            yield number[2:].decode(), json.loads(body[2:])


def _result(path: Path, method: str, answer: Any) -> Any:
    if "error" in answer:
        raise DeployError(f"PM2 refused {method}.", seen=str(answer["error"]), where=str(path))
    return answer["args"][0] if answer["args"] else None
