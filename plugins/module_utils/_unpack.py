# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an archive may add to a release, judged member by member; where it is put is the business of who unpacks it."""

from __future__ import annotations

import gzip
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._members import Corrupt, Member, members

MAX_BYTES = 2 << 30
MAX_FILES = 200_000
MAX_DEPTH = 200  # directories inside each other; what removes a release again goes down them one call at a time
OURS = ".release"

_DAMAGE = (
    Corrupt,
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    RecursionError,
    NotImplementedError,
)


class Refused(Exception):
    """Why a member must not be in a release, in words."""


class Unpacking:
    """What has been unpacked so far: kinds by path; the release itself is the empty path.

    A subclass puts things where it wants them. Every method that it fills in is called for a parent before what lies in
    it, and for every path once.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {"": "directory"}

    def add(self, member: Member) -> None:
        """Judge one member and hand it on; raises :class:`Refused`."""
        name = clean_name(member.name)
        if member.mode & 0o7000:
            raise Refused(f"a setuid, setgid or sticky bit (mode {member.mode:o})")
        if member.kind not in ("file", "directory", "symlink", "hard link"):
            raise Refused(f"a {member.kind}")
        if name in self.kinds:
            if member.kind == self.kinds[name] == "directory":
                return
            raise Refused("a name that the archive holds twice")
        self._make_directories(name.rpartition("/")[0])
        if member.kind == "directory":
            self._make_directories(name)
        else:
            self._place(name, member)

    def _place(self, name: str, member: Member) -> None:
        kind = "file"
        if member.kind == "symlink":
            kind = "symlink"
            check_link(name, member.target)
            self.symlink(name, member.target)
        elif member.kind == "hard link":
            source = clean_name(member.target)
            if self.kinds.get(source) != "file":
                raise Refused(f"a hard link to {member.target!r}, which is no file before it in the archive")
            self.hard_link(name, source)
        else:
            self.file(name, member)
        self.kinds[name] = kind

    def _make_directories(self, name: str) -> None:
        if self.kinds.get(name) == "directory":
            return
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            kind = self.kinds.get(path)
            if kind not in (None, "directory"):
                raise Refused(f"a name that goes through the {kind} {path!r}")
            if kind is None:
                self.directory(path)
                self.kinds[path] = "directory"

    def directory(self, name: str) -> None:
        """Make the directory ``name``."""
        raise NotImplementedError

    def file(self, name: str, member: Member) -> None:
        """Write a file."""
        raise NotImplementedError

    def symlink(self, name: str, target: str) -> None:
        """Make ``name`` a link to ``target``, which stays in the release."""
        raise NotImplementedError

    def hard_link(self, name: str, source: str) -> None:
        """Make ``name`` another name of the file ``source``."""
        raise NotImplementedError


def unpack(archive: Path, into: Unpacking, *, max_bytes: int, max_files: int) -> str:
    """Hand every member of ``archive`` to ``into``.

    Returns the one top directory that everything lies below, where it holds a ``package.json``; else empty.
    """
    with closing(members(archive, max_bytes=max_bytes, max_files=max_files)) as found:
        for member in found:
            with named(archive, member.name):
                into.add(member)
    if all(kind == "directory" for kind in into.kinds.values()):
        raise Corrupt("an archive without a file")
    return wrapper(into.kinds)


def measure(archive: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> tuple[int, int]:
    """Bytes and inodes that unpacking takes (file contents; members of any kind), from one pass over the archive.

    Raises :class:`DeployError` as unpacking does for a damaged or too large archive; judges no member.
    """
    size = count = 0
    with explained(archive), closing(members(archive, max_bytes=max_bytes, max_files=max_files)) as found:
        for member in found:
            size, count = size + member.size, count + 1
    return size, count


def clean_name(name: str) -> str:
    """``name`` as a path relative to the release, empty for the release itself.

    Refuses what is absolute or climbs, what is ours, and names that cannot be shown as they are.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/"):
        raise Refused("an absolute name")
    if ".." in parts:
        raise Refused("a name that climbs with '..'")
    if not _is_plain(name):
        raise Refused("a name with control characters or bytes that are not UTF-8")
    if parts and parts[0] == OURS:
        raise Refused(f"a name in {OURS}/, which is kept for the deploy's own files")
    if len(parts) > MAX_DEPTH:
        raise Refused(f"a name that lies {len(parts)} directories deep, at most {MAX_DEPTH}")
    return "/".join(parts)


def check_link(name: str, target: str) -> None:
    """Refuse the symlink ``name`` where it can lead out of the release.

    ``..`` may stand only at the start of a target: the directory of the link is a real one, so that these lead where
    they seem to; after a name, which may be a link as well, they need not.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    climbs = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    if not target or not _is_plain(target):
        raise Refused(f"a link to {target!r}")
    if target.startswith("/"):
        raise Refused(f"a link to the absolute {target!r}")
    if climbs > name.count("/") or ".." in parts[climbs:]:
        raise Refused(f"a link to {target!r}, which leaves the release")


def wrapper(kinds: Mapping[str, str]) -> str:
    """The one top directory that everything lies below, where it holds a ``package.json``; else empty."""
    tops = {path.split("/", 1)[0] for path in kinds if path}
    top = tops.pop() if len(tops) == 1 else ""
    return top if top and kinds.get(f"{top}/package.json") == "file" else ""


def judge_moved(archive: Path, top: str, path: str, target: str) -> None:
    """Judge what lay in the top directory by the name it gets without it: what was harmless one level further down need
    not be so here."""
    with named(archive, f"{top}/{path}"):
        clean_name(path)
        if target:
            check_link(path, target)


@contextmanager
def named(archive: Path, name: str) -> Iterator[None]:
    """Turn a refusal into an error that says which member of which archive it is about."""
    try:
        yield
    except Refused as reason:
        raise DeployError(
            "The archive holds a member that a release must not have.",
            expected="files, directories and links that stay in the release, without special mode bits",
            seen=f"{name[:300]!r}: {reason}",
            where=str(archive),
            remedy="Pack the release without it.",
        ) from None


@contextmanager
def explained(archive: Path) -> Iterator[None]:
    """Turn the readers' many errors into one that says whose fault it is: the archive's, or the disk's."""
    try:
        yield
    except _DAMAGE as error:
        raise DeployError(
            "The archive is corrupt.",
            expected="a complete archive",
            seen=f"{error}" or type(error).__name__,
            where=str(archive),
            remedy="Compare its sha256 with the builder's, and build or copy it again.",
        ) from error
    except OSError as error:
        raise DeployError(
            "The archive cannot be unpacked.", expected="readable, and room for it", seen=str(error), where=str(archive)
        ) from error


def _is_plain(name: str) -> bool:
    """Whether ``name`` is UTF-8 without control characters (newlines and NUL among them)."""
    if name.isascii() and name.isprintable():
        return True
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)
