# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a lockfile says, and the name of the installation that follows from it. Pure, but for two small readers."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

# In npm's own order: where both are there, it reads the shrinkwrap alone.
NAMES = {
    "npm-shrinkwrap.json": "npm",
    "package-lock.json": "npm",
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
}
# Increased whenever the same input would be installed differently, so that old entries of the store are left alone.
_FORMAT = 1


@dataclass(frozen=True)
class Lockfile:
    """A lockfile at the top of a release.

    :param name: the file's name.
    :param manager: ``npm``, ``pnpm``, ``yarn`` (classic, 1.x) or ``berry`` (yarn 2 and newer).
    :param text: its content.
    """

    name: str
    manager: str
    text: str


@dataclass(frozen=True)
class Runtime:
    """What compiled dependencies are compiled for, in Node's own words; ``libc`` is empty where there is one only."""

    version: str
    platform: str
    arch: str
    libc: str


def find(tree: Path) -> Lockfile | None:
    """The lockfile to install from, ``None`` where there is none; raises where two contradict each other."""
    manifest = read_manifest(tree / "package.json")
    name = choose([name for name in NAMES if (tree / name).is_file()], str(manifest.get("packageManager", "")))
    if not name:
        return None
    text = (tree / name).read_text(encoding="utf-8", errors="replace")
    manager = "berry" if NAMES[name] == "yarn" and re.search(r"^__metadata:", text, re.MULTILINE) else NAMES[name]
    return Lockfile(name, manager, text)


def choose(present: Collection[str], package_manager: str) -> str:
    """Which of the lockfiles ``present`` counts, empty for none: the one of ``packageManager``, where several are."""
    found = [name for name in NAMES if name in present]
    managers = {NAMES[name] for name in found}
    wanted = package_manager.partition("@")[0]
    if wanted in managers:
        found = [name for name in found if NAMES[name] == wanted]
    elif len(managers) > 1:
        raise DeployError(
            "The release has lockfiles of several package managers.",
            expected="one lockfile, or a packageManager in package.json that says which one counts",
            seen=", ".join(found),
            remedy="Remove those that nobody keeps up to date.",
        )
    return found[0] if found else ""


def read_manifest(path: Path) -> dict[str, Any]:
    """A ``package.json``, empty where there is none; raises where it is not JSON."""
    try:
        return parse_manifest(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DeployError(
            "A package.json cannot be read.", expected="a JSON object", seen=str(error), where=str(path)
        ) from error


def parse_manifest(raw: bytes) -> dict[str, Any]:
    """The object in a ``package.json``; ``ValueError`` where there is none. npm, too, reads past a byte order mark."""
    value = json.loads(raw.decode("utf-8-sig"))
    if not isinstance(value, dict):
        raise ValueError(f"a JSON {type(value).__name__}")  # all that is wrong with it is one error
    return value


def for_install(manifest: Mapping[str, Any], *, root: bool) -> bytes:
    """The ``package.json`` that the package manager is given.

    Without ``scripts``, which need the sources; the root's also without ``version``, which nothing depends on, so that
    a release that differs by its number alone finds its dependencies installed.
    """
    left_out = ("scripts", "version") if root else ("scripts",)
    return json.dumps({name: value for name, value in manifest.items() if name not in left_out}, indent=2).encode()


def has_dependencies(manifest: Mapping[str, Any]) -> bool:
    """Whether running the package needs others."""
    return bool(manifest.get("dependencies") or manifest.get("optionalDependencies"))


def packages(lockfile: Lockfile) -> list[str]:
    """Directories in the release that the lockfile counts as packages of their own, sorted, without the root.

    Yarn 1 does not record its workspaces: ``package.json`` has their patterns (:func:`workspace_patterns`).
    """
    if lockfile.manager == "npm":
        found = [path for path in _npm_packages(lockfile.text) if "node_modules" not in path.split("/")]
    elif lockfile.manager == "pnpm":
        section = re.search(r"^importers:\n(.*?)(?=^\S|\Z)", lockfile.text, re.MULTILINE | re.DOTALL)
        keys = re.findall(r"^  (\S.*?):(?: \{\})?$", section.group(1) if section else "", re.MULTILINE)
        found = [key.strip("'\"") for key in keys]
    elif lockfile.manager == "berry":
        found = re.findall(r'^  resolution: ".*@(?:workspace|portal):([^":#]+)', lockfile.text, re.MULTILINE)
    else:
        found = []
    return sorted({path for path in map(_inside, found) if path})


def local_dependencies(lockfile: Lockfile) -> list[str]:
    """What the lockfile takes from ``file:`` paths, relative to the package that names it, sorted."""
    found = re.findall(r"\bfile:([^\"'#:,\s}]+)", lockfile.text)
    return sorted({posixpath.normpath(path) for path in found})


def workspace_patterns(manifest: Mapping[str, Any]) -> list[str]:
    """The ``workspaces`` of a ``package.json``, in either of their two forms."""
    value = manifest.get("workspaces") or []
    patterns = value.get("packages") or [] if isinstance(value, dict) else value
    return [str(pattern) for pattern in patterns if not str(pattern).startswith("!")]


def store_key(*, files: Mapping[str, bytes], manager: str, runtime: Runtime, install_args: Sequence[str]) -> str:
    """The name of an installation, 24 hex digits: equal where the same program would be given the same input.

    :param files: every file that the package manager is given, by path.
    """
    contents = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    parts = [_FORMAT, manager, asdict(runtime), list(install_args), contents]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def _npm_packages(text: str) -> list[str]:
    try:
        found = json.loads(text).get("packages", {})
    except (ValueError, AttributeError):
        return []  # npm says better what is wrong with it
    return list(found) if isinstance(found, dict) else []


def _inside(path: str) -> str:
    """``path`` normalised; empty where it is the root itself or leaves the release."""
    normal = posixpath.normpath(path)
    return "" if normal in (".", "..") or normal.startswith(("../", "/")) else normal
