# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lockfiles of npm, pnpm and yarn, as far as one can tell from them whether an install will go through."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _package
from ansible_collections.nodeops.pm2.plugins.module_utils._semver import satisfies
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

NPM = ("npm-shrinkwrap.json", "package-lock.json")  # npm prefers the first
PNPM, YARN = "pnpm-lock.yaml", "yarn.lock"
ALL = (*NPM, PNPM, YARN, "bun.lock", "bun.lockb")
# The last package that a key of resolutions names: **/left-pad, app/@scope/left-pad, left-pad@npm:^1.0.0.
_RESOLVED = re.compile(r"((?:@[^/@]+/)?[^/@]+)(?:@[^@]*)?$")
_YAML_LINE = re.compile(r"""( *)(?:"([^"]*)"|'([^']*)'|([^\s"':#][^:#]*?)):(?:\s+(.*?))?\s*$""")


@dataclass(frozen=True)
class Difference:
    """One dependency that package.json and the lockfile do not agree on.

    :param manifest: the package.json.
    :param wanted: its range.
    :param locked: what the lockfile has, empty where it has nothing.
    :param fits: whether what is locked lies in the range all the same.
    """

    manifest: str
    name: str
    wanted: str
    locked: str = ""
    fits: bool = False


def present(tree: Tree) -> list[str]:
    """The lockfiles at the top of the release; npm's two count as one."""
    found = [name for name in ALL if name in tree.files]
    return [name for name in found if name != NPM[1] or NPM[0] not in found]


def differences(tree: Tree, lockfile: str) -> Iterator[Difference]:
    """Where package.json, and those of workspace packages, ask for what ``lockfile`` does not hold."""
    if lockfile in NPM:
        yield from _npm(tree, lockfile)
    elif lockfile == PNPM:
        yield from _pnpm(tree)
    elif lockfile == YARN:
        yield from _yarn(tree)


def installs(tree: Tree, name: str, *, dev: bool) -> bool:
    """Whether npm's lockfile puts ``name`` at the top of node_modules; development packages only with ``dev``."""
    locked = npm_packages(tree).get(f"node_modules/{name}")
    return isinstance(locked, dict) and (dev or not locked.get("dev"))


def version_of(tree: Tree, name: str) -> str:
    """The version of ``name`` that npm's lockfile puts at the top of node_modules; empty where that is not known."""
    locked = npm_packages(tree).get(f"node_modules/{name}")
    return str(locked.get("version", "")) if isinstance(locked, dict) else ""


def commands(tree: Tree) -> frozenset[str] | None:
    """The commands that npm's lockfile puts into node_modules/.bin; ``None`` without such a lockfile."""
    packages = npm_packages(tree)
    if not packages:
        return None
    names: set[str] = set()
    for item in packages.values():
        binaries = item.get("bin") if isinstance(item, dict) else None
        names.update(binaries if isinstance(binaries, dict) else ())
    return frozenset(names)


def npm_packages(tree: Tree) -> dict[str, Any]:
    """The entries of npm's lockfile (of npm 7 and newer) by where they are put; empty without one."""
    lockfile = next((name for name in NPM if name in tree.files), "")
    packages = tree.json(lockfile, whole=True).get("packages") if lockfile else None
    return packages if isinstance(packages, dict) else {}


def _npm(tree: Tree, lockfile: str) -> Iterator[Difference]:
    packages = npm_packages(tree)
    if not packages:
        yield from _npm_v1(tree, lockfile)
        return
    for below in ("", *workspaces(tree)):
        manifest = posixpath.join(below, "package.json")
        wanted = _package.dependencies(tree.json(manifest))
        own = packages.get(below)
        locked = _package.dependencies(own) if isinstance(own, dict) else {}
        for name, text in wanted.items():
            if locked.get(name) == text:
                continue
            nearest = packages.get(posixpath.join(below, f"node_modules/{name}")) or packages.get(
                f"node_modules/{name}"
            )
            version = str(nearest.get("version", "")) if isinstance(nearest, dict) else ""
            yield Difference(manifest, name, text, locked.get(name, version), satisfies(version, text) is True)
        for name in locked.keys() - wanted.keys():
            yield Difference(manifest, name, "", locked[name], fits=True)


