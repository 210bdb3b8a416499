# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which directories of compiled output a release's build writes, and which of them its entry runs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache

from ansible_collections.nodeops.pm2.plugins.module_utils import _built, _modules
from ansible_collections.nodeops.pm2.plugins.module_utils._package import compiler_options
from ansible_collections.nodeops.pm2.plugins.module_utils._scripts import npm_scripts
from ansible_collections.nodeops.pm2.plugins.module_utils._shell import Command, options
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

# Compilers of what runs in Node.js, and how each is told where to write. Bundlers for browsers are none of them.
_TO = frozenset({"-d", "--out-dir", "--outDir", "--outdir", "--dir", "-o", "--out", "--outfile", "--file"})
_VALUED = _TO | {"-p", "--project", "-c", "--config", "--config-file", "--tsconfig", "-e", "--extensions"}
_WRITE_DIST = frozenset({"tsup", "tsdown", "unbuild", "pkgroll", "ncc"})
_WRITE_WHERE_TOLD = frozenset({"babel", "swc", "esbuild", "rollup", "rolldown"})
_MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
_RUN_ALL = frozenset({"run-s", "run-p", "npm-run-all", "npm-run-all2"})
_PLACES = frozenset({"--prefix", "-C", "--dir", "--cwd"})
_OTHERS = frozenset({"-w", "--workspace", "--filter", "-F", "--workspaces", "-r"})


@cache
def of_scripts(tree: Tree, below: str) -> frozenset[str]:
    """What all npm scripts of the package in ``below`` together write, by the compilers that they run."""
    found = (output for script in npm_scripts(tree, below).values() for output in written(tree, script.commands, below))
    return frozenset(output for _command, output in found)


def written(
    tree: Tree, commands: Sequence[Command], below: str, seen: frozenset[tuple[str, str]] = frozenset()
) -> Iterator[tuple[Command, str]]:
    """The commands that compile, directly or by npm scripts of the package in ``below``, and what each writes."""
    for command in commands:
        direct = _output(tree, command, below)
        if direct:
            yield command, direct
        for place, name in called(tree, command, below):
            if (place, name) not in seen:
                inner = npm_scripts(tree, place)[name].commands
                for _inner, output in written(tree, inner, place, seen | {(place, name)}):
                    yield command, output


def called(tree: Tree, command: Command, below: str) -> list[tuple[str, str]]:
    """The npm scripts that a command runs: the package of each, and its name."""
    if command.program in _RUN_ALL:
        forms = [word for word in command.args if not word.startswith("-")]
        return [(below, name) for name in npm_scripts(tree, below) if any(fnmatchcase(name, form) for form in forms)]
    found, rest = options(command.args, _PLACES | _OTHERS)
    if command.program not in _MANAGERS or _OTHERS & set(found):
        return []  # another package's script, or everybody's
    place = next((found[name] for name in sorted(_PLACES) if found.get(name, "").strip("./")), "")
    place = posixpath.normpath(posixpath.join(below, place)) if place else below
    runs = rest[:1] in (["run"], ["run-script"])
    name = "".join(rest[1:2] if runs else rest[:1])
    bare = command.program != "npm" or name in ("start", "stop", "restart", "test")
    return [(place, name)] if name in npm_scripts(tree, place) and (runs or bare) else []


def used(tree: Tree, entry: Entry) -> frozenset[str]:
    """The directories of compiled output that the entry lies in or loads from, or that what it loads speaks of."""
    loaded = _modules.reachable(tree, entry.script, loader=entry.loader)
    found = {_built.output_directory(tree, path) for path in loaded}
    found |= {output for output in of_scripts(tree, tree.package_of(entry.script)) if _speaks_of(tree, loaded, output)}
    if not entry.typescript and "/" in entry.script:
        # Built on another machine, or not recognised: its directory is what the entry runs all the same.
        below = tree.package_of(entry.script)
        inside = entry.script[len(below) + 1 :] if below else entry.script
        found.add(posixpath.join(below, inside.partition("/")[0]))
    return frozenset(found - {""})


def _speaks_of(tree: Tree, loaded: Sequence[str], output: str) -> bool:
    """Whether code that is loaded names a path in the directory: it may require it later, or serve it."""
    form = re.compile(rf"""["'`/]{re.escape(posixpath.basename(output))}/[\w.]""")
    return any(form.search(tree.text(path)) for path in loaded)


def _output(tree: Tree, command: Command, below: str) -> str:
    """The directory, from the release, that one compiler writes to; empty where it is none or writes beside sources."""
    program = command.program
    found, rest = options(command.args, _VALUED)
    told = next((found[name] for name in _TO if found.get(name)), "")
    if program == "tsc" and not {"--noEmit", "--watch", "-w", "--version", "-v", "--init"} & set(found):
        told = told or _configured(tree, below, found.get("-p") or found.get("--project") or next(iter(rest), ""))
    elif program == "nest" and rest[:1] == ["build"]:
        told = _configured(tree, below, found.get("-p", "")) or "dist"
    elif program in _WRITE_DIST:
        told = told or "dist"
    elif program not in _WRITE_WHERE_TOLD:
        return ""
    plain = posixpath.normpath(posixpath.join(below, told)) if told else ""
    plain = posixpath.dirname(plain) if plain.endswith((".js", ".cjs", ".mjs")) else plain
    return "" if plain in (".", below, "src") or plain.startswith(("../", "/")) else plain


def _configured(tree: Tree, below: str, project: str) -> str:
    """``outDir`` of the tsconfig that a compiler is given, relative to the package; of its usual ones where none is."""
    names = [project, f"{project}/tsconfig.json"] if project else ["tsconfig.build.json", "tsconfig.json"]
    for name in names:
        config = compiler_options(tree, posixpath.normpath(posixpath.join(below, name)))
        if config.get("outDir") and not config.get("noEmit"):
            return posixpath.relpath(str(config["outDir"]), below or ".")
    return ""
