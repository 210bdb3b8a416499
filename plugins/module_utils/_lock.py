# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lock: a lease on an app, broken only when its owner is provably dead.

An owner is dead when (a) its process is gone from a machine that can be looked at (the host itself, or the
controller that asks), or (b) that machine has been booted anew since, or (c) the lease has run out: its owner is
bound to renew it, and everything an owner does on the host first proves that it still holds the lease.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _orphan
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PID_NAMESPACE = Path("/proc/self/ns/pid")
LEASE = "lease.json"


class Lost(DeployError):
    """The lock is somebody else's by now: whoever hears this must not touch anything any more."""


@dataclass(frozen=True)
class Owner:
    """Who holds a lease: the process that runs the deploy, wherever that is.

    :param who: ``user@machine``.
    :param what: what it is doing, in words.
    :param pid: of the process on its machine.
    :param boot_id: of where it runs: tells machines apart, boots of one, and containers on it.
    :param started: the process's start time in clock ticks since boot; tells a reused pid.
    """

    who: str
    what: str
    pid: int
    boot_id: str
    started: int


@dataclass(frozen=True)
class Lease:
    """A held lock. Times are seconds since the epoch; ``ttl`` is in seconds.

    :param worker: the process on this host that acted last under it, with its start time and the boot of this host.
    """

    id: str
    owner: Owner
    taken_at: float
    heartbeat: float
    ttl: float
    worker: int = 0
    worker_started: int = 0
    worker_boot: str = ""

    def describe(self, now: float) -> str:
        """One line for a person: who, what, since when, last seen when."""
        return (
            f"{self.owner.who} (pid {self.owner.pid}), {self.owner.what}, "
            f"since {int(now - self.taken_at)} s, last heard of {int(now - self.heartbeat)} s ago"
        )


@dataclass(frozen=True)
class Freeze:
    """A frozen app: by a person, or because a failure could not be taken back. ``at`` is in seconds since the epoch."""

    reason: str
    by: str = ""
    at: float = 0.0

    def who_and_when(self) -> str:
        """For people, as far as it is known."""
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.at)) if self.at else ""
        return " ".join(filter(None, ("frozen", f"by {self.by}" if self.by else "", f"since {when}" if when else "")))


def death_of(lease: Lease, *, now: float, boot_id: str, alive: bool) -> str:
    """Why the owner of ``lease`` is provably dead, ``''`` where it is not.

    :param boot_id: of the machine that asks.
    :param alive: whether a process with the owner's pid and start time runs on the machine that asks.
    """
    if boot_id and lease.owner.boot_id == boot_id and not alive:
        return f"its process {lease.owner.pid} is gone"
    if now - lease.heartbeat > lease.ttl:
        return f"it has not renewed its lease for {int(now - lease.heartbeat)} s (limit {lease.ttl:g} s)"
    return ""


def found_dead(lease: Lease, *, now: float) -> str:
    """:func:`death_of`, asked of this machine."""
    return death_of(lease, now=now, boot_id=this_boot(), alive=is_alive(lease.owner))


def this_boot() -> str:
    """Which boot of this machine it is, and in which count of its processes; ``''`` where that cannot be told.

    A container shares the boot of its machine and counts processes for itself: whom it cannot see may be alive.
    """
    try:
        return f"{BOOT_ID.read_text(encoding='ascii').strip()} {os.readlink(PID_NAMESPACE)}"
    except OSError:
        return ""


def started(pid: int) -> int:
    """A process's start time in clock ticks since boot, 0 where it does not run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] in "ZX" else int(fields[19])


def this_process(who: str, what: str) -> Owner:
    """The very process that asks, as the owner of a lease, or as one who can be told dead or alive."""
    pid = os.getpid()
    return Owner(who, what, pid, this_boot(), started(pid))


def is_alive(owner: Owner) -> bool:
    """Whether the owner's very process runs on this machine."""
    return owner.started != 0 and started(owner.pid) == owner.started


def is_gone(owner: Owner) -> bool:
    """Whether the owner was a process of this very machine and boot, and runs no more: of others nothing is known."""
    return bool(owner.boot_id) and owner.boot_id == this_boot() and not is_alive(owner)


def held(lock: Path) -> Lease | None:
    """The lease that is held; ``None`` where none is, or what is there is none that its own holder could prove."""
    raw = read_json(lock / LEASE)
    try:
        return Lease(**{**raw, "owner": Owner(**raw["owner"])}) if isinstance(raw, dict) else None
    except (LookupError, TypeError):
        return None


def acquire(
    lock: Path,
    owner: Owner,
    *,
    ttl: float,
    proven_dead: str = "",
    proof: str = "its process is gone from its controller",
) -> tuple[Lease, str]:
    """Take the lock.

    :param proven_dead: id of a lease whose owner the caller has proved dead, and ``proof``: how, in words.
    :returns: the new lease, and a sentence on the lease that was taken over, ``''`` where none was. By then nothing of
        its owner works on this host any more.
    :raises DeployError: when somebody else holds it; ``facts['holder']`` has their lease.
    """
    refuse_frozen(lock.parent)
    with alone(lock.parent):
        now = time.time()
        found = held(lock)
        death = ""
        if found is not None:
            death = found_dead(found, now=now)
            if not death and found.id == proven_dead:
                death = proof
            if not death:
                raise _refusal(found, now, lock)
        lease = _worked_on(Lease(secrets.token_hex(8), owner, now, now, ttl))
        lock.mkdir(exist_ok=True)
        write_atomic(lock / LEASE, _dump(lease))
    if found is None:
        return lease, ""
    return lease, f"Took over the lock of {found.describe(now)}: {death}. {_outlasted(found)}".rstrip()


