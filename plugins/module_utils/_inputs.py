# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of a release that an installation of its dependencies reads, and no others."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _lockfile

SETTINGS = (".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml", ".pnpmfile.cjs", ".pnpmfile.mjs")
# Patches change what is installed, wherever they are named; yarn's own program and plugins may lie in the checkout.
DIRECTORIES = ("patches", ".yarn/patches", ".yarn/releases", ".yarn/plugins")


def collect(release: Path, lockfile: _lockfile.Lockfile) -> dict[str, bytes]:
    """Contents by path relative to the release: manifests, lockfile, settings, patches, local dependencies.

    Files that a package of the release offers as commands are given empty: npm makes no link to what is not there.
    """
    files = {lockfile.name: (release / lockfile.name).read_bytes()}
    for name in SETTINGS:
        if (release / name).is_file():
            files[name] = (release / name).read_bytes()
    for name in DIRECTORIES:
        files.update(_tree(release, name))
    members = _members(release, lockfile)
    for path in _local(release, lockfile, ["", *members]):
        files.update(_tree(release, path) if (release / path).is_dir() else {path: (release / path).read_bytes()})
    for member in ["", *members]:
        path = posixpath.join(member, "package.json")
        manifest = _lockfile.read_manifest(release / path)
        if (release / path).is_file():
            files[path] = _lockfile.for_install(manifest, root=not member)
        for command in _commands(release, member, manifest):
            files.setdefault(command, b"")
    return files


def _members(release: Path, lockfile: _lockfile.Lockfile) -> list[str]:
    found = set(_lockfile.packages(lockfile))
    if lockfile.manager == "yarn":
        manifest = _lockfile.read_manifest(release / "package.json")
        for pattern in _lockfile.workspace_patterns(manifest):
            found |= {path.parent.relative_to(release).as_posix() for path in release.glob(f"{pattern}/package.json")}
    return sorted(path for path in found if "node_modules" not in path.split("/"))


def _local(release: Path, lockfile: _lockfile.Lockfile, members: list[str]) -> Iterator[str]:
    """Local dependencies that are copied, not linked as members are; a missing one is the package manager's to tell."""
    for path in _lockfile.local_dependencies(lockfile):
        for member in members:
            candidate = posixpath.normpath(posixpath.join(member, path))
            if not candidate.startswith(("..", "/")) and candidate != "." and (release / candidate).exists():
                if candidate not in members:
                    yield candidate
                break


def _tree(release: Path, name: str) -> dict[str, bytes]:
    found = {}
    for directory, below, names in os.walk(release / name):
        below[:] = sorted(set(below) - {"node_modules"})
        for path in (Path(directory, file) for file in names):
            if path.is_file():
                found[path.relative_to(release).as_posix()] = path.read_bytes()
    return found


def _commands(release: Path, member: str, manifest: dict[str, Any]) -> Iterator[str]:
    offered = manifest.get("bin") or []
    targets = [offered] if isinstance(offered, str) else offered.values() if isinstance(offered, dict) else []
    for target in targets:
        path = posixpath.normpath(posixpath.join(member, str(target)))
        if not path.startswith(("..", "/")) and (release / path).is_file():
            yield path
