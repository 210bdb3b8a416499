# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compiled output in a release: which files it is, what they were made from, and whether that has changed since."""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._check import Evidence
from ansible_collections.nodeops.pm2.plugins.module_utils._package import compiler_options
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import LONGEST, Tree

FRESH, STALE, UNKNOWN = "fresh", "stale", "unknown"
CLOCK_STEP = 2.0  # seconds; a zip counts in steps of two
_NAMES = frozenset({"dist", "build", "out", "lib"})
_CODE = (".js", ".cjs", ".mjs")
_SOURCES = (".ts", ".tsx", ".mts", ".cts", ".js", ".mjs", ".cjs", ".jsx")
_MAP = re.compile(r"//[#@] sourceMappingURL=(\S+)\s*\Z")
_COMPILER = re.compile(
    r"//[#@] sourceMappingURL=|__esModule|__toCommonJS|__awaiter|__importDefault|__webpack_require__|_interop_require"
)


@dataclass(frozen=True)
class Age:
    """Whether compiled output matches its source (fresh, stale, unknown), and how one can see it."""

    state: str
    how: str = ""
    evidence: tuple[Evidence, ...] = ()


@cache
def output_directory(tree: Tree, path: str) -> str:
    """The directory of compiled output that ``path`` lies in, the outermost one; empty for everything else."""
    if not path.endswith(_CODE):
        return ""
    below = _package_of(tree, path)
    inside = path[len(below) + 1 :] if below else path
    top = posixpath.join(below, inside.split("/")[0]) if "/" in inside else ""
    configured = next((given for given in _configured(tree, below) if path.startswith(given + "/")), "")
    if configured:
        return configured
    if posixpath.basename(top) not in _NAMES or posixpath.join(top, "index.html") in tree.files:
        return ""  # with an index.html it is what browsers are given
    bundled = tree.files.get(path, 0) > LONGEST
    return top if bundled or source_of(tree, path) or _COMPILER.search(tree.text(path)) else ""


@cache
def source_of(tree: Tree, path: str) -> str:
    """The source that ``path`` in an output directory was compiled from, by its name; empty where there is none."""
    below = _package_of(tree, path)
    stem = posixpath.splitext(path[len(below) + 1 :] if below else path)[0]
    output, _slash, rest = stem.partition("/")
    if not rest:
        return ""
    inner = rest.partition("/")[2] if rest.startswith("src/") else ""
    # lib/ is where people write JavaScript by hand as well, beside a src/ of the same names.
    suffixes = _SOURCES[:4] if output == "lib" else _SOURCES
    prefix = below + "/" if below else ""
    places = [f"{prefix}src/{rest}", f"{prefix}src/{inner}", f"{prefix}{rest}"]
    candidates = (place + suffix for place in places if not place.endswith("/") for suffix in suffixes)
    return next((found for found in candidates if found in tree.files and found != path), "")


def age(tree: Tree, path: str) -> Age:
    """Compare a compiled file with its source: by source map, by tsbuildinfo, else by the mtimes the archive holds."""
    for judge in (_by_map, _by_build_info, _by_mtime):
        found = judge(tree, path)
        if found.state != UNKNOWN:
            return found
    return Age(UNKNOWN)


def _package_of(tree: Tree, path: str) -> str:
    """The package that ``path`` belongs to; a package.json inside the output only says its format."""
    below = tree.package_of(path)
    while posixpath.basename(below) in _NAMES or posixpath.basename(posixpath.dirname(below)) in _NAMES:
        below = tree.package_of(below)
    return below


@cache
def _configured(tree: Tree, below: str) -> tuple[str, ...]:
    """``outDir`` of the package's tsconfig files, where it is a directory of its own."""
    names = [name for name in tree.directories.get(below, ()) if re.fullmatch(r"tsconfig(\.[\w-]+)?\.json", name)]
    configs = [posixpath.join(below, name) for name in names]
    found = (str(compiler_options(tree, path).get("outDir", "")) for path in configs)
    return tuple(sorted({given for given in found if given and given not in (".", "src", below) and given[:2] != ".."}))


