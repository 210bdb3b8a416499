# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on what Node.js makes of the source: an ES module, CommonJS, or a SyntaxError."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.nodeops.pm2.plugins.module_utils import _modules
from ansible_collections.nodeops.pm2.plugins.module_utils._check import (
    ERROR,
    WARNING,
    Evidence,
    Finding,
    at,
    on,
    rule,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._modules import CJS, ESM, TYPESCRIPT, UNMARKED, Sign
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

# What only CommonJS has, by the name that a file would otherwise have to declare itself.
_WRAPPER = {
    "module": re.compile(r"(?<![\w$.#])module\s*\.\s*exports\b"),
    "exports": re.compile(
        r"(?<![\w$.#])(?:exports\s*(?:\.\s*[\w$]+|\[[^\]]*\])\s*=(?![=>])|Object\s*\.\s*defineProperty\s*\(\s*exports\b)"
    ),
    "require": re.compile(r"(?<![\w$.#])(?<!function )require\s*\((?![^()]*\)\s*\{)"),
    "__dirname": re.compile(r"(?<![\w$.#])__dirname\b(?!\s*:)"),
    "__filename": re.compile(r"(?<![\w$.#])__filename\b(?!\s*:)"),
}
_IMPORT_REQUIRE = re.compile(r"\bimport\s+(?:type\s+)?[\w$]+\s*=\s*$")
_AT_ERROR = re.compile(r"^(?P<file>(?:file://)?/.*?):(?P<line>\d+)$", re.MULTILINE)


@rule(
    ERROR,
    protects="In an ES module require, module, exports and __dirname do not exist: the app dies with a ReferenceError.",
    remedy='Use import, export and import.meta.dirname, name the file .cjs, or correct "type" in package.json.',
)
def cjs_in_esm(subject: Subject) -> Iterator[Finding]:
    """CommonJS wrapper code in a file that is loaded as an ES module."""
    tree = subject.tree
    for path in _loaded(subject):
        if _runs_as(subject, path) != ESM:
            continue
        names = ("require", "__dirname", "__filename") if path.endswith(TYPESCRIPT) else tuple(_WRAPPER)
        signs = [sign for sign in (_wrapper_use(tree, path, name) for name in names) if sign]
        if signs:
            used = ", ".join(dict.fromkeys(sign.what for sign in signs))
            evidence = tuple(at(tree, path, sign.offset) for sign in sorted(signs, key=lambda sign: sign.offset))
            yield Finding(f"{path} is loaded as an ES module ({_why(tree, path)}) but uses {used}.", evidence)


@rule(
    ERROR,
    protects="In CommonJS import, export and top-level await are syntax errors: the app dies before its first line.",
    remedy='Set "type": "module" in package.json, name the file .mjs, or compile it to CommonJS.',
)
def esm_in_cjs(subject: Subject) -> Iterator[Finding]:
    """ES module syntax in a file that is loaded as CommonJS."""
    tree = subject.tree
    for path in _loaded(subject):
        sign = _esm_only(subject, path)
        if sign is None:
            continue
        detected = _modules.declared_format(tree, path) == UNMARKED and not subject.entry.loader
        milder = detected and _modules.detects_syntax(subject.host.node.version)
        if milder:
            message = f"{path} has {sign.what} and no package.json says so: Node.js has to guess, and others will not."
            yield Finding(message, (at(tree, path, sign.offset),), WARNING)
        else:
            message = f"{path} is loaded as CommonJS ({_why(tree, path)}) but has {sign.what}."
            yield Finding(message, (at(tree, path, sign.offset),))


@rule(
    ERROR,
    protects="CommonJS declares __dirname and its kin itself: a second declaration is a SyntaxError at every start.",
    remedy='Remove the declaration, or see to it that the file is loaded as an ES module ("type": "module", .mjs).',
)
def duplicate_dirname(subject: Subject) -> Iterator[Finding]:
    """``const __dirname`` and the like at the top level of a file that is loaded as CommonJS."""
    tree = subject.tree
    for path in _loaded(subject):
        sign = _modules.redeclared(tree, path)
        if sign and _runs_as(subject, path) == CJS and not _compiled_by_tsx(subject, path):
            message = f"{path} declares {sign.what}, which CommonJS ({_why(tree, path)}) has already declared."
            yield Finding(message, (at(tree, path, sign.offset),))


@rule(
    ERROR,
    protects="A script that Node.js cannot parse dies at every start.",
    remedy="Correct the syntax, or run the release on a Node.js that knows it.",
)
def node_check(subject: Subject) -> Iterator[Finding]:
    """What ``node --check`` says of a plain JavaScript entry."""
    output = subject.host.syntax
    if output is None or output.code == 0:
        return
    place = _AT_ERROR.search(output.stderr)
    said = next((line for line in output.stderr.splitlines() if re.match(r"\w*Error\b", line)), output.tail(3))
    number = int(place["line"]) if place and place["file"].endswith("/" + subject.entry.script) else 0
    evidence = on(subject.tree, subject.entry.script, number) if number else Evidence(subject.entry.script)
    yield Finding(f"node --check refuses {subject.entry.script}: {said}", (evidence,))


def _loaded(subject: Subject) -> tuple[str, ...]:
    """The files of the release that are loaded at the start, where Node.js or tsx reads them as they are."""
    entry = subject.entry
    return _modules.reachable(subject.tree, entry.script, loader=entry.loader) if entry.plain else ()


def _runs_as(subject: Subject, path: str) -> str:
    """:data:`ESM` or :data:`CJS`, an unmarked file by what Node.js makes of its syntax; tsx does not guess."""
    declared = _modules.declared_format(subject.tree, path)
    if declared != UNMARKED:
        return declared
    if subject.entry.loader or not _modules.detects_syntax(subject.host.node.version):
        return CJS
    tree = subject.tree
    signs = (_modules.esm_sign(tree, path), _modules.top_level_await(tree, path), _modules.redeclared(tree, path))
    return ESM if any(signs) else CJS


def _esm_only(subject: Subject, path: str) -> Sign | None:
    """What makes ``path`` fail, or be guessed at, as CommonJS."""
    tree = subject.tree
    if _modules.declared_format(tree, path) == ESM:
        return None
    awaits = _modules.top_level_await(tree, path)
    if subject.entry.loader and not path.endswith(".cjs"):
        # tsx turns import and export into CommonJS, but cannot do so with await.
        return awaits if _modules.esm_sign(tree, path) or path.endswith(TYPESCRIPT) else None
    return _modules.esm_sign(tree, path) or awaits


def _compiled_by_tsx(subject: Subject, path: str) -> bool:
    """Whether tsx rewrites the file, so that its own ``__dirname`` gets another name."""
    if not subject.entry.loader or path.endswith(".cjs"):
        return False
    return path.endswith(TYPESCRIPT) or _modules.esm_sign(subject.tree, path) is not None


def _wrapper_use(tree: Tree, path: str, name: str) -> Sign | None:
    """The first use of a CommonJS name that the file neither declares nor asks for with ``typeof``."""
    code = tree.code(path)
    use = next((found for found in _WRAPPER[name].finditer(code) if not _is_compiled_away(code, found.start())), None)
    if use is None or _declares(code, name) or re.search(rf"\btypeof\s+{name}\b", code):
        return None
    what = {"module": "module.exports", "require": "require()"}.get(name, name)
    return Sign(use.start(), what)


def _is_compiled_away(code: str, offset: int) -> bool:
    """Whether the ``require`` at ``offset`` is one of TypeScript's own ``import x = require()``."""
    return _IMPORT_REQUIRE.search(code[max(0, offset - 80) : offset]) is not None


def _declares(code: str, name: str) -> bool:
    """Whether ``name`` is declared anywhere in the file: as a variable, an import, or a parameter."""
    declaration = rf"(?<![\w$.])(?:const|let|var|function|class|import|as)\s+{name}\b"
    # Between braces or brackets of a pattern or an import, or in a list of parameters.
    pattern = rf"(?:const|let|var|import)\s*[{{\[][^;={{}}]*(?<![\w$.]){name}\b[^;={{}}]*[}}\]]"
    listed = rf"(?<!if)(?<!if )(?<!while)(?<!while )\((?:[\w$\s.=]+,)*\s*{name}\s*(?:,[\w$\s.=,]*)?\)\s*(?:=>|\{{)"
    arrow = rf"(?<![\w$.]){name}\s*=>"
    later = rf"(?:const|let|var)\s[^;]{{0,2000}},\s*{name}\s*=(?![=>])"
    return any(re.search(form, code) for form in (declaration, pattern, listed, arrow, later))


def _why(tree: Tree, path: str) -> str:
    """What decides the format of a file, in words."""
    suffix = path[path.rfind(".") :] if "." in path else ""
    if suffix in (".mjs", ".mts", ".cjs", ".cts"):
        return suffix
    below = tree.package_of(path)
    package = f"{below}/package.json" if below else "package.json"
    kind = tree.json(package).get("type")
    return f'"type": "{kind}" in {package}' if kind else f'no "type" in {package}'
