# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on compiled output: the stale build that the incident started from."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from ansible_collections.nodeops.pm2.plugins.module_utils import _built, _modules, _package
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, at, on, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._package import Reference
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject

SHOWN = 5  # pieces of evidence; a release may hold thousands of files


@rule(
    ERROR,
    protects="What resolves to an old build runs old code under the wrong loader, and dies at every start.",
    remedy="Ship the release without its build output, and correct what still points at it.",
)
def stale_build_output(subject: Subject) -> Iterator[Finding]:
    """Compiled output beside an entry that is source."""
    tree, entry = subject.tree, subject.entry
    if entry.script not in tree.files or _built.output_directory(tree, entry.script):
        return
    loaded = _modules.reachable(tree, entry.script, loader=entry.loader)
    if not entry.typescript and any(_built.output_directory(tree, path) for path in loaded):
        return  # JavaScript that requires its own build on purpose is a compiled app with a small front
    references: dict[str, list[Reference]] = {}
    for reference in _references(subject):
        references.setdefault(reference.target, []).append(reference)
    findings = [finding for finding in (_judge(subject, *item) for item in references.items()) if finding]
    yield from findings or _harmless(subject, set(references))


@rule(
    ERROR,
    protects="A compiled entry older than its sources runs code that nobody meant to deploy.",
    remedy="Build again from a clean tree, and pack what that built.",
)
def stale_compiled_entry(subject: Subject) -> Iterator[Finding]:
    """A compiled entry, or a compiled file that it loads, that is not what its source would give."""
    tree, entry = subject.tree, subject.entry
    for path in _modules.reachable(tree, entry.script, loader=entry.loader):
        if not entry.typescript and _built.output_directory(tree, path):
            age = _built.age(tree, path)
            if age.state == _built.STALE:
                yield Finding(f"{path} is older than its source: {age.how}.", age.evidence)


def _references(subject: Subject) -> Iterator[Reference]:
    """Everything that leads to compiled output: manifests, npm start, aliases of tsconfig, and imports."""
    tree, entry = subject.tree, subject.entry
    for below in tree.packages():
        yield from _compiled(subject, _package.package_references(tree, below, entry.conditions))
    yield from _compiled(subject, _package.script_references(tree, tree.package_of(entry.script)))
    if entry.loader:
        for path in sorted({"tsconfig.json", posixpath.join(tree.package_of(entry.script), "tsconfig.json")}):
            yield from _compiled(subject, _package.alias_references(tree, path))
    for path in _modules.reachable(tree, entry.script, loader=entry.loader):
        for target, offset in _modules.imports(tree, path, loader=entry.loader):
            if not _built.output_directory(tree, path) and _built.source_of(tree, target):
                line = at(tree, path, offset).line
                yield from _compiled(subject, [Reference(path, line, "import", target)])


def _compiled(subject: Subject, references: Iterable[Reference]) -> Iterator[Reference]:
    return (item for item in references if _built.output_directory(subject.tree, item.target))


def _judge(subject: Subject, target: str, references: list[Reference]) -> Finding | None:
    """A finding on compiled output that something resolves to; none where it is proved to be what the source gives."""
    tree, entry = subject.tree, subject.entry
    age = _built.age(tree, target)
    shown = [on(tree, reference.file, reference.line) for reference in references[:SHOWN]]
    evidence = (*shown, *(age.evidence or (_first_line(subject, target),)))
    leads = ", ".join(dict.fromkeys(f"{item.field} in {item.file}" for item in references[:SHOWN]))
    leads += f" {'leads' if len(references) == 1 else 'lead'} to {target}"
    home = tree.package_of(entry.script)
    own = any(tree.package_of(item.file) == home and item.field != "import" for item in references)
    if own and entry.typescript:
        return Finding(f"{leads}, compiled output beside the source entry {entry.script}.", evidence)
    if age.state == _built.STALE:
        return Finding(f"{leads}, which is older than its source: {age.how}.", evidence)
    if age.state == _built.FRESH or not _built.source_of(tree, target) or not entry.typescript:
        return None  # the release has nothing that it could be older than, or plain JavaScript uses it on purpose
    return Finding(f"{leads}, compiled output that cannot be proved to match its source.", evidence, WARNING)


def _harmless(subject: Subject, referred: set[str]) -> Iterator[Finding]:
    """One warning for each output directory that nothing leads to."""
    tree = subject.tree
    directories: dict[str, list[str]] = {}
    for path in tree.files:
        below = _built.output_directory(tree, path)
        own = below and tree.package_of(below) == tree.package_of(subject.entry.script)
        if own and path not in referred and (subject.entry.typescript or _built.source_of(tree, path)):
            directories.setdefault(below, []).append(path)
    for below, paths in directories.items():
        evidence = tuple(Evidence(path) for path in paths[:SHOWN])
        message = (
            f"{below}/ holds {len(paths)} compiled files beside the source entry {subject.entry.script}; nothing found"
            " here leads to them, so that they are harmless as long as nothing does."
        )
        yield Finding(message, evidence, WARNING, f"Ship the release without {below}/.")


def _first_line(subject: Subject, path: str) -> Evidence:
    """The line of compiled output that shows what it is: a redeclared name, CommonJS code, or its first."""
    sign = _modules.redeclared(subject.tree, path)
    return at(subject.tree, path, sign.offset) if sign else on(subject.tree, path, 1)
