# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PM2's wire: axon requests in AMP version 1 frames over a unix socket, the same in PM2 5.0 to 7.0.4.

A frame is one byte (version in the upper half, number of arguments in the lower), then every argument as a four byte
big-endian length and its bytes. A request is two arguments, ``j:`` and a JSON object, and ``s:`` and an id that the
answer repeats.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from collections.abc import Iterator, Sequence
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


def decode(buffer: bytes) -> tuple[list[bytes], bytes] | None:
    """The first frame's arguments and what follows it; ``None`` while the frame is not complete."""
    if not buffer:
        return None
    arguments = []
    offset = 1
    for _index in range(buffer[0] & 0x0F):
        if len(buffer) < offset + 4:
            return None
        (length,) = struct.unpack_from(">I", buffer, offset)
        offset += 4
        if len(buffer) < offset + length:
            return None
        arguments.append(buffer[offset : offset + length])
        offset += length
    return arguments, buffer[offset:]


def calls(path: Path, requests: Sequence[tuple[str, Any]], *, timeout: float) -> list[Any]:
    """Send all ``requests`` (method, argument) at once and return their first results in the same order.

    PM2 works on them side by side, so that stopping eight workers takes as long as stopping the slowest.

    :param timeout: seconds for all the answers together.
    :raises NotListening: when no daemon listens on ``path``.
    :raises DeployError: when the daemon refuses a request, or does not answer in time.
    """
    deadline = time.monotonic() + timeout
    answers: dict[str, Any] = {}
    with _connection(path, timeout) as connection:
        try:
            for number, (method, argument) in enumerate(requests):
                body = json.dumps({"type": "call", "method": method, "args": [argument]})
                connection.sendall(encode(b"j:" + body.encode(), f"s:{number}".encode()))
            incoming = _answers(connection, deadline)
            while len(answers) < len(requests):
                identifier, answer = next(incoming)
                answers[identifier] = answer
        except OSError as error:
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
        with _connection(path, 5.0) as connection:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except NotListening:
        return None
    pid: int = struct.unpack("3i", credentials)[0]
    return pid


@contextlib.contextmanager
def _connection(path: Path, timeout: float) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(str(path))
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
            raise NotListening(str(path)) from error
        except OSError as error:  # too long for a unix address, or not permitted
            raise DeployError(
                "PM2's socket cannot be used.",
                expected="a socket that this user may connect to, with a path of at most 107 bytes",
                seen=str(error),
                where=str(path),
                remedy="Run as the deploy user, and set pm2_home to that user's PM2 home.",
            ) from error
        yield connection


def _answers(connection: socket.socket, deadline: float) -> Iterator[tuple[str, Any]]:
    """Every answer as it comes in: the id of its request and its JSON body."""
    buffer = b""
    while True:
        frame = decode(buffer)
        if frame is not None:
            (body, number), buffer = frame
            yield number[2:].decode(), json.loads(body[2:])
            continue
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        chunk = connection.recv(1 << 18)
        if not chunk:
            raise ConnectionResetError("the daemon closed the connection")
        buffer += chunk


def _result(path: Path, method: str, answer: Any) -> Any:
    if "error" in answer:
        raise DeployError(f"PM2 refused {method}.", seen=str(answer["error"]), where=str(path))
    return answer["args"][0] if answer["args"] else None
