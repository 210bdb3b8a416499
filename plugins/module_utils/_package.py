# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a package.json and a tsconfig.json mean: dependencies, and the files that other code reaches through them."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

SECTIONS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_OMIT_DEV = re.compile(r"--omit[= ]dev|--production(=true)?|--prod|-P|--only[= ]prod(uction)?")
# What Node.js, and tsx with it, looks for when a package is imported or required.
_CONDITIONS = frozenset({"import", "require", "module-sync", "node-addons"})
_FINAL_CONDITIONS = frozenset({"node", "default"})
_SUFFIXES = ("", ".js", ".cjs", ".mjs", ".json", "/index.js", "/index.cjs", "/index.mjs")


@dataclass(frozen=True)
class Reference:
    """A place that says which file is meant.

    :param file: where it is said.
    :param line: the line of it, 0 where unknown.
    :param field: what says it, for a person: ``main``, ``scripts.start``.
    :param target: the file it leads to.
    """

    file: str
    line: int
    field: str
    target: str


def dependencies(package: Mapping[str, Any], *sections: str) -> dict[str, str]:
    """Ranges by name of the named sections, of all four without one."""
    found: dict[str, str] = {}
    for section in sections or SECTIONS:
        entries = package.get(section)
        if isinstance(entries, dict):
            found.update((name, str(wanted)) for name, wanted in entries.items())
    return found


def omits_dev(install_args: list[str]) -> bool:
    """Whether the package manager is told to leave out devDependencies."""
    return _OMIT_DEV.search(" ".join(install_args)) is not None


def workspace_packages(tree: Tree) -> dict[str, str]:
    """Directories of the packages inside the release, by their names, the release's own left out."""
    found = {str(tree.json(f"{below}/package.json").get("name", "")): below for below in tree.packages() if below}
    return {name: below for name, below in found.items() if name}


def package_references(tree: Tree, below: str, conditions: frozenset[str] = frozenset()) -> Iterator[Reference]:
    """What ``main``, ``module``, ``bin``, ``exports``, ``imports`` of the package in ``below`` lead to."""
    path = posixpath.join(below, "package.json")
    package = tree.json(path)
    for field in ("main", "module", "bin", "exports", "imports"):
        for target in _targets(field, package.get(field), conditions):
            for file in _files_of(tree, posixpath.join(below, target)):
                yield Reference(path, line_of_value(tree.text(path), field, target), field, file)


def script_references(tree: Tree, below: str, name: str = "start") -> Iterator[Reference]:
    """The files that the package's script ``name`` names."""
    path = posixpath.join(below, "package.json")
    scripts = tree.json(path).get("scripts")
    command = scripts.get(name, "") if isinstance(scripts, dict) else ""
    for word in re.split(r"[\s;&|'\"=]+", str(command)):
        for file in _files_of(tree, posixpath.join(below, word)) if "/" in word or "." in word else ():
            yield Reference(path, line_of_value(tree.text(path), name, str(command)), f"scripts.{name}", file)


def alias_references(tree: Tree, path: str) -> Iterator[Reference]:
    """The first existing file that each of ``compilerOptions.paths`` in a tsconfig leads to, as tsx reads them."""
    options = compiler_options(tree, path)
    aliases = options.get("paths")
    base = posixpath.join(posixpath.dirname(path), str(options.get("baseUrl", ".")))
    for alias, targets in aliases.items() if isinstance(aliases, dict) else ():
        for target in targets if isinstance(targets, list) else ():
            files = _files_of(tree, posixpath.join(base, str(target)))
            if files:
                line = line_of_value(tree.text(path), alias, str(target))
                yield from (Reference(path, line, f"paths[{alias}]", file) for file in files)
                break


def compiler_options(tree: Tree, path: str, depth: int = 5) -> dict[str, Any]:
    """``compilerOptions`` of a tsconfig, those it extends by a relative path included; ``outDir`` from the release."""
    config = tree.json(path)
    own = config.get("compilerOptions")
    options = dict(own) if isinstance(own, dict) else {}
    if "outDir" in options:
        options["outDir"] = posixpath.normpath(posixpath.join(posixpath.dirname(path), str(options["outDir"])))
    parent = config.get("extends")
    if depth and isinstance(parent, str) and parent.startswith("."):
        parent = posixpath.normpath(posixpath.join(posixpath.dirname(path), parent))
        inherited = compiler_options(tree, parent if parent.endswith(".json") else f"{parent}.json", depth - 1)
        options = {**inherited, **options}
    return options


def line_of_value(text: str, key: str, value: str) -> int:
    """The line of the JSON string ``value`` at or behind ``key``; 0 where it is not to be found."""
    start = max(text.find(json.dumps(key)), 0)
    found = text.find(json.dumps(value, ensure_ascii=False), start)
    return text.count("\n", 0, found) + 1 if found >= 0 else 0


def _targets(field: str, value: Any, conditions: frozenset[str]) -> list[str]:
    """All files that a field may lead to at run time, by the conditions that Node.js goes by."""
    if isinstance(value, str):
        return [value] if not value.startswith("#") else []
    if isinstance(value, list):
        return [target for item in value for target in _targets(field, item, conditions)]
    found: list[str] = []
    final = _FINAL_CONDITIONS | conditions
    for key, inner in value.items() if isinstance(value, dict) else ():
        if field == "bin" or key.startswith((".", "#")):
            found += _targets(field, inner, conditions)
        elif key in _CONDITIONS | final:
            found += _targets(field, inner, conditions)
            if found and key in final:
                break
    return found


def _files_of(tree: Tree, target: str) -> list[str]:
    """The file a target leads to: itself, with what Node.js may add to it, or the first its ``*`` may stand for."""
    plain = posixpath.normpath(target)
    if "*" in plain:
        before, _star, after = plain.partition("*")
        return [path for path in tree.beginning(before) if path.endswith(after)][:1]
    return next(([plain + suffix] for suffix in _SUFFIXES if plain + suffix in tree.files), [])
