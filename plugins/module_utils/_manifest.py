# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The manifest: what a release is made of, written last, so that a directory without one is an unfinished stage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import ReleaseTree


@dataclass(frozen=True)
class Manifest:
    """What was staged.

    :param id: release id.
    :param revision: commit or version, as given.
    :param artifact_sha256: of the archive it was unpacked from.
    :param files: sha256 by path relative to the release; a symlink reads ``link:<target>``.
    :param dependencies: key of the store entry its node_modules came from, ``''`` where it has none.
    :param shared: paths that are symlinks into ``shared/``.
    :param by: who staged it.
    :param at: when, UTC, ISO 8601.
    """

    id: str
    revision: str
    artifact_sha256: str
    files: dict[str, str]
    dependencies: str = ""
    shared: list[str] = field(default_factory=list)
    by: str = ""
    at: str = ""


def write(tree: ReleaseTree, manifest: Manifest) -> None:
    """Seal a release."""
    write_atomic(tree.manifest, json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n")


def read(tree: ReleaseTree) -> Manifest | None:
    """The manifest of a complete release, ``None`` where the stage never ended."""
    raw = read_json(tree.manifest)
    if not isinstance(raw, dict):
        return None
    return Manifest(**{key: raw[key] for key in Manifest.__dataclass_fields__ if key in raw})


def differences(shipped: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """What was changed after staging: a sentence a file, at most the changed and missing ones of ``shipped``."""
    return [
        f"{path} is gone" if path not in found else f"{path} was changed"
        for path in sorted(shipped)
        if found.get(path) != shipped[path]
    ]


def fingerprints(tree: ReleaseTree, paths: Mapping[str, str]) -> dict[str, str]:
    """The present sha256 of each of ``paths`` that is still there, in the manifest's notation."""
    found = {}
    for relative in paths:
        path = tree.path / relative
        if path.is_symlink():
            found[relative] = f"link:{path.readlink()}"
        elif path.is_file():
            found[relative] = sha256(path)
    return found


def sha256(path: Path) -> str:
    """The hash of a file's content, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()
