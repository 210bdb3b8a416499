# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is so on this host: asked of the symlink, the release directories, the ledger and the lock; then concluded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _app, _ledger, _lock, _manifest
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_link
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, ReleaseTree


@dataclass(frozen=True)
class Release:
    """A release on disk.

    :param complete: whether its stage ended.
    :param verdict: see :func:`_ledger.verdict`.
    :param slot: name of the slot it was last started in, ``''`` where it never was.
    """

    id: str
    complete: bool
    verdict: str
    slot: str
    revision: str
    artifact_sha256: str
    staged_at: str
    dependencies: str


@dataclass(frozen=True)
class State:
    """The whole of it.

    :param live: id of the live release, ``''`` where nothing is live.
    :param live_slot: the slot it is live in.
    :param verdict: of the live release; anything but ``good`` means that it was never confirmed.
    :param since: when it was published, UTC, ISO 8601.
    :param rollback_target: where a rollback would go, ``''`` where there is nothing to go to.
    :param came_from: the good release before the live one, also where that is the same once more.
    :param lock: a line on who holds the lock, ``''`` where nobody does.
    :param frozen: why the app is frozen, ``''`` where it is not.
    """

    live: str
    live_slot: str
    verdict: str
    since: str
    rollback_target: str
    came_from: str
    releases: tuple[Release, ...]
    lock: str
    frozen: str

    @property
    def is_unconfirmed(self) -> bool:
        """Whether nothing was ever decided on the live release, since its deploy was cut short."""
        return self.live != "" and self.verdict not in _ledger.VERDICTS

    def release(self, identifier: str) -> Release | None:
        """The release of that id on disk."""
        return next((release for release in self.releases if release.id == identifier), None)


def live_release(layout: Layout) -> str:
    """What is live: the name ``current`` points to, and nothing else."""
    target = read_link(layout.current)
    return Path(target).name if target else ""


def slot_name(tree: ReleaseTree) -> str:
    """The slot a release was last started in, as it describes itself; ``''`` where it was in none, or cannot say."""
    app = _app.recorded(tree)
    slot = app.slot_of(tree) if app else None
    return slot.name if slot else ""


def place(layout: Layout) -> str:
    """What is live, and where, in words."""
    live = live_release(layout)
    return f"{live} in {slot_name(layout.release(live))}" if live else "nothing"


def read(layout: Layout, *, now: float) -> State:
    """Look at everything; changes nothing, and works where nothing has been deployed yet."""
    entries = _ledger.read(layout.ledger)
    live = live_release(layout)
    releases = tuple(_read_release(tree, entries) for tree in trees(layout))
    lease = _lock.held(layout.lock)
    present = {release.id for release in releases if release.complete}
    state = State(
        live=live,
        live_slot=slot_name(layout.release(live)) if live else "",
        verdict=_ledger.verdict(entries, live) if live else "",
        since=_ledger.since(entries, live) if live else "",
        rollback_target=_ledger.rollback_target(entries, live or None, present) or "",
        came_from=_ledger.came_from(entries, live or None, present) or "",
        releases=releases,
        lock=lease.describe(now) if lease else "",
        frozen=_lock.frozen(layout.root),
    )
    # What was only cut short goes back to how it was, whatever that was made of.
    return replace(state, rollback_target=state.came_from) if state.is_unconfirmed else state


def trees(layout: Layout) -> list[ReleaseTree]:
    """Every release directory, complete or not, in name order."""
    if not layout.releases.is_dir():
        return []
    return [ReleaseTree(path) for path in sorted(layout.releases.iterdir()) if not path.name.startswith(".")]


def _read_release(tree: ReleaseTree, entries: Sequence[_ledger.Entry]) -> Release:
    manifest = _manifest.read(tree)
    return Release(
        id=tree.id,
        complete=manifest is not None,
        verdict=_ledger.verdict(entries, tree.id),
        slot=slot_name(tree),
        revision=manifest.revision if manifest else "",
        artifact_sha256=manifest.artifact_sha256 if manifest else "",
        staged_at=manifest.at if manifest else "",
        dependencies=manifest.dependencies if manifest else "",
    )