def _by_map(tree: Tree, path: str) -> Age:
    where, content = source_map(tree, path)
    compared = 0
    for source, text in _mapped_sources(tree, where, content):
        compared += 1
        have, meant = tree.text(source).splitlines(), text.splitlines()
        if have != meant:
            same = next(
                (at for at, pair in enumerate(zip(have, meant)) if pair[0] != pair[1]), min(len(have), len(meant))
            )
            number = min(same + 1, max(len(have), 1))
            seen = Evidence(source, number, tree.line(source, number))
            return Age(STALE, f"its source map holds another text of {source}", (Evidence(path), seen))
    return Age(FRESH if compared else UNKNOWN, "its source map holds the same text")


def source_map(tree: Tree, path: str) -> tuple[str, dict[str, Any]]:
    """Where the source map of ``path`` lies, and what it holds; empty where there is none."""
    found = _MAP.search(tree.text(path).rstrip())
    url = found[1] if found else posixpath.basename(path) + ".map"
    if url.startswith("data:"):
        try:
            content = json.loads(base64.b64decode(url.partition("base64,")[2]))
        except ValueError:
            content = None
        return path, content if isinstance(content, dict) else {}
    where = posixpath.join(posixpath.dirname(path), url)
    return where, tree.json(where)


def _mapped_sources(tree: Tree, where: str, content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The sources of a map that lie in the release, and the text each had when it was compiled."""
    texts = content.get("sourcesContent")
    names = content.get("sources")
    if not isinstance(texts, list) or not isinstance(names, list):
        return
    for name, text in zip(names, texts):
        relative = posixpath.join(posixpath.dirname(where), str(content.get("sourceRoot") or ""), str(name))
        bundled = re.sub(r"^webpack://[^/]*/", "", str(name))  # written from the package, not from the map
        for source in map(posixpath.normpath, (relative, bundled)):
            if isinstance(text, str) and source in tree.files and tree.text(source):
                yield source, text
                break


def _by_build_info(tree: Tree, path: str) -> Age:
    source = source_of(tree, path)
    version, where = _built_versions(tree).get(source, ("", ""))
    if not version:
        return Age(UNKNOWN)
    if hashlib.sha256(tree.text(source).encode()).hexdigest() == version:
        return Age(FRESH, f"{where} holds the hash of {source}")
    return Age(STALE, f"{where} holds another hash of {source}", (Evidence(path), Evidence(source), Evidence(where)))


@cache
def _built_versions(tree: Tree) -> dict[str, tuple[str, str]]:
    """The sha256 that TypeScript saw of each source, and the tsbuildinfo that says so."""
    found: dict[str, tuple[str, str]] = {}
    for where in (path for path in tree.files if path.endswith(".tsbuildinfo")):
        info = tree.json(where)
        program = info["program"] if isinstance(info.get("program"), dict) else info
        names, infos = program.get("fileNames"), program.get("fileInfos")
        if isinstance(names, list) and isinstance(infos, list):
            for name, item in zip(names, infos):
                version = item.get("version") if isinstance(item, dict) else item
                if re.fullmatch(r"[0-9a-f]{64}", str(version)):
                    found[posixpath.normpath(posixpath.join(posixpath.dirname(where), str(name)))] = str(version), where
    return found


def _by_mtime(tree: Tree, path: str) -> Age:
    source = source_of(tree, path)
    made, changed = tree.times.get(path, 0.0), tree.times.get(source, 0.0)
    if not made or not changed or changed <= made + CLOCK_STEP:
        return Age(UNKNOWN)
    how = f"{source} was changed {changed - made:.0f} s after {path} was compiled"
    return Age(STALE, how, (Evidence(path), Evidence(source)))