def _npm_v1(tree: Tree, lockfile: str) -> Iterator[Difference]:
    """npm 5 and 6 wrote versions only, and nothing of peerDependencies."""
    locked = tree.json(lockfile, whole=True).get("dependencies")
    held = locked if isinstance(locked, dict) else {}
    for name, text in _package.dependencies(tree.json("package.json"), *_package.SECTIONS[:3]).items():
        version = str(held[name].get("version", "")) if isinstance(held.get(name), dict) else ""
        if not version or satisfies(version, text) is False:
            yield Difference("package.json", name, text, version)


def _pnpm(tree: Tree) -> Iterator[Difference]:
    lock = parse_yaml_maps(tree.whole_text(PNPM))
    importers = lock.get("importers") or {".": lock}
    overridden = {re.sub(r"(?<=.)@[^/]*$", "", name.rpartition(">")[2]) for name in lock.get("overrides") or {}}
    for below in ("", *workspaces(tree)):
        own = importers.get(below or ".")
        if not isinstance(own, dict):
            continue  # not every directory with a package.json is a workspace package
        manifest = posixpath.join(below, "package.json")
        locked = dict(own.get("specifiers") or {})
        for section in _package.SECTIONS:
            for name, item in (own.get(section) or {}).items():
                if isinstance(item, dict) and "specifier" in item:
                    locked[name] = item["specifier"]
        for name, text in _package.dependencies(tree.json(manifest), *_package.SECTIONS[:3]).items():
            if locked.get(name) != text and name not in overridden:
                yield Difference(manifest, name, text, str(locked.get(name, "")))


def _yarn(tree: Tree) -> Iterator[Difference]:
    text = tree.whole_text(YARN)
    keys = [line.rstrip().rstrip(":") for line in text.splitlines() if line[:1] not in ("", " ", "#")]
    held = {descriptor.strip().strip('"') for key in keys for descriptor in key.split(",")}
    held |= {descriptor.strip().strip('"') for key in keys for descriptor in key.strip('"').split(", ")}
    manifest = tree.json("package.json")
    resolutions = manifest.get("resolutions")
    skipped = {*_package.workspace_packages(tree)}
    resolved = map(_RESOLVED.search, resolutions if isinstance(resolutions, dict) else ())
    skipped |= {found[1] for found in resolved if found}
    for name, wanted in _package.dependencies(manifest, *_package.SECTIONS[:3]).items():
        plain = not re.search(r"[:/]", re.sub("^npm:", "", wanted))
        if plain and name not in skipped and not {f"{name}@{wanted}", f"{name}@npm:{wanted}"} & held:
            locked = sorted(key for key in held if key.startswith(f"{name}@"))
            yield Difference("package.json", name, wanted, ", ".join(locked))


def workspaces(tree: Tree) -> list[str]:
    """Directories of the packages that the release's package.json, or pnpm's workspace file, takes as its own."""
    given = tree.json("package.json").get("workspaces")
    patterns = given.get("packages") if isinstance(given, dict) else given
    named = [str(item) for item in patterns] if isinstance(patterns, list) else []
    named += re.findall(r"""^\s*-\s*["']?([^"'\s#]+)""", tree.text("pnpm-workspace.yaml"), re.MULTILINE)
    forms = [re.escape(re.sub(r"^\./|/$", "", item)) for item in named if not item.startswith("!")]
    expressions = [re.compile(form.replace(r"\*\*", ".*").replace(r"\*", "[^/]*")) for form in forms]
    return [below for below in tree.packages() if below and any(item.fullmatch(below) for item in expressions)]


def parse_yaml_maps(text: str) -> dict[str, Any]:
    """The nested maps of scalars in a YAML file; lists and whatever else it holds are left out."""
    root: dict[str, Any] = {}
    open_maps: list[tuple[int, dict[str, Any]]] = [(-1, root)]
    for line in text.splitlines():
        found = _YAML_LINE.match(line)
        if not found:
            continue
        indent, key = len(found[1]), next(part for part in found.group(2, 3, 4) if part is not None)
        while open_maps[-1][0] >= indent:
            open_maps.pop()
        if found[5]:
            open_maps[-1][1][key] = found[5].strip("'\"")
        else:
            inner: dict[str, Any] = {}
            open_maps[-1][1][key] = inner
            open_maps.append((indent, inner))
    return root
