# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PM2 is told of a release, as data, and what was written beside what was shipped; kept for later comparison.

It is read back from the very files that PM2 is given, because a user's own template may say in them what it likes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _kept
from ansible_collections.nodeops.pm2.plugins.module_utils._command import minimal_environment, run
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._kept import Kept
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import ReleaseTree

_PATIENCE = 20.0  # seconds that Node.js may take to read files of a few lines
_READ = "process.stdout.write(JSON.stringify(process.argv.slice(1).flatMap((file) => require(file).apps)))"


@dataclass(frozen=True)
class Meant:
    """What was written when a release was staged.

    :param processes: what PM2 is told, by slot and app; empty where the files could not be read, or by an older stage.
    :param files: sha256 by path relative to the release.
    """

    processes: tuple[Kept, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def process(self, name: str) -> Kept | None:
        """The process that PM2 is to know by that name."""
        return next((kept for kept in self.processes if kept.name == name), None)


def write(tree: ReleaseTree, texts: Mapping[str, str], *, ecosystems: Sequence[Path], node: str) -> None:
    """Write down what has been written.

    :param texts: by path relative to the release.
    :param ecosystems: those of them that PM2 is given.
    :param node: the program that reads them.
    """
    files = {path: _sha256(text) for path, text in texts.items()}
    processes = [_without_values(app) for app in _apps(ecosystems, node)]
    write_atomic(tree.meant, json.dumps({"processes": processes, "files": files}, indent=1) + "\n", mode=0o600)


def read(tree: ReleaseTree, *, slot: str) -> Meant:
    """What :func:`write` wrote, with the ecosystem file as it is when the release has been started in ``slot``."""
    raw = read_json(tree.meant)
    if not isinstance(raw, dict):
        return Meant()
    files = dict(raw["files"])
    started = files.get(_relative(tree, tree.ecosystem_for(slot))) if slot else None
    if started:
        files[_relative(tree, tree.ecosystem)] = started
    return Meant(tuple(_kept.recorded(one) for one in raw["processes"]), files)


def revision(text: str) -> str:
    """The hash of the file ``REVISION`` of that revision."""
    return _sha256(f"{text}\n")


def _apps(ecosystems: Sequence[Path], node: str) -> list[Mapping[str, Any]]:
    """The entries of the files. What cannot be read here cannot be started either, and is told then."""
    try:
        output = run([node, "-e", _READ, *map(str, ecosystems)], env=minimal_environment(), timeout=_PATIENCE)
        found = json.loads(output.stdout) if output.code == 0 else []
    except (DeployError, ValueError):
        return []
    return [app for app in found if isinstance(app, dict) and {"name", "script", "cwd"} <= set(app)]


def _without_values(app: Mapping[str, Any]) -> dict[str, Any]:
    kept = asdict(_kept.meant(app))
    return {**kept, "env": sorted(kept["env"])}


def _relative(tree: ReleaseTree, path: Path) -> str:
    return str(path.relative_to(tree.path))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
