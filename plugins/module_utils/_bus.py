# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PM2's bus: what it says happens, as it happens. A source for a select() loop: nothing here waits.

The daemon sends every subscriber everything, each line of every app's log included, and with each event of a process
its whole environment. What is not asked for is passed over unread, and of the rest only the named fields are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from ansible_collections.nodeops.pm2.plugins.module_utils._axon import Frames, NotAxon, connect, listening_pid
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

_PER_READ = 1 << 16
# An event carries the environment of its process, which the kernel itself holds to a few MiB at the very most.
_LONGEST = 1 << 22
_STACK = 8 * 1024
_CONNECT = 2.0
# PM2's own log is the only place that names the signal a process died of.
_DIED = re.compile(r"^App \[.*:(\w+)\] exited with code \[.*\] via signal \[(\w+)\]")


@dataclass(frozen=True)
class ProcessEvent:
    """Something that happened to a process.

    :param event: ``exit``, ``online``, ``restart overlimit``, ``start``; after a command also its name: ``stop`` ...
    :param process: its PM2 name.
    :param pm_id: a number, as text; ``_old_<number>`` for a worker that a reload is about to end.
    :param life: PM2's ``pm_uptime``, milliseconds since the epoch; with ``pm_id`` it names one life of one worker.
    :param status: what PM2 calls it now.
    :param exit_code: of the last exit, 0 after a signal; ``None`` before the first one.
    :param final: whether PM2 leaves it at that: it gave up, or was told not to start it again after such an end.
    :param at: when PM2 said it, seconds since the epoch by its clock.
    """

    event: str
    process: str
    pm_id: str
    life: int
    status: str
    exit_code: int | None
    final: bool
    at: float


@dataclass(frozen=True)
class Died:
    """The signal that a worker died of, said just before its ``exit``; ``SIGINT`` where there was none."""

    pm_id: str
    signal: str


@dataclass(frozen=True)
class Thrown:
    """An exception that nobody caught, as PM2 saw it in the process: its first line, and its stack in full."""

    process: str
    pm_id: str
    message: str
    stack: str
    at: float


@dataclass(frozen=True)
class DaemonGone:
    """There is no daemon at the other end any more; ``told`` when it said so before it went."""

    told: str = ""


Event = Union[ProcessEvent, Died, Thrown, DaemonGone]


class Bus:
    """A subscription. Once it has told :class:`DaemonGone`, it is closed; to subscribe again is the caller's to decide.

    :raises NotListening: when no daemon runs for ``home``.
    :raises DeployError: when its socket may not be used.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / "pub.sock"
        self._frames = Frames(_is_wanted, limit=_LONGEST)
        self._told = ""
        self._socket = connect(self._path, timeout=_CONNECT)
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """What select() is given; -1 when closed."""
        return self._socket.fileno()

    @property
    def daemon(self) -> int:
        """The pid of the daemon."""
        return listening_pid(self._socket)

    def read(self) -> list[Event]:
        """What has come in; empty where nothing has. To be called when select() says so, and then again."""
        try:
            chunk = self._socket.recv(_PER_READ)
        except BlockingIOError:
            return []
        except OSError as error:
            return [self._gone(error.strerror or str(error))]
        if not chunk:
            return [self._gone("")]
        try:
            frames = self._frames.feed(chunk)
        except NotAxon as error:
            self.close()
            raise DeployError(
                "PM2's bus speaks a protocol that is not known here.",
                expected="AMP version 1, as PM2 5.0 to 7.0.4 speak it",
                seen=str(error),
                where=str(self._path),
                remedy="Use a version of PM2 that is supported. Health and process facts are watched all the same.",
            ) from error
        return [event for arguments in frames for event in self._read_frame(arguments)]

    def close(self) -> None:
        """Subscribe no longer."""
        self._socket.close()

    def _gone(self, seen: str) -> DaemonGone:
        self.close()
        return DaemonGone(self._told or seen)

    def _read_frame(self, arguments: list[bytes]) -> list[Event]:
        event = parse(arguments)
        if isinstance(event, DaemonGone):
            # It says so first, then stops every app, and only then goes: the end of the connection is what counts.
            self._told = event.told
            return []
        return [event] if event else []


def parse(arguments: list[bytes]) -> Event | None:
    """The event in a frame; ``None`` where there is none that matters, or it cannot be understood."""
    try:
        read = _READERS[_payload(arguments[0])]
        raw = json.loads(_payload(arguments[1]))
        return read(raw)
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _read_process(raw: dict[str, Any]) -> ProcessEvent:
    process = raw["process"]
    exit_code = process.get("exit_code")
    status = str(process.get("status", ""))
    return ProcessEvent(
        event=str(raw["event"]),
        process=str(process["name"]),
        pm_id=str(process["pm_id"]),
        life=int(process.get("pm_uptime") or 0),
        status=status,
        exit_code=exit_code if isinstance(exit_code, int) else None,
        final=status == "errored" or _is_told_to_stay_down(process, exit_code),
        at=_moment(raw),
    )


def _is_told_to_stay_down(process: dict[str, Any], exit_code: Any) -> bool:
    codes = process.get("stop_exit_codes") or []
    codes = codes if isinstance(codes, list) else [codes]
    return process.get("autorestart") in (False, "false") or str(exit_code) in map(str, codes)


def _read_thrown(raw: dict[str, Any]) -> Thrown:
    process, data = raw["process"], raw["data"]
    data = data if isinstance(data, dict) else {"message": data}
    message, stack = str(data.get("message") or ""), str(data.get("stack") or "")
    # The stack's first line has the error's name too; V8 puts the place of a syntax error before it.
    first = next((line for line in stack.splitlines() if message and line.endswith(message.splitlines()[0])), message)
    return Thrown(str(process["name"]), str(process["pm_id"]), first, stack[:_STACK], _moment(raw))


def _read_log(raw: dict[str, Any]) -> Died | None:
    found = _DIED.match(str(raw["data"]))
    return Died(found[1], found[2]) if found else None


def _read_kill(raw: dict[str, Any]) -> DaemonGone:
    return DaemonGone(str(raw.get("msg", "")))


def _moment(raw: dict[str, Any]) -> float:
    return float(raw.get("at") or 0) / 1000


_READERS: dict[bytes, Callable[[dict[str, Any]], Event | None]] = {
    b"process:event": _read_process,
    b"process:exception": _read_thrown,
    b"log:PM2": _read_log,
    b"pm2:kill": _read_kill,
}


def _is_wanted(topic: bytes) -> bool:
    return _payload(topic) in _READERS


def _payload(argument: bytes) -> bytes:
    """An argument without the two bytes that tell text (``s:``) from JSON (``j:``)."""
    return argument[2:] if argument[:2] in (b"s:", b"j:") else argument
