# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How Node.js or tsx takes each file: as an ES module or as CommonJS, which files import which, what they declare."""

from __future__ import annotations

import posixpath
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from ansible_collections.nodeops.pm2.plugins.module_utils._semver import at_least
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

ESM, CJS, UNMARKED = "esm", "commonjs", "unmarked"
MOST_FILES = 2000
LOOK_BACK = 2000  # characters, so that a bundle of one line does not take for ever
TYPESCRIPT = (".ts", ".mts", ".cts", ".tsx")
SOURCES = (*TYPESCRIPT, ".js", ".mjs", ".cjs", ".jsx")

_SPECIFIER = re.compile(r"""(?<![\w$.])(?:from|import|require\s*\()\s*(["'])""")
_IMPORT = re.compile(r"""(?<![\w$.])import\b(?!\s*[(.:=,;?)])\s*(?:["']|[\w$*{][^;()=]{0,5000}?\bfrom\s*["'])""")
_EXPORT = re.compile(
    r"(?:^|[;}\n])[ \t]*(export\s*(?:[{*]|default\b|(?:const|let|var|function|async|class|abstract|enum)\b))"
)
_META = re.compile(r"(?<![\w$.])import\s*\.\s*meta\b")
_AWAIT = re.compile(r"(?<![\w$.])await\b(?!\s*[:=,;)])")
_CONTINUED = re.compile(r"(=>|[(,?:=&|+\[])\s*$")
_TYPE_ONLY = re.compile(r"\b(?:import|export)\s+type\b[^;\"']*$")
_BY_LOADER = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}


@dataclass(frozen=True)
class Sign:
    """Where a file shows what it is: the offset, and what stands there."""

    offset: int
    what: str


def declared_format(tree: Tree, path: str) -> str:
    """:data:`ESM`, :data:`CJS`, or :data:`UNMARKED` where neither the suffix nor a package.json says it."""
    suffix = posixpath.splitext(path)[1]
    if suffix in (".mjs", ".mts"):
        return ESM
    if suffix in (".cjs", ".cts"):
        return CJS
    kind = tree.json(posixpath.join(tree.package_of(path), "package.json")).get("type")
    return {"module": ESM, "commonjs": CJS}.get(str(kind), UNMARKED)


def detects_syntax(node: str) -> bool:
    """Whether this Node.js runs an unmarked file with the syntax of an ES module as one."""
    return at_least(node, "22.7.0") or (at_least(node, "20.19.0") and not at_least(node, "21.0.0"))


@cache
def esm_sign(tree: Tree, path: str) -> Sign | None:
    """The first import or export statement or ``import.meta``, that only an ES module may have."""
    code = tree.code(path)
    outside = tree.outside(path)
    found = [match for match in (_first_import(code, outside), _EXPORT.search(outside)) if match]
    signs = [Sign(match.start(match.lastindex or 0), "an import or export statement") for match in found]
    meta = _META.search(code)
    if meta:
        signs.append(Sign(meta.start(), "import.meta"))
    return min(signs, key=lambda sign: sign.offset, default=None)


@cache
def top_level_await(tree: Tree, path: str) -> Sign | None:
    """The first ``await`` outside every function, none of which may be in CommonJS."""
    outside = tree.outside(path)
    for found in _AWAIT.finditer(outside):
        before = _statement_before(outside, found.start())
        if "=>" not in before and not re.search(r"\basync\b", before):
            return Sign(found.start(), "a top-level await")
    return None


@cache
def redeclared(tree: Tree, path: str) -> Sign | None:
    """A top-level declaration of a name that CommonJS has already declared."""
    outside = tree.outside(path)
    found = re.search(r"(?<![\w$.])(?:const|let|class)\s+(__dirname|__filename|require|module|exports)\b", outside)
    return Sign(found.start(), found[1]) if found else None


@cache
def imports(tree: Tree, path: str, *, loader: str = "") -> tuple[tuple[str, int], ...]:
    """The files that ``path`` imports or requires by a relative specifier when it is loaded, and where it says so.

    :param loader: ``tsx`` also finds ``x.ts`` for ``./x.js``.
    """
    here = posixpath.dirname(path)
    relative = ((one, offset) for one, offset in specifiers(tree, path) if one.startswith("."))
    found = ((_resolve(tree, posixpath.join(here, one), loader), offset) for one, offset in relative)
    return tuple((target, offset) for target, offset in found if target)


def specifiers(tree: Tree, path: str) -> Iterator[tuple[str, int]]:
    """What a file imports or requires when it is loaded, as written, and where; not what it takes types from."""
    code, text = tree.code(path), tree.text(path)
    for found in _SPECIFIER.finditer(code):
        before = code[max(0, found.start() - LOOK_BACK) : found.start()].rpartition("\n")[2]
        if not _TYPE_ONLY.search(before):
            yield text[found.end() : code.find(found[1], found.end())], found.start()


@cache
def reachable(tree: Tree, entry: str, *, loader: str = "") -> tuple[str, ...]:
    """``entry`` and all that it imports from the release, directly or not, at most 2,000 files."""
    found = [entry] if entry in tree.files else []
    seen, next_up = set(found), deque(found)
    while next_up:
        for target, _offset in imports(tree, next_up.popleft(), loader=loader):
            if target not in seen and len(found) < MOST_FILES:
                seen.add(target)
                found.append(target)
                next_up.append(target)
    return tuple(found)


def _resolve(tree: Tree, target: str, loader: str) -> str:
    """The source file that a relative specifier leads to; empty where there is none in the release."""
    plain = posixpath.normpath(target)
    stem, suffix = posixpath.splitext(plain)
    candidates = [stem + other for other in _BY_LOADER.get(suffix, ())] if loader else []
    candidates.append(plain)
    candidates += [plain + other for other in SOURCES if loader or other not in TYPESCRIPT]
    candidates += [f"{plain}/index{other}" for other in SOURCES if loader or other not in TYPESCRIPT]
    return next((path for path in candidates if path in tree.files and path.endswith(SOURCES)), "")


def _first_import(code: str, outside: str) -> re.Match[str] | None:
    # The names between braces are blanked in what is outside of them, so the place is asked of the one, the form of
    # the other.
    return next((found for found in _IMPORT.finditer(code) if outside[found.start()] == "i"), None)


def _statement_before(code: str, offset: int) -> str:
    """What precedes ``offset`` in its statement, as far as a look at lines can tell."""
    lines = code[max(0, offset - LOOK_BACK) : offset].split("\n")
    statement = lines.pop()
    while lines and (not lines[-1].strip() or _CONTINUED.search(lines[-1].rstrip()[-3:])):
        statement = lines.pop() + statement
    return statement.rpartition(";")[2]
