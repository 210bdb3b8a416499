# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on what is started: script, interpreter, arguments, loader."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ansible_collections.nodeops.pm2.plugins.module_utils import _lockstep, _package
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, Evidence, Finding, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._semver import at_least
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

_FILES = (".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".json")
_WRITTEN = ("out", "log", "pid", "dump", "report")  # an option with one of these names a file that is yet to be


@rule(
    ERROR,
    protects="PM2 is told to run a script that is not in the release.",
    remedy="Correct bluegreen_script, or build and pack the file that it names.",
)
def entry_missing(subject: Subject) -> Iterator[Finding]:
    """The script does not exist."""
    tree, script = subject.tree, subject.entry.script
    if not script:
        yield Finding("No script is named.")
    elif script.startswith("/"):
        if script not in subject.host.programs:
            yield Finding(f"There is no {script} on this host.", (Evidence(script),))
    elif not (script in tree.files or tree.exists(script) or _comes_with_dependencies(subject, script)):
        near = next((script + suffix for suffix in _FILES if script + suffix in tree.files), "")
        message = f"There is no {script} in the release" + (f"; there is {near}, write it in full." if near else ".")
        yield Finding(message, (Evidence(near or script),))


@rule(
    ERROR,
    protects="PM2 is told to run the script by a program that is not there.",
    remedy="Add it to the dependencies in package.json, install it on the host, or correct bluegreen_interpreter.",
)
def interpreter_missing(subject: Subject) -> Iterator[Finding]:
    """The interpreter is neither an existing path, nor a command of a dependency, nor on the path."""
    program = subject.entry.interpreter
    if program in ("none", "node") or program in subject.host.programs:
        return
    below = program.rpartition("node_modules/")[1]
    here = subject.tree.exists(program) and not program.startswith("/")
    if here or _is_command(subject, posixpath.basename(program), only_bare="/" in program and not below):
        return
    yield Finding(f"The interpreter {program} is neither on this host nor a command of a dependency of the release.")


@rule(
    ERROR,
    protects="The app is given the path of a file that is not in the release.",
    remedy="Correct bluegreen_args, or pack the file; what lies in shared/ belongs into bluegreen_shared_files.",
)
def args_missing(subject: Subject) -> Iterator[Finding]:
    """An argument that looks like a source file of the release does not exist in it."""
    arguments = subject.entry.args
    for before, argument in zip(("", *arguments), arguments):
        option = before.lstrip("-").lower() if before.startswith("-") else ""
        if not _looks_like_file(argument) or option.endswith(_WRITTEN):
            continue
        path = posixpath.normpath(argument)
        if not (subject.tree.exists(path) or path in subject.shared_files or "node_modules/" in path):
            yield Finding(f"The argument {argument} names a file that is not in the release.", (Evidence(path),))


@rule(
    ERROR,
    protects="TypeScript is run without the loader that it needs, and dies at its first type.",
    remedy="Move tsx to dependencies (npm install --save-prod tsx), or install devDependencies too.",
)
def loader_missing(subject: Subject) -> Iterator[Finding]:
    """tsx is needed but will not be installed, or nothing at all can read the TypeScript."""
    entry = subject.entry
    if not entry.loader:
        yield from _unread_typescript(subject)
    elif not (_installed(subject, entry.loader) or subject.tree.exists(f"node_modules/{entry.loader}/package.json")):
        manifests = _manifests(subject.tree, entry.script)
        evidence = tuple(Evidence(path) for path in manifests)
        if any(entry.loader in _package.dependencies(subject.tree.json(path), "devDependencies") for path in manifests):
            omitted = " ".join(subject.install_args)
            yield Finding(f"{entry.loader} is only in devDependencies, which {omitted} leaves out.", evidence)
        else:
            remedy = f"Add {entry.loader} to the dependencies in package.json and to the lockfile."
            yield Finding(f"{entry.loader} loads {entry.script} but is no dependency.", evidence, remedy=remedy)


def _unread_typescript(subject: Subject) -> Iterator[Finding]:
    entry, node = subject.entry, subject.host.node.version
    strips = at_least(node, "23.6.0") or (at_least(node, "22.18.0") and not at_least(node, "23.0.0"))
    told = any("strip-types" in flag or "transform-types" in flag for flag in entry.node_args)
    if entry.typescript and entry.node and entry.plain and not (strips or told or not node):
        message = f"Node.js {node} cannot run {entry.script} by itself, and no loader is named."
        yield Finding(message, (Evidence(entry.script),), remedy="Run it with tsx, or with Node.js 22.18 or newer.")


def _installed(subject: Subject, name: str) -> bool:
    """Whether the install puts the package ``name`` where the entry finds it."""
    manifests = [subject.tree.json(path) for path in _manifests(subject.tree, subject.entry.script)]
    sections = ("dependencies", "optionalDependencies", "peerDependencies")
    wanted = sections if _package.omits_dev(list(subject.install_args)) else _package.SECTIONS
    if any(name in _package.dependencies(manifest, *wanted) for manifest in manifests):
        return True
    return _lockstep.installs(subject.tree, name, dev="devDependencies" in wanted)


def _manifests(tree: Tree, script: str) -> list[str]:
    """The package.json files from the script's directory up to the release's own."""
    found = []
    below = posixpath.dirname(script)
    while True:
        path = posixpath.join(below, "package.json")
        if path in tree.files:
            found.append(path)
        if not below or below.startswith("/"):
            return found
        below = posixpath.dirname(below)


def _comes_with_dependencies(subject: Subject, script: str) -> bool:
    """Whether a script in node_modules will be there once the dependencies are."""
    _before, inside, rest = script.rpartition("node_modules/")
    if not inside:
        return False
    if rest.startswith(".bin/"):
        return _is_command(subject, rest[len(".bin/") :])
    name = "/".join(rest.split("/")[: 2 if rest.startswith("@") else 1])
    return _installed(subject, name)


def _is_command(subject: Subject, name: str, *, only_bare: bool = False) -> bool:
    """Whether a dependency brings the command ``name``; without a lockfile that tells, by the names of packages."""
    if only_bare:
        return False
    commands = _lockstep.commands(subject.tree)
    if commands is not None and name in commands:
        return True
    names = {
        package
        for path in _manifests(subject.tree, subject.entry.script)
        for package in _package.dependencies(subject.tree.json(path))
    }
    known = {part for package in names for part in (package.split("/")[-1], package.split("/")[0].lstrip("@"))}
    return name in known and (commands is None or name in names)


def _looks_like_file(argument: str) -> bool:
    if argument.startswith(("/", "-", "..")) or "*" in argument or "://" in argument or not argument.endswith(_FILES):
        return False
    return "/" in argument
