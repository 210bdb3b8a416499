# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the live release as it lies on disk, for the comparison with what was shipped. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _manifest, _meant, _shared, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._drift_seen import Disk
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, ReleaseTree
from ansible_collections.nodeops.pm2.plugins.module_utils._manifest import Manifest

_MOST_FOREIGN = 1000  # files; whoever wrote more than that need not be told of each


def read_disk(layout: Layout) -> Disk:
    """Every file's hash, and what else is there; files in node_modules count where they were shipped.

    What the deploy itself put there, from the ecosystem file to the links into ``shared/``, is compared as well.
    """
    live = _state.live_release(layout)
    releases = tuple(tree.id for tree in _state.trees(layout))
    if not live:
        return Disk("", releases=releases)
    tree = layout.release(live)
    path = os.path.realpath(tree.path)
    manifest = _manifest.read(tree)
    if manifest is None:
        return Disk(live, path, releases=releases)
    shipped = {**manifest.files, **_written(layout, tree, manifest)}
    found = _manifest.fingerprints(tree, shipped)
    return Disk(live, path, shipped, found, tuple(_foreign(tree.path, manifest)), releases)


def _written(layout: Layout, tree: ReleaseTree, manifest: Manifest) -> dict[str, str]:
    """What the deploy wrote into the release, as far as it is known, in the manifest's notation."""
    meant = _meant.read(tree, slot=_state.slot_name(tree))
    links = {name: _shared.target(layout, tree, name) for name in manifest.shared}
    revision = {tree.revision.name: _meant.revision(manifest.revision)} if meant.files else {}
    return {**meant.files, **revision, **{name: f"link:{target}" for name, target in links.items()}}


def _foreign(root: Path, manifest: Manifest) -> Iterator[str]:
    """Files that were neither shipped, nor installed, nor written by the deploy, nor shared between releases."""
    left_out = (".release", *_shared.WRITTEN, *manifest.shared)
    count, queue = 0, [""]
    while queue and count < _MOST_FOREIGN:
        below = queue.pop()
        with os.scandir(root / below) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                path = f"{below}/{entry.name}" if below else entry.name
                if _shared.is_below(path, left_out) or (manifest.dependencies and entry.name == "node_modules"):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    queue.append(path)
                elif path not in manifest.files:
                    count += 1
                    yield path
