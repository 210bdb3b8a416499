# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Processes and who listens where, as the kernel tells it in /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._sockets import (
    Socket,
    parse_tcp,
    parse_unix,
    port_field,
    takes,
)

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Listeners:
    """Who listens on an address; ``foreign`` when an owner cannot be seen, being another user's."""

    pids: frozenset[int]
    foreign: bool

    @property
    def any(self) -> bool:
        return bool(self.pids) or self.foreign


def cwd(pid: int) -> str | None:
    """The real working directory; ``None`` when the process is gone or another user's."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def command(pid: int) -> str:
    """The command line for a person to recognise, at most 200 characters."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:200]
    except OSError:
        return ""


def has_environment(pid: int, **variables: str) -> bool:
    """Whether ``pid`` was started with all these variables; false when its environment cannot be read."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return all(f"{name}={value}".encode() in environment for name, value in variables.items())


def environment_names(pid: int) -> list[str]:
    """The names of the variables that ``pid`` was started with, never a value; none when they cannot be read."""
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
    return sorted(entry.partition(b"=")[0].decode(errors="replace") for entry in environment if b"=" in entry)


def start_time(pid: int) -> int | None:
    """Clock ticks from boot to the start of ``pid``, which tells a reused pid; ``None`` when it is gone or a zombie."""
    fields = _stat(pid)
    return None if fields is None or fields[0] == "Z" else int(fields[19])


def age(pid: int) -> float:
    """Seconds since ``pid`` was started; 0 when it is gone."""
    started = start_time(pid)
    if started is None:
        return 0.0
    return max(float(Path("/proc/uptime").read_text().split()[0]) - started / _TICKS, 0.0)


def service(pid: int) -> str:
    """The systemd service that ``pid`` belongs to, ``''`` for none, such as in a session of a user."""
    try:
        return service_in(Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""


def service_in(groups: str) -> str:
    """The same of what ``/proc/PID/cgroup`` says."""
    lines = (line.split(":", 2) for line in groups.splitlines())
    # The one hierarchy of version 2, or systemd's own of version 1; the others need not follow units.
    names = [path.rpartition("/")[2] for _number, kind, path in lines if kind in ("", "name=systemd")]
    return next((name for name in names if name.endswith(".service")), "")


def is_in_container(pid: int) -> bool:
    """Whether ``pid`` lives in another process namespace than we do; of one that we may not look at we do not know."""
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink() != Path("/proc/self/ns/pid").readlink()
    except OSError:
        return False


def descendants(pid: int) -> set[int]:
    """All children of ``pid``, their children and so on; not ``pid`` itself."""
    return below({pid}, _parents()) - {pid}


def below(roots: Iterable[int], parents: dict[int, int]) -> set[int]:
    """``roots`` and all that descend from them, by a map of pid to parent pid."""
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    queue = list(roots)
    while queue:
        pid = queue.pop()
        if pid not in found:
            found.add(pid)
            queue.extend(children.get(pid, []))
    return found


def is_descendant(pid: int, of: int) -> bool:
    """Whether ``pid`` is ``of`` or descends from it."""
    seen: set[int] = set()
    while pid > 1 and pid != of and pid not in seen:
        seen.add(pid)
        fields = _stat(pid)
        pid = int(fields[1]) if fields else 0
    return pid == of


def listeners(address: str) -> Listeners:
    """The processes that would take a connection to ``address`` (``127.0.0.1:3001`` or ``unix:/run/app/blue.sock``)."""
    inodes = {entry.inode for entry in _sockets(address) if entry.listening}
    owners = _owners(inodes)
    # An owner that ended between the two readings must not look like a stranger.
    lost = inodes - owners.keys()
    foreign = bool(lost) and any(entry.listening and entry.inode in lost for entry in _sockets(address))
    return Listeners(frozenset(pid for pids in owners.values() for pid in pids), foreign)


def tcp_ports(pids: Iterable[int]) -> tuple[int, ...]:
    """The TCP ports that any of ``pids`` listens on."""
    tables = (line for table in ("/proc/net/tcp", "/proc/net/tcp6") for line in _lines(table))
    ports = {one.inode: int(one.local.rpartition(":")[2]) for one in parse_tcp(tables) if one.listening}
    wanted = set(pids)
    return tuple(sorted({ports[inode] for inode, owners in _owners(set(ports)).items() if owners & wanted}))


def established(address: str) -> int:
    """How many connections to the listener on ``address`` are open now."""
    return sum(entry.connected for entry in _sockets(address))


def answering(address: str, client_port: int) -> int | None:
    """Who holds the other end of our open connection from ``client_port`` to the TCP ``address``.

    In cluster mode that tells the worker. ``None`` where it cannot be told: a unix socket, another user's process, an
    end that has been closed.
    """
    if address.startswith("unix:"):
        return None
    ours = {one.inode for one in _sockets(address) if one.connected and one.remote.endswith(f":{client_port}")}
    owners = _owners(ours - {"0"})
    return next((pid for pids in owners.values() for pid in sorted(pids)), None)


def socket_path(address: str) -> Path | None:
    """The path of a ``unix:`` address; ``None`` for any other."""
    return Path(address[5:]) if address.startswith("unix:") else None


def _sockets(address: str) -> list[Socket]:
    """All sockets bound to what a connection to ``address`` would reach."""
    if address.startswith("unix:"):
        candidates = parse_unix(_lines("/proc/net/unix"))
    else:
        ending = port_field(address)
        tables = (line for table in ("/proc/net/tcp", "/proc/net/tcp6") for line in _lines(table))
        candidates = parse_tcp(line for line in tables if line.split()[1].endswith(ending))
    return [entry for entry in candidates if takes(entry.local, address)]


def _lines(table: str) -> list[str]:
    """A table's lines without its heading; none where the kernel has no such protocol."""
    try:
        return Path(table).read_text(errors="replace").splitlines()[1:]
    except FileNotFoundError:
        return []


def _owners(inodes: set[str]) -> dict[str, set[int]]:
    """Which of the processes that this user may look into hold which of ``inodes``."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    owners: dict[str, set[int]] = {}
    for pid in pids() if wanted else ():
        with contextlib.suppress(OSError):  # gone, or another user's
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                inode = wanted.get(_target(f"/proc/{pid}/fd/{descriptor}"))
                if inode:
                    owners.setdefault(inode, set()).add(pid)
    return owners


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _parents() -> dict[int, int]:
    stats = ((pid, _stat(pid)) for pid in pids())
    return {pid: int(fields[1]) for pid, fields in stats if fields}


def pids() -> list[int]:
    """All processes there are."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state on; the name before them may hold anything, brackets included."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:  # not Path: this runs for every process there is
            return stream.read().rpartition(b")")[2].decode().split()
    except OSError:
        return None
