# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may be deleted: decided from what is live, what was proved good, and what runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger
from ansible_collections.nodeops.pm2.plugins.module_utils._io import is_leftover
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import Entry, ever_good
from ansible_collections.nodeops.pm2.plugins.module_utils._state import State


def expendable(
    releases: Iterable[str],
    entries: Sequence[Entry],
    *,
    live: str,
    ways_back: Collection[str],
    running: Collection[str],
    keep: int,
) -> list[str]:
    """Releases that may go.

    All of them, minus the live one, minus those to go back to, minus any that a process still has as its
    working directory, minus the ``keep`` most recently confirmed good ones (the live one counts as one of them).
    """
    good = ever_good(entries)
    kept = {live, *ways_back, *running, *(good[-keep:] if keep else ())}
    return sorted(release for release in releases if release not in kept)


def plan(layout: Layout, state: State, *, keep: int) -> list[str]:
    """Releases that may go now; reads the ledger and every process there is."""
    return expendable(
        [release.id for release in state.releases],
        _ledger.read(layout.ledger),
        live=state.live,
        ways_back=(state.rollback_target, state.came_from),
        running=running_from(layout.releases),
        keep=keep,
    )


def carry_out(layout: Layout, releases: Iterable[str], *, by: str) -> None:
    """Delete them, and say so in the ledger."""
    for release in releases:
        remove(layout.release(release).path)
        _ledger.append(layout.ledger, _ledger.Entry(_ledger.now(), "pruned", release, by=by))


def running_from(directory: Path) -> set[str]:
    """Names of the entries of ``directory`` in which any process that we may look at has its working directory."""
    prefix = f"{os.path.realpath(directory)}/"
    names = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                cwd = os.readlink(process / "cwd")
            except OSError:
                continue
            if cwd.startswith(prefix):
                names.add(cwd[len(prefix) :].split("/")[0])
    return names


def unused(deps: Path, keys_in_use: Collection[str]) -> list[Path]:
    """What may be removed from the dependency store under the lock: entries that no release names, leftovers."""
    entries = sorted(deps.iterdir()) if deps.is_dir() else []
    return [entry for entry in entries if entry.name not in keys_in_use]


def remove(directory: Path) -> None:
    """Delete a tree that nobody may take for a release while it goes: renamed away first, in one step."""
    going = directory.parent / f".{directory.name}.gone~"
    if going.exists():
        shutil.rmtree(going)
    os.rename(directory, going)
    shutil.rmtree(going)


def remove_leftovers(layout: Layout) -> list[str]:
    """Delete what killed runs left half-written or half-deleted; only names that are never anything else."""
    removed = []
    for parent in (layout.root, layout.releases, layout.deps):
        for path in sorted(parent.iterdir()) if parent.is_dir() else []:
            if is_leftover(path.name):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
                removed.append(str(path))
    return removed
