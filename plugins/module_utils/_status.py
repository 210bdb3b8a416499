# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is live, whether it really runs, and what was decided: for ``status.yml`` and for whoever sits at the host."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _alert_path,
    _app,
    _deadline,
    _drift,
    _drift_look,
    _facts,
    _incident,
    _ledger,
    _lock,
    _registry,
    _state,
    _watcher,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._deadline import Deadline
from ansible_collections.nodeops.pm2.plugins.module_utils._drift_seen import Difference
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._incident import Incident
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import Entry
from ansible_collections.nodeops.pm2.plugins.module_utils._watcher import Watcher


@dataclass(frozen=True)
class Status:
    """All of it.

    :param app: name, as the live release has it.
    :param process: what runs where the live release should; ``None`` where nothing is live.
    :param serves: whether that is the live release, and owns its address.
    :param freeze: by whom and since when the app is frozen; ``None`` where it is not.
    :param left: why whoever holds the lock is provably dead; ``''`` where they may live, or nobody holds it.
    :param deadline: by when the live release has to be confirmed.
    :param incidents: the last ones, oldest first.
    :param history: the last events of the ledger, oldest first.
    :param guard: who watches; ``None`` where nobody does.
    :param silent: why people would not be told, ``''`` where they would be, or nobody asked for it.
    :param drift: what is not as it was declared; ``None`` where nobody asked.
    """

    app: str
    state: _state.State
    process: ProcessFacts | None
    serves: bool
    freeze: _lock.Freeze | None
    left: str
    deadline: Deadline | None
    incidents: tuple[Incident, ...]
    history: tuple[Entry, ...]
    guard: Watcher | None
    silent: str
    drift: tuple[Difference, ...] | None = None

    @property
    def good(self) -> bool:
        """Whether a person need not look: something good is live and serves, as declared, watched and not frozen."""
        alone = self.guard is not None and not self.guard.watches
        wrong = self.state.frozen or self.silent or self.drift or alone
        return self.serves and self.state.verdict == "good" and not wrong

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "app": self.app,
            "good": self.good,
            "state": asdict(self.state),
            "process": asdict(self.process) if self.process else None,
            "serves": self.serves,
            "freeze": asdict(self.freeze) if self.freeze else None,
            "left": self.left,
            "deadline": asdict(self.deadline) if self.deadline else None,
            "incidents": [{**asdict(one), "seconds": _incident.seconds(one)} for one in self.incidents],
            "history": [asdict(one) for one in self.history],
            "guard": asdict(self.guard) if self.guard else None,
            "silent": self.silent,
            "drift": None if self.drift is None else [one.as_dict() for one in self.drift],
        }


def read(layout: Layout, *, guard: Path = _registry.DIRECTORY, last: int = 20, drift: bool = False) -> Status:
    """Look at everything; changes nothing, and works where nothing has been deployed yet.

    :param drift: whether to compare what is with what was declared, for which every file of the release is read.
    """
    state = _state.read(layout, now=time.time())
    tree = layout.release(state.live) if state.live else None
    app = _app.recorded(tree) if tree else None
    slot = app.slot_of(tree) if app and tree else None
    process = _facts.read_facts(app.pm2, app.serving(slot)) if app and slot else None
    incidents, _broken = _incident.read(layout.root, last=last)
    return Status(
        app=app.name if app and app.name else layout.root.name,
        state=state,
        process=process,
        serves=bool(process and tree and _facts.runs_release(process, tree.path.resolve())),
        freeze=_lock.freeze_of(layout.root),
        left=_left(layout),
        deadline=_deadline.armed(layout),
        incidents=tuple(incidents),
        history=tuple(_ledger.read(layout.ledger)[-last:]),
        guard=_watcher.read(guard, layout.root),
        silent=_alert_path.read(guard, patience=0.0).dead,
        drift=_drift_look.look(layout) if drift else None,
    )


def _left(layout: Layout) -> str:
    """Why the holder of the lock is provably dead, ``''`` where nobody holds it or they may live."""
    lease = _lock.held(layout.lock)
    return _lock.found_dead(lease, now=time.time()) if lease else ""


def lines(status: Status, *, host: str) -> list[str]:
    """The same for people."""
    state, process = status.state, status.process
    where = f" in {state.live_slot} since {state.since}" if state.live else ""
    said = [f"{status.app} on {host}: {state.live or 'nothing'} is live{where}"]
    if state.live:
        unconfirmed = "" if state.verdict == "good" else " (never confirmed)"
        said.append(f"  verdict {state.verdict}{unconfirmed}, rollback goes to {state.rollback_target or 'nothing'}")
    if process:
        pids = ", ".join(map(str, process.pids)) or "none"
        owns = "owns its address" if process.listener_is_ours else "does NOT own its address"
        told = f"pid {pids}, {process.restarts} restarts, up {int(process.uptime)} s, {owns}"
        said.append(f"  process {process.name}: {told}{'' if status.serves else '; the live release does NOT serve'}")
    said += [f"  to be confirmed by {_moment(status.deadline.until)}"] if status.deadline else []
    left = f"; {status.left}: the next deploy or rollback takes over what is left" if status.left else ""
    said += [f"  locked by {state.lock}{left}"] if state.lock else []
    said += [f"  FROZEN: {status.freeze.reason} ({status.freeze.who_and_when()})"] if status.freeze else []
    said += [f"  {status.guard or _alert_path.NO_GUARD}", *([f"  SILENT: {status.silent}"] if status.silent else [])]
    said += [f"  incident {_incident.oneline(one)}" for one in status.incidents if one.open]
    said += [_release_line(one, live=state.live) for one in state.releases]
    if status.drift == () and state.live:
        said.append("  no drift: files, PM2's memory and dump, the front door and who listens are as declared")
    return said + [f"  {line}" for line in _drift.lines(status.drift or ())]


def history_lines(status: Status, *, last: int) -> list[str]:
    """The last events and incidents together, oldest first, a line each."""
    events = [
        (
            one.at,
            "  ".join(
                filter(None, (one.at, f"{one.event:<11}", one.release, one.slot, one.by, one.reason.split("\n")[0]))
            ),
        )
        for one in status.history
    ]
    incidents = [(_began(one), f"{_began(one)}  incident     {_incident.oneline(one)}") for one in status.incidents]
    # What happened in the same moment stays in the order of the ledger.
    return [text for _at, text in sorted(events + incidents, key=lambda told: told[0])[-last:]]


def _release_line(release: _state.Release, *, live: str) -> str:
    mark = "*" if release.id == live else " "
    verdict = release.verdict if release.complete else "unfinished"
    return f"  {mark} {release.id:<34} {verdict:<12} {release.slot or '-':<6} {release.revision[:12]}".rstrip()


def _began(incident: Incident) -> str:
    first = min((one.wall for one in incident.times.values()), default=0.0)
    return _moment(first)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
