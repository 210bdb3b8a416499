# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on the artifact as a whole: its size, the rights of its files, what was compiled for another machine."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _native
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject

_SHOWN = 5
_MOST_NATIVE = 200  # addons that are read
_GROWN = 3  # times the size of the live release
_GROWN_BY = 20 << 20  # bytes, below which nobody minds


@rule(
    ERROR,
    protects="A file that everybody may write, or that runs with another user's rights, lets others into the app.",
    remedy="chmod o-w, chmod u-s,g-s, and pack again.",
)
def unsafe_modes(subject: Subject) -> Iterator[Finding]:
    """Files that are setuid, setgid or writable by everybody.

    A warning for files in an archive that everybody may write: the deploy gives them other rights, but others who
    unpack it do not.
    """
    modes = subject.tree.modes
    special = [path for path, mode in modes.items() if mode & 0o6000]
    writable = [path for path, mode in modes.items() if mode & 0o002 and not mode & 0o6000]
    if special:
        said = f"{len(special)} files are setuid or setgid."
        yield Finding(said, tuple(Evidence(path, 0, f"mode {modes[path]:04o}") for path in special[:_SHOWN]))
    if writable:
        said = f"{len(writable)} files may be written by everybody."
        evidence = tuple(Evidence(path, 0, f"mode {modes[path]:04o}") for path in writable[:_SHOWN])
        yield Finding(said, evidence, ERROR if subject.tree.staged else WARNING)


@rule(
    WARNING,
    protects="An artifact that has suddenly grown holds what nobody meant to ship: dumps, caches, another project.",
    remedy="See what is in it (tar tf), and pack only what the app needs at run time.",
)
def artifact_grew(subject: Subject) -> Iterator[Finding]:
    """The release is more than three times as large as the live one, and 20 MiB larger."""
    last, size = subject.host.live_bytes, sum(subject.tree.files.values())
    if last and size > _GROWN * last and size > last + _GROWN_BY:
        largest = sorted(subject.tree.files.items(), key=lambda item: -item[1])[:_SHOWN]
        evidence = tuple(Evidence(path, 0, f"{bytes_ >> 10} KiB") for path, bytes_ in largest)
        yield Finding(f"The release has {_mib(size)} MiB, and the live one {_mib(last)} MiB.", evidence)


@rule(
    ERROR,
    protects="An addon compiled for another machine or Node.js cannot be loaded: the app dies where it is used.",
    remedy="Have dependencies installed on the host (bluegreen_dependencies: install), or pack them on one like it.",
)
def native_module_foreign(subject: Subject) -> Iterator[Finding]:
    """A shipped package whose compiled addons (.node) all were made for another system, machine or ABI.

    Directories of prebuilds are left alone, and so are packages that say themselves which system they are for.
    """
    by_package: dict[str, list[str]] = {}
    for path in subject.tree.everywhere(".node")[:_MOST_NATIVE]:
        if "/prebuilds/" not in f"/{path}" and "/obj.target/" not in path:
            by_package.setdefault(_package_of(subject, path), []).append(path)
    for below, paths in by_package.items():
        whys = [_unfit(subject, path) for path in paths]
        if all(whys) and not _says_which_system(subject, below):
            evidence = tuple(Evidence(path, 0, why) for path, why in list(zip(paths, whys))[:_SHOWN])
            name = below.rpartition("node_modules/")[2] or "the release"
            yield Finding(f"The addon of {name} cannot be loaded here: it was {whys[0]}.", evidence)


@rule(
    ERROR,
    protects="What cannot be read was not checked, and the app may not be able to read it either.",
    remedy="Give the deploy user the right to read it, or take it out of the release.",
)
def not_read(subject: Subject) -> Iterator[Finding]:
    """Files or directories of the release that could not be read while the other rules looked at it."""
    unread = subject.tree.unread
    if unread:
        evidence = tuple(Evidence(path, 0, why) for path, why in list(unread.items())[:_SHOWN])
        yield Finding(f"{len(unread)} files or directories of the release could not be read.", evidence)


def _unfit(subject: Subject, path: str) -> str:
    host = subject.host
    native = _native.describe(path, subject.tree.read(path))
    return _native.unfit(native, machine=host.machine, libc=host.libc, node=host.node.version)


def _package_of(subject: Subject, path: str) -> str:
    """The directory of the nearest package.json, in node_modules too."""
    below = posixpath.dirname(path)
    while below and not subject.tree.exists(f"{below}/package.json"):
        below = posixpath.dirname(below)
    return below


def _says_which_system(subject: Subject, below: str) -> bool:
    try:
        manifest: Any = json.loads(subject.tree.read(posixpath.join(below, "package.json")))
    except ValueError:
        return False
    return isinstance(manifest, dict) and bool(manifest.get("os") or manifest.get("cpu"))


def _mib(size: int) -> int:
    return size >> 20
