# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Packages of a workspace that the loaded files import by name, and the files that those imports end at."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import cache

from ansible_collections.nodeops.pm2.plugins.module_utils import _lockstep, _modules, _package
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

_NAME = re.compile(r"(@[\w.-]+/)?[\w.-]+")


@dataclass(frozen=True)
class Use:
    """An import of a package of the workspace.

    :param file: that imports it, and ``offset`` where.
    :param directory: of the package.
    :param targets: the files that it may end at; empty where there is none.
    :param compiled: whether it is said to end at JavaScript, which a loader does not make of TypeScript.
    """

    file: str
    offset: int
    name: str
    directory: str
    targets: tuple[str, ...]
    compiled: bool


@cache
def uses(tree: Tree, entry: Entry) -> tuple[Use, ...]:
    """The first import of each package of the workspace by the files that are loaded at the start."""
    packages = {str(tree.json(f"{below}/package.json").get("name", "")): below for below in _lockstep.workspaces(tree)}
    found: dict[str, Use] = {}
    if packages and entry.plain:
        for path in _modules.reachable(tree, entry.script, loader=entry.loader):
            for specifier, offset in _modules.specifiers(tree, path):
                name = _NAME.match(specifier)
                if name and name[0] in packages and name[0] not in found and not _aliased(tree, entry, specifier):
                    found[name[0]] = _use(tree, entry, path, offset, packages[name[0]])
    return tuple(found.values())


def _use(tree: Tree, entry: Entry, path: str, offset: int, below: str) -> Use:
    manifest = tree.json(posixpath.join(below, "package.json"))
    said = str(manifest.get("exports") or manifest.get("main") or "index.js")
    compiled = re.search(r"\.[cm]?js\b", said) is not None and not re.search(r"(?<!\.d)\.[cm]?ts\b", said)
    return Use(path, offset, str(manifest.get("name")), below, _targets(tree, entry, below), compiled)


def _targets(tree: Tree, entry: Entry, below: str) -> tuple[str, ...]:
    """What ``exports``, or without it ``main``, leads to; a package without either has its index."""
    manifest = tree.json(posixpath.join(below, "package.json"))
    fields = ("exports",) if manifest.get("exports") else ("main",)
    references = _package.package_references(tree, below, entry.conditions)
    found = [reference.target for reference in references if reference.field in fields]
    if tree.exists(posixpath.join("node_modules", str(manifest.get("name")), "package.json")) and not found:
        return (
            posixpath.join(below, "package.json"),
        )  # what is shipped there is another copy, which is not ours to judge
    index = [posixpath.join(below, "index" + suffix) for suffix in (".js", ".cjs", ".mjs", ".json", ".ts")]
    return tuple(found or (path for path in index if path in tree.files))


def _aliased(tree: Tree, entry: Entry, specifier: str) -> bool:
    """Whether a loader or an alias of tsconfig may lead the import elsewhere."""
    for below in dict.fromkeys(("", tree.package_of(entry.script))):
        paths = _package.compiler_options(tree, posixpath.join(below, "tsconfig.json")).get("paths")
        for alias in paths if isinstance(paths, dict) else ():
            if specifier == alias or specifier.startswith(alias.rstrip("*") if alias.endswith("*") else alias + "/"):
                return True
    return False
