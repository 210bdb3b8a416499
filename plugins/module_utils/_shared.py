# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What all releases of an app share: symlinks in the release that lead into ``shared/``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import link_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, ReleaseTree

# Files of a release that staging writes, whatever the archive ships under these names, and our directory in it.
WRITTEN = ("REVISION", "ecosystem.config.cjs")
_OURS = (".release", *WRITTEN)


def refuse_outside(names: Sequence[str]) -> None:
    """Refuse shared paths that lead out of the release, are all of it, or are what the deploy itself writes in it."""
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts or path.parts[0] in _OURS:
            raise DeployError(
                "This cannot be shared between releases.",
                expected="a path relative to the release, without '..', of the app's own",
                seen=repr(name),
                remedy="Correct it in bluegreen_shared_dirs or bluegreen_shared_files.",
            )


def link(layout: Layout, tree: ReleaseTree, *, directories: Sequence[str], files: Sequence[str]) -> list[str]:
    """Put symlinks into ``shared/`` where the named paths of the release are.

    What the archive shipped there gives way, as users expect. Directories are made where missing.

    :returns: the paths as the manifest writes them: ``uploads/`` is ``uploads``.
    :raises DeployError: when a file is not there.
    """
    made = [str(PurePosixPath(name)) for name in directories]
    kept = [str(PurePosixPath(name)) for name in files]
    for name in made:
        (layout.shared / name).mkdir(parents=True, exist_ok=True)
    for name in kept:
        refuse_missing(layout.shared / name)
    for name in (*made, *kept):
        place = tree.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        link_atomic(place, target(layout, tree, name))
    return [*made, *kept]


def target(layout: Layout, tree: ReleaseTree, name: str) -> str:
    """Where the link at the path ``name`` of the release leads, as it is written."""
    return os.path.relpath(layout.shared / name, (tree.path / name).parent)


def is_below(path: str, names: Sequence[str]) -> bool:
    """Whether ``path`` is one of ``names``, or lies in one."""
    return any(path == name or path.startswith(f"{name}/") for name in names)


def refuse_missing(target: Path) -> None:
    """Refuse a shared file that nobody has put there."""
    if not target.exists():
        raise DeployError(
            "A shared file does not exist.",
            expected="a file that was put there once, by hand or by provisioning",
            seen="nothing",
            where=str(target),
            remedy="Create it, or take it out of bluegreen_shared_files.",
        )
