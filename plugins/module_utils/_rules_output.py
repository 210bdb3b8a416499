# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Further rules on compiled output: what git keeps of it, what other packages serve, whose maps it has."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _built, _gitignore, _modules, _outputs, _workspace
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, at, on, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._package import compiler_options
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject

_SHOWN = 5
_DEBUG_ID = re.compile(r"//# debugId=([0-9a-fA-F-]{36})")


@rule(
    WARNING,
    protects="A build that git does not ignore is committed some day, and deployed beside the source from then on.",
    remedy="Add the directory to .gitignore, and remove it from the index: git rm -r --cached.",
)
def output_not_ignored(subject: Subject) -> Iterator[Finding]:
    """The entry is source, the package can be built, and .gitignore does not name where the build goes."""
    tree, entry = subject.tree, subject.entry
    if ".gitignore" not in tree.files or not entry.typescript:
        return
    home = tree.package_of(entry.script)
    outputs = set(_outputs.of_scripts(tree, home))
    options = compiler_options(tree, posixpath.join(home, "tsconfig.json"))
    if options.get("outDir") and not options.get("noEmit"):
        outputs.add(str(options["outDir"]))
    for output in sorted(outputs - _outputs.used(tree, entry)):
        if not output.startswith("..") and not _gitignore.ignored(tree, output):
            yield Finding(f"A build writes {output}/, and .gitignore does not say so.", (Evidence(".gitignore"),))


@rule(
    ERROR,
    protects="A package of the workspace is loaded by its main or exports: a stale or missing build breaks the app.",
    remedy="Build the packages before packing (bluegreen_build), or let their exports lead to their sources.",
)
def workspace_stale(subject: Subject) -> Iterator[Finding]:
    """A compiled app loads a package of its workspace whose build is older than its source, or is not there."""
    for use in _workspace.uses(subject.tree, subject.entry):
        where = at(subject.tree, use.file, use.offset)
        manifest = posixpath.join(use.directory, "package.json")
        if not use.targets and use.compiled:
            said = f"{use.file} imports {use.name}, and what {manifest} leads to is not in the release."
            yield Finding(said, (where, Evidence(manifest)))
        elif not subject.entry.typescript:
            ages = ((target, _built.age(subject.tree, target)) for target in use.targets)
            stale = next(((target, age) for target, age in ages if age.state == _built.STALE), None)
            if stale:
                said = f"{use.file} imports {use.name}, whose {stale[0]} is older than its source: {stale[1].how}."
                yield Finding(said, (where, *stale[1].evidence))


@rule(
    WARNING,
    protects="With the source map of another build every stack trace names wrong files and lines.",
    remedy="Build again from a clean tree, and pack code and maps of the same run.",
)
def source_map_foreign(subject: Subject) -> Iterator[Finding]:
    """The source map of a file that is loaded belongs to another build of it, or to another file."""
    tree, entry = subject.tree, subject.entry
    foreign: list[tuple[str, str]] = []
    for path in _modules.reachable(tree, entry.script, loader=entry.loader):
        where, content = _built.source_map(tree, path)
        why = _foreign(path, tree.text(path), content) if content and where != path else ""
        if why:
            foreign.append((where, why))
    if foreign:
        evidence = tuple(on(tree, where, 0) for where, _why in foreign[:_SHOWN])
        yield Finding(f"{len(foreign)} source maps are of another build: {foreign[0][0]} {foreign[0][1]}.", evidence)


def _foreign(path: str, code: str, content: dict[str, Any]) -> str:
    """Why a source map cannot be that of ``path``; empty where it can."""
    file = posixpath.basename(str(content.get("file") or ""))
    if file and file.partition(".")[0] != posixpath.basename(path).partition(".")[0]:
        return f"says that it is of {file}"
    here = _DEBUG_ID.search(code)
    there = str(content.get("debug_id") or content.get("debugId") or "")
    if here and there and here[1].lower() != there.lower():
        return "has another debug id than the code"
    mappings = content.get("mappings")
    lines = str(mappings).rstrip(";").count(";") + 1 if isinstance(mappings, str) else 0
    return "maps more lines than the code has" if code and lines > code.count("\n") + 1 else ""
