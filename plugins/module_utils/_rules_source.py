# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on the source itself: what it declares twice, what lies beside it, the route that the gate asks for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ansible_collections.nodeops.pm2.plugins.module_utils import _built, _lockstep, _modules, _sweep
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, at, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._declared import declared_twice
from ansible_collections.nodeops.pm2.plugins.module_utils._semver import at_least, parse
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject

_TWINS = {".ts": (".js", ".mjs", ".cjs"), ".mts": (".mjs",), ".cts": (".cjs",), ".tsx": (".jsx", ".js")}
_SHOWN = 5
_TSX_PREFERS_SOURCE = "4.19.0"
_ROUTES = re.compile(r"\.(ya?ml|json|graphql|html|vue|svelte)$")


@rule(
    ERROR,
    protects="A name that is declared twice is a SyntaxError: the app dies before its first line, at every start.",
    remedy="Remove one of the two declarations; often an import and a require() of the same thing stand side by side.",
)
def duplicate_declaration(subject: Subject) -> Iterator[Finding]:
    """A file that is loaded at the start declares a name twice at its top level."""
    tree, entry = subject.tree, subject.entry
    for path in _modules.reachable(tree, entry.script, loader=entry.loader) if entry.plain else ():
        found = declared_twice(tree, path)
        if found:
            evidence = tuple(at(tree, path, sign.offset) for sign in found)
            yield Finding(f"{path} declares {found[0].what} twice.", evidence)


@rule(
    WARNING,
    protects="Of x.ts and x.js side by side, the loader's version decides which is loaded; one of them is stale.",
    remedy="Delete the compiled files, let the compiler write into a directory of its own, and have git ignore that.",
)
def js_beside_ts(subject: Subject) -> Iterator[Finding]:
    """Compiled files beside the sources of the same names, where the entry is source.

    An error where the lockfile holds a tsx older than 4.19, which loads the compiled one.
    """
    tree, entry = subject.tree, subject.entry
    if not (entry.typescript and entry.plain):
        return
    top = entry.script.partition("/")[0] + "/" if "/" in entry.script else ""
    pairs = [(path, twin) for path in tree.beginning(top) for twin in _twins(subject, path)]
    if pairs:
        version = _lockstep.version_of(tree, "tsx") if entry.loader == "tsx" else ""
        old = bool(parse(version)) and not at_least(version, _TSX_PREFERS_SOURCE)
        evidence = tuple(Evidence(twin) for _path, twin in pairs[:_SHOWN])
        said = f"{len(pairs)} compiled files lie beside their sources, {pairs[0][1]} beside {pairs[0][0]}"
        loads = f", and tsx {version} loads those" if old else ""
        yield Finding(f"{said}{loads}.", evidence, ERROR if old else WARNING)


@rule(
    WARNING,
    protects="A gate that asks for a path which the app does not know refuses every release, however good it is.",
    remedy="Add the route to the app, or correct bluegreen_health.",
)
def health_route_missing(subject: Subject) -> Iterator[Finding]:
    """The path that the gate asks for appears in none of the sources."""
    words = _sweep.health_words(subject)
    if not words or subject.entry.script not in subject.tree.files:
        return
    swept = _sweep.of(subject)
    named = any(words[0].decode() in re.split(r"[./]", path) for path in subject.tree.files)
    known = any(_may_route(path) for path in swept.hits[words[0]])
    if not (named or known) and swept.complete:
        said = f"The gate asks for {subject.health_path}, and nothing in the sources speaks of {words[0].decode()!r}."
        yield Finding(said, (Evidence(subject.entry.script),))


def _twins(subject: Subject, path: str) -> list[str]:
    stem, suffix = posixpath.splitext(path)
    if suffix not in _TWINS or stem.endswith(".d") or _built.output_directory(subject.tree, path):
        return []
    return [stem + other for other in _TWINS[suffix] if stem + other in subject.tree.files]


def _may_route(path: str) -> bool:
    name = posixpath.basename(path)
    if path.startswith(".") or name.startswith("package") or name.endswith("-lock.json"):
        return False
    return path.endswith(_modules.SOURCES) or _ROUTES.search(path) is not None