def prove(lock: Path, lease_id: str) -> None:
    """Make sure that ``lease_id`` still holds the lock, and renew it. Everything an owner does begins with this."""
    with alone(lock.parent):
        found = held(lock)
        if found is not None and found.id == lease_id:
            # On a full disk it is still held, and a take-back must go on.
            with contextlib.suppress(OSError):
                write_atomic(lock / LEASE, _dump(_worked_on(replace(found, heartbeat=time.time()))))
            return
    raise Lost(
        "This run does not hold the app's lock, so it must not go on.",
        expected=f"lease {lease_id}",
        seen="held by " + (found.describe(time.time()) if found else "nobody"),
        where=str(lock),
        remedy="Another run has taken over. Look at its outcome with status.yml before you deploy again.",
        by_hand="Another run has taken over. Look at its outcome with bluegreen status before you go on.",
    )


def release(lock: Path, lease_id: str) -> bool:
    """Give the lock back; ``False`` where ``lease_id`` did not hold it, which is no harm."""
    with alone(lock.parent):
        found = held(lock)
        if found is None or found.id != lease_id:
            return False
        (lock / LEASE).unlink()
        with contextlib.suppress(OSError):  # a reader's leftover in it is no reason to fail
            lock.rmdir()
    return True


def freeze(root: Path, reason: str, *, by: str = "") -> None:
    """Refuse every further deploy until a person has looked: a second failure must not ping-pong."""
    write_atomic(root / "frozen.json", json.dumps(asdict(Freeze(reason, by, time.time()))) + "\n")


def frozen(root: Path) -> str:
    """Why the app is frozen, ``''`` where it is not."""
    found = freeze_of(root)
    return found.reason if found else ""


def freeze_of(root: Path) -> Freeze | None:
    """How the app is frozen; ``None`` where it is not. What is not known of it does not lift it."""
    raw = read_json(root / "frozen.json")
    if not isinstance(raw, dict):
        return None
    at = raw.get("at")
    reason = str(raw.get("reason") or "no reason given")
    return Freeze(reason, str(raw.get("by") or ""), float(at) if isinstance(at, (int, float)) else 0.0)


def unfreeze(root: Path) -> bool:
    """Lift a freeze; ``False`` where there was none."""
    try:
        (root / "frozen.json").unlink()
    except FileNotFoundError:
        return False
    return True


def refuse_frozen(root: Path) -> None:
    """Raise where the app is frozen."""
    found = freeze_of(root)
    if found:
        raise DeployError(
            "The app is frozen: nothing is done to it until a person lifts that.",
            seen=f"{found.who_and_when()}: {found.reason}",
            where=str(root / "frozen.json"),
            remedy="Look at the host, then run again with -e bluegreen_unfreeze=true.",
            by_hand="Look at bluegreen history. Then bluegreen unfreeze, or bluegreen rollback --unfreeze.",
        )


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Keep other processes of this host out for the few milliseconds a lease is read and written.

    The kernel lets go when the process dies, so this lock cannot be left behind; the lease is what can.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _worked_on(lease: Lease) -> Lease:
    """``lease`` with this process as the one that acts under it."""
    pid = os.getpid()
    return replace(lease, worker=pid, worker_started=started(pid), worker_boot=this_boot())


def _outlasted(lease: Lease) -> str:
    """A sentence on what the dead owner of ``lease`` had left running here; an owner on this host is dead itself."""
    if lease.worker_boot != this_boot() or (lease.worker, lease.worker_started) == (
        lease.owner.pid,
        lease.owner.started,
    ):
        return ""
    return _orphan.outlast(lease.worker, lease.worker_started)


def _refusal(lease: Lease, now: float, lock: Path) -> DeployError:
    return DeployError(
        "Another deploy holds the app's lock.",
        expected="no lock, or one whose owner is provably dead",
        seen=lease.describe(now),
        where=str(lock),
        remedy="Wait for it, or set bluegreen_lock_wait to the seconds this run may wait.",
        by_hand="Wait for it: bluegreen status shows who it is. One that is dead is taken over without being asked.",
        facts={"holder": asdict(lease)},
    )


def _dump(lease: Lease) -> str:
    return json.dumps(asdict(lease), indent=2) + "\n"


def owner_from(raw: dict[str, Any]) -> Owner:
    """The typed form of the ``owner`` option."""
    return Owner(
        who=str(raw["who"]),
        what=str(raw["what"]),
        pid=int(raw["pid"]),
        boot_id=str(raw["boot_id"]),
        started=int(raw["started"]),
    )
