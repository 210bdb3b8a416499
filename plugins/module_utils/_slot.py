# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A slot: empty it for certain, and start a release in it from nothing.

PM2 forgets nothing of an app it knows (it kept the old script and took the new interpreter), so that a slot is never
reloaded: it is stopped, deleted, proved empty and started.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _pm2, _process, _wait
from ansible_collections.nodeops.pm2.plugins.module_utils._alive import Baseline
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts, runs_release
from ansible_collections.nodeops.pm2.plugins.module_utils._io import link_atomic, read_json, read_link, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, ReleaseTree, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2, Record

_LAST_WORDS = 2.0  # seconds between SIGTERM and SIGKILL, and after SIGKILL


@dataclass(frozen=True)
class LogMark:
    """A log file and its size in bytes before the start: what this start wrote comes after it."""

    path: str
    offset: int


@dataclass(frozen=True)
class Started:
    """What a start left: the logs, and the pids PM2 knows; none where it started nothing, which it calls a success."""

    pids: tuple[int, ...]
    out: LogMark
    error: LogMark

    def remember(self, release: ReleaseTree) -> Started:
        """Write it into the release, for whoever proves it later and in another process."""
        write_atomic(release.started, json.dumps(asdict(self)) + "\n")
        return self


def error_offset(release: ReleaseTree) -> int:
    """Where in its error log the last start of ``release`` begins, in bytes; -1, its end, where that is lost."""
    raw = read_json(release.started)
    return int(raw["error"]["offset"]) if isinstance(raw, dict) else -1


def start(layout: Layout, release_id: str, slot: Slot, pm2: Pm2, *, timeout: float, even_live: bool = False) -> Started:
    """Start a release in ``slot`` afresh; whether it lives and serves is for the gate to say.

    :param timeout: seconds for the previous process to end, and again for PM2 to start the new one.
    :param even_live: whether it may be the live slot, whose process does not serve anybody as it is.
    :raises DeployError: when the slot or the release is live, the address is a stranger's, or PM2 does not run what
        it was given.
    """
    release = layout.release(release_id)
    if not even_live:
        refuse_live(layout, slot, release)
    ecosystem = _read_ecosystem(release, slot)
    stop(layout, slot, pm2, timeout=timeout, even_live=even_live)
    refuse_occupied(slot)
    _remove_stale_socket(slot)
    if slot.socket:
        link_atomic(release.listen, slot.socket)
    write_atomic(release.ecosystem, ecosystem)
    logs = layout.root / "logs"
    logs.mkdir(exist_ok=True)
    before = {str(path): path.stat().st_size for path in logs.iterdir()}
    _pm2.start(pm2, release.ecosystem, timeout=timeout)
    found = [record for record in _pm2.records(pm2) if record.name == slot.process]
    refuse_other(found, release=release.path, root=layout.root, slot=slot)
    out, error = (LogMark(path, before.get(path, 0)) for path in (found[0].out_log, found[0].err_log))
    return Started(tuple(record.pid for record in found if record.pid), out, error).remember(release)


def stop(layout: Layout, slot: Slot, pm2: Pm2, *, timeout: float, even_live: bool = False) -> bool:
    """Empty ``slot`` of all that is ours, whether PM2 still knows it or not; says whether there was anything.

    A stranger on the address is left alone and is no failure here: an abort has to be able to end.

    :param timeout: seconds for PM2 to stop the process; the app's own ``kill_timeout`` is part of it.
    :param even_live: see :func:`start`.
    """
    if not even_live:
        refuse_live(layout, slot)
    found = [record for record in _pm2.records(pm2) if record.name == slot.process]
    orphans = _orphans(layout, slot)
    family = births({record.pid for record in found if record.pid} | orphans)
    if found:
        # What PM2 does not end in time is ended below; then it has to let go of the record.
        with contextlib.suppress(DeployError):
            _pm2.remove(pm2, slot.process, timeout=timeout)
    end(family)
    end(births(_orphans(layout, slot)))
    if found:
        _forget(pm2, slot, timeout=timeout)
        _wait.until(lambda: not _daemon_listens(pm2, slot), _LAST_WORDS)
    return bool(found or orphans)


def occupied(layout: Layout, slot: Slot, pm2: Pm2) -> bool:
    """Whether :func:`stop` would find anything to stop; reads only."""
    return any(record.name == slot.process for record in _pm2.records(pm2)) or bool(_orphans(layout, slot))


def is_warm(facts: ProcessFacts, release: ReleaseTree, slot: Slot) -> bool:
    """Whether ``release`` runs and listens in ``slot``, and its link leads there: publishing it is one rename.

    What was restarted a moment ago is not: the gate could not tell whether it crashed, or somebody restarted it.
    """
    linked = not slot.socket or read_link(release.listen) == slot.socket
    is_steady = Baseline().forgiven(facts) == facts.restarts
    return linked and is_steady and runs_release(facts, release.path.resolve())


def runs_another(facts: ProcessFacts, release: ReleaseTree) -> bool:
    """Whether what runs there is another release than ``release``.

    A worker that PM2 has just forked is still where the daemon is, and says nothing of what it will run.
    """
    inside = [cwd for cwd in facts.cwds.values() if _inside(cwd, release.path.parent)]
    return bool(inside) and not any(_inside(cwd, release.path) for cwd in inside)


def keep(facts: ProcessFacts) -> Started:
    """What a warm slot counts as started with: its pids, and its logs from now on."""
    paths = (Path(facts.out_log), Path(facts.err_log))
    out, error = (LogMark(str(path), path.stat().st_size if path.exists() else 0) for path in paths)
    return Started(facts.pids, out, error)


