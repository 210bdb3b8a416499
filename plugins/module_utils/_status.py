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
    _alert_test,
    _app,
    _deadline,
    _facts,
    _incident,
    _ledger,
    _registry,
    _state,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._deadline import Deadline
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._incident import Incident
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import Entry


@dataclass(frozen=True)
class Status:
    """All of it.

    :param app: name, as the live release has it.
    :param process: what runs where the live release should; ``None`` where nothing is live.
    :param serves: whether that is the live release, and owns its address.
    :param deadline: by when the live release has to be confirmed.
    :param incidents: the last ones, oldest first.
    :param history: the last events of the ledger, oldest first.
    :param guard: a line on who watches.
    :param silent: why people would not be told, ``''`` where they would be, or nobody asked for it.
    """

    app: str
    state: _state.State
    process: ProcessFacts | None
    serves: bool
    deadline: Deadline | None
    incidents: tuple[Incident, ...]
    history: tuple[Entry, ...]
    guard: str
    silent: str

    @property
    def good(self) -> bool:
        """Whether a person need not look: something good is live, it serves, and nothing is frozen."""
        return self.serves and self.state.verdict == "good" and not self.state.frozen

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        return {
            "app": self.app,
            "good": self.good,
            "state": asdict(self.state),
            "process": asdict(self.process) if self.process else None,
            "serves": self.serves,
            "deadline": asdict(self.deadline) if self.deadline else None,
            "incidents": [{**asdict(one), "seconds": _incident.seconds(one)} for one in self.incidents],
            "history": [asdict(one) for one in self.history],
            "guard": self.guard,
            "silent": self.silent,
        }


def read(layout: Layout, *, guard: Path = _registry.DIRECTORY, last: int = 20) -> Status:
    """Look at everything; changes nothing, and works where nothing has been deployed yet."""
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
        deadline=_deadline.armed(layout),
        incidents=tuple(incidents),
        history=tuple(_ledger.read(layout.ledger)[-last:]),
        guard=_watched_by(guard),
        silent=_alert_path.read(guard, patience=0.0).dead,
    )


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
    said += [f"  locked by {state.lock}"] if state.lock else []
    said += [f"  FROZEN: {state.frozen}"] if state.frozen else []
    said += [f"  {status.guard}", *([f"  SILENT: {status.silent}"] if status.silent else [])]
    said += [f"  incident {_incident.oneline(one)}" for one in status.incidents if one.open]
    return said + [_release_line(one, live=state.live) for one in state.releases]


def history_lines(status: Status) -> list[str]:
    """Events and incidents, oldest first, a line each."""
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
    return [text for _at, text in sorted(events + incidents, key=lambda one: one[0])]


def _release_line(release: _state.Release, *, live: str) -> str:
    mark = "*" if release.id == live else " "
    verdict = release.verdict if release.complete else "unfinished"
    return f"  {mark} {release.id:<34} {verdict:<12} {release.slot or '-':<6} {release.revision[:12]}".rstrip()


def _watched_by(directory: Path) -> str:
    there = _registry.present(directory)
    if there is None:
        return _alert_path.NO_GUARD
    if not there.alive:
        return f"the guard does NOT run (its last process was {there.owner.pid})"
    tested = _alert_test.last(directory)
    ways = ", ".join(there.channels) or "nobody"
    proved = f", tried {tested.at}" if tested and tested.good else ", NOT proved to work"
    return f"watched by a guard that tells {ways}{proved if there.channels else ''}"


def _began(incident: Incident) -> str:
    first = min((one.wall for one in incident.times.values()), default=0.0)
    return _moment(first)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
