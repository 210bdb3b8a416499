# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the guard sees of an app on disk, once a second: what is live, and what was decided so far. Light on purpose.

Unlike :mod:`_state` it opens no manifest, which may name many thousand files, and reads nothing that has not changed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.nodeops.pm2.plugins.module_utils import _app, _deadline, _ledger, _lock, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot


@dataclass(frozen=True)
class Sight:
    """What is so of one app.

    :param live: the live release, ``''`` where nothing is live, or it does not say how it is run.
    :param app: how the live release is run.
    :param slot: where it serves.
    :param commit: it was made from.
    :param published: when it was published last, seconds since the epoch; ``None`` where nobody knows.
    :param verdict: what was decided on it.
    :param target: where a rollback would go, see :func:`_ledger.rollback_target`.
    :param came_from: the good release before it, also where that is the same once more.
    :param crossed: see :func:`_ledger.crossed`.
    :param by: who published it.
    :param condemned_by: who marked it bad, each time it was.
    :param frozen: why the app is frozen.
    :param holder: the lease of whoever holds the lock, and may live.
    :param overdue: it was to be confirmed by now, and was not.
    :param problem: why nothing of this can be known, ``''`` where it can.
    """

    live: str = ""
    app: _app.App | None = None
    slot: Slot | None = None
    commit: str = ""
    published: float | None = None
    verdict: str = ""
    target: str = ""
    came_from: str = ""
    crossed: str = ""
    by: str = ""
    condemned_by: tuple[str, ...] = ()
    frozen: str = ""
    holder: _lock.Lease | None = None
    overdue: bool = False
    problem: str = ""

    @property
    def place(self) -> str:
        """What is live, and where, in words."""
        return f"{self.live} in {self.slot.name}" if self.slot else "nothing"


class Eyes:
    """Looks at one app, and remembers what the files were that have not changed since."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._seen: tuple[object, ...] = ()
        self._sight = Sight()
        self._entries: list[_ledger.Entry] = []

    @property
    def entries(self) -> Sequence[_ledger.Entry]:
        """The ledger as it was last read."""
        return self._entries

    def look(self, *, now: Moment) -> Sight:
        """What is so ``now``; what cannot be read must not end the watch over others."""
        try:
            return self._look(now)
        except (DeployError, OSError) as error:
            self._seen = ()
            return Sight(problem=str(error))

    def _look(self, now: Moment) -> Sight:
        layout = self._layout
        live = _state.live_release(layout)
        tree = layout.release(live) if live else None
        seen = (live, _mark(layout.ledger), _mark(tree.app) if tree else None, _mark(layout.releases))
        if seen != self._seen:
            self._entries = _ledger.read(layout.ledger)
            self._sight = _read(layout, live, self._entries)
            self._seen = seen
        deadline = _deadline.armed(layout)
        overdue = deadline is not None and deadline.release == live and deadline.is_over(now)
        return replace(
            self._sight,
            frozen=_lock.frozen(layout.root),
            holder=_holder(layout, now=now.wall),
            overdue=overdue and self._sight.verdict != "good",
        )


def moment(text: str) -> float | None:
    """Seconds since the epoch of what the ledger writes; ``None`` where it is no moment."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def _read(layout: Layout, live: str, entries: Sequence[_ledger.Entry]) -> Sight:
    app = _app.recorded(layout.release(live)) if live else None
    slot = app.slot_of(layout.release(live)) if app else None
    if app is None or slot is None:
        return Sight()
    present = {tree.id for tree in _state.trees(layout) if tree.manifest.exists()}
    target, came_from = (find(entries, live, present) or "" for find in (_ledger.rollback_target, _ledger.came_from))
    return Sight(
        live=live,
        app=app,
        slot=slot,
        commit=_commit(layout, live),
        published=moment(_ledger.since(entries, live)),
        verdict=_ledger.verdict(entries, live),
        target=target,
        came_from=came_from,
        crossed=_ledger.crossed(entries, target or came_from) if came_from else "",
        by=next((one.by for one in reversed(entries) if (one.release, one.event) == (live, "published")), ""),
        condemned_by=tuple(one.by for one in entries if (one.release, one.event) == (live, "bad")),
    )


def _holder(layout: Layout, *, now: float) -> _lock.Lease | None:
    """Whoever holds the lock, unless they are provably dead."""
    lease = _lock.held(layout.lock)
    if lease is None:
        return None
    return None if _lock.found_dead(lease, now=now) else lease


def _commit(layout: Layout, release: str) -> str:
    try:
        return layout.release(release).revision.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _mark(path: os.PathLike[str]) -> tuple[int, int] | None:
    """What tells that a file was written, or a name in a directory was."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