def refuse_live(layout: Layout, slot: Slot, release: ReleaseTree | None = None) -> None:
    """Refuse to touch the slot that ``current`` leads to, and to point a live release's link at another slot.

    Without an edge (``slot.socket`` empty) there is one process, and replacing it is what the strategy does.
    """
    if not slot.socket:
        return
    live = layout.current.resolve()
    if is_live(layout, slot):
        what = "This slot is live."
    elif release is not None and release.path.resolve() == live:
        what = "This release is live in the other slot; starting it here would move the traffic at once."
    else:
        return
    raise DeployError(
        what,
        expected="the idle slot, and a release that is not published",
        seen=f"{layout.current} leads to {live}",
        where=f"slot {slot.name} ({slot.socket})",
        remedy="Publish another release first, or act on the other slot.",
    )


def is_live(layout: Layout, slot: Slot) -> bool:
    """Whether the edge dials this slot."""
    return bool(slot.socket) and read_link(ReleaseTree(layout.current.resolve()).listen) == slot.socket


def refuse_occupied(slot: Slot) -> None:
    """Refuse an address that somebody listens on."""
    listeners = _process.listeners(slot.address)
    if not listeners.any:
        return
    owners = ", ".join(f"pid {pid} ({_process.command(pid)})" for pid in sorted(listeners.pids))
    raise DeployError(
        "The slot's address is taken by a process that is not ours.",
        expected=f"nobody listening on {slot.address}",
        seen=owners or "a listener of another user",
        where=f"slot {slot.name}",
        remedy="End that process, or give the slot another address.",
        facts={"listener_pids": sorted(listeners.pids)},
    )


def refuse_other(found: list[Record], *, release: Path, root: Path, slot: Slot) -> None:
    """Refuse a start after which PM2 has no such process, or one that is not this release's."""
    problems = [foreign_path(record, release=release, root=root) for record in found] or ["no process of that name"]
    seen = next(filter(None, problems), None)
    if seen:
        raise DeployError(
            "PM2 does not run what it was given.",
            expected=f"{slot.process} with its script and working directory in the release",
            seen=seen,
            where=str(release),
            remedy="Compare name, script and cwd in ecosystem.config.cjs of the release.",
        )


def foreign_path(record: Record, *, release: Path, root: Path) -> str | None:
    """What in ``record`` lies outside ``release``; a script that is no part of the app at all (``/usr/bin/x``) may."""
    script, cwd = os.path.realpath(record.script), os.path.realpath(record.cwd)
    if not _inside(cwd, release):
        return f"cwd {record.cwd}"
    if _inside(script, root) and not _inside(script, release):
        return f"script {record.script}"
    return None


def _inside(path: str, directory: Path) -> bool:
    base = os.path.realpath(directory)
    return path == base or path.startswith(base + "/")


def _read_ecosystem(release: ReleaseTree, slot: Slot) -> str:
    source = release.ecosystem_for(slot.name)
    try:
        return source.read_text(encoding="utf-8")
    except OSError as error:
        raise DeployError(
            f"This release cannot be started in slot {slot.name}.",
            expected="the ecosystem file that staging rendered for the slot",
            seen=str(error),
            where=str(source),
            remedy="Stage the release again under a new id, or choose one that was staged for this slot.",
        ) from error


def _remove_stale_socket(slot: Slot) -> None:
    """A socket file outlives a process that was killed, and makes the next bind(2) fail."""
    path = _process.socket_path(slot.address)
    if path is not None and path.is_socket():
        path.unlink()


def _orphans(layout: Layout, slot: Slot) -> set[int]:
    """Processes of the slot, whatever PM2 knows of them: they run in a release, and listen or bear the slot's name.

    PM2 hands the name to what it starts; so those are found that lost their daemon and do not listen (yet).
    """
    owners = _process.listeners(slot.address).pids
    releases = f"{layout.releases.resolve()}/"
    ours = [pid for pid in _process.pids() if (_process.cwd(pid) or "").startswith(releases)]
    return {pid for pid in ours if pid in owners or _process.has_environment(pid, name=slot.process)}


def _daemon_listens(pm2: Pm2, slot: Slot) -> bool:
    """The daemon listens for cluster workers and lets go a moment after the last one."""
    return _pm2.daemon_pid(pm2) in _process.listeners(slot.address).pids


def _forget(pm2: Pm2, slot: Slot, *, timeout: float) -> None:
    """Make PM2 let go of the record, which it may have kept when a process outlived its patience."""
    _pm2.remove(pm2, slot.process, timeout=timeout)
    if any(record.name == slot.process for record in _pm2.records(pm2)):
        raise DeployError(
            "PM2 keeps a process that it was told to delete.",
            expected=f"no process {slot.process}",
            seen="its record is still there",
            where=str(pm2.home),
            remedy="Look into pm2.log in that directory.",
        )


def births(pids: set[int]) -> dict[int, int]:
    """Start time by pid of those that are alive, and of all below them: with it a reused pid is never hit."""
    times = {pid: _process.start_time(pid) for pid in pids.union(*map(_process.descendants, pids))}
    return {pid: started for pid, started in times.items() if started is not None}


def end(family: dict[int, int]) -> None:
    """End whatever of ``family`` is still alive: SIGTERM, two seconds, SIGKILL."""

    def alive() -> list[int]:
        return [pid for pid, started in family.items() if _process.start_time(pid) == started]

    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if _wait.until(lambda: not alive(), _LAST_WORDS):
            return
    raise DeployError(
        "Processes of the slot cannot be ended.",
        expected="no process left after SIGKILL",
        seen=", ".join(f"pid {pid} ({_process.command(pid)})" for pid in alive()),
        remedy="They hang in the kernel (a dead disk or network mount); the host needs attention.",
    )
