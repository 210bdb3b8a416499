# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release's own node_modules out of shared files: real directories, hard links, symlinks as they are.

Every path is a path of the release, so peers, workspaces, self references and generators resolve as after a plain
install; and no release needs the store any more once it is linked.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

MODULES = "node_modules"
# Other names with a dot (.prisma, .cache, the installers' own records) are written in place by those they belong to.
SHARED_DOTS = frozenset({".bin", ".pnpm", ".store"})
# Another file system; not ours to link to, or none with links; 65,000 links already.
_CANNOT_LINK = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP})


def roots(store: Path) -> Iterator[Path]:
    """Every outermost ``node_modules`` in a store entry: its own, and those of its workspaces."""
    for directory, below, _names in os.walk(store):
        if MODULES in below:
            below.remove(MODULES)
            yield Path(directory, MODULES)


def require_room(release: Path) -> None:
    """Refuse a release that brings ``node_modules`` of its own: nothing is ever merged."""
    if os.path.lexists(release / MODULES):
        raise DeployError(
            "The artifact ships node_modules, and its dependencies are to be installed as well.",
            expected="one or the other",
            seen="both",
            where=str(release / MODULES),
            remedy="Leave it out of the artifact, or set bluegreen_dependencies: shipped.",
        )


def link(store: Path, release: Path) -> int:
    """Make in ``release`` every ``node_modules`` that is in ``store``; returns how many files they hold.

    Raises :class:`DeployError` where one exists already. Where hard links are impossible, files are copied. Nothing is
    undone when this is killed: the release is unfinished then, and its caller's to remove.
    """
    require_room(release)
    count = 0
    for source in roots(store):
        target = release / source.relative_to(store)
        require_room(target.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        count += _grow(str(source), str(target), shared=True)
    return count


def _grow(source: str, target: str, *, shared: bool) -> int:
    count = 0
    os.mkdir(target)
    in_modules = os.path.basename(source) == MODULES
    with os.scandir(source) as entries:
        for entry in entries:
            place = os.path.join(target, entry.name)
            own = in_modules and entry.name.startswith(".") and entry.name not in SHARED_DOTS
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), place)
            elif entry.is_dir():
                count += _grow(entry.path, place, shared=shared and not own)
            else:
                _place(entry.path, place, shared=shared and not own)
                count += 1
    return count


def _place(source: str, target: str, *, shared: bool) -> None:
    if shared:
        try:
            os.link(source, target)
            return
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
    shutil.copyfile(source, target)
    writable = 0 if shared else 0o200
    os.chmod(target, os.stat(source).st_mode & 0o777 | writable)
