# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpack an artifact that nobody vouches for: what a release must not hold is refused by name, never repaired."""

from __future__ import annotations

import gzip
import hashlib
import os
import secrets
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._members import CHUNK, Corrupt, Member, members

MAX_BYTES = 2 << 30
MAX_FILES = 200_000
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


class _Refused(Exception):
    """Why a member must not be in a release, in words."""


def extract(
    archive: Path, destination: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> dict[str, str]:
    """Unpack ``archive`` into ``destination``, a directory that is the caller's alone and empty but for
    ``.release/``.

    Returns the sha256 (hex) of every regular file by its path relative to ``destination``, and ``link:<target>`` for
    every symlink. Files get mode 0644, or 0755 where their owner may execute them; directories 0755.

    Where everything lies below one top directory that holds the ``package.json`` (``npm pack``, source archives of
    hosting sites), that directory is taken away. A top-level ``package.json`` means that nothing is.

    Raises :class:`DeployError` on a damaged archive, on more than ``max_bytes`` (default 2 GiB, a tar's own headers
    included) or ``max_files`` members (default 200,000), and on any member that :func:`clean_name` or
    :func:`check_link` refuses, that is no file, directory or link, has a special mode bit, appears twice, or would be
    written through a link. What was unpacked by then is the caller's to remove.
    """
    tree = _Tree(destination)
    with _explained(archive), closing(members(archive, max_bytes=max_bytes, max_files=max_files)) as found:
        for member in found:
            with _named(archive, member.name):
                tree.add(member)
        if not tree.content:
            raise Corrupt("an archive without a file")
        return _without_wrapper(archive, tree)


def measure(archive: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> tuple[int, int]:
    """Bytes and inodes that unpacking takes (file contents; members of any kind), from one pass over the archive.

    Raises :class:`DeployError` as :func:`extract` does for a damaged or too large archive; judges no member.
    """
    size = count = 0
    with _explained(archive), closing(members(archive, max_bytes=max_bytes, max_files=max_files)) as found:
        for member in found:
            size, count = size + member.size, count + 1
    return size, count


def clean_name(name: str) -> str:
    """``name`` as a path relative to the release, empty for the release itself.

    Refuses what is absolute or climbs, what is ours, and names that cannot be shown as they are.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/"):
        raise _Refused("an absolute name")
    if ".." in parts:
        raise _Refused("a name that climbs with '..'")
    if not _is_plain(name):
        raise _Refused("a name with control characters or bytes that are not UTF-8")
    if parts and parts[0] == OURS:
        raise _Refused(f"a name in {OURS}/, which is kept for the deploy's own files")
    return "/".join(parts)


def check_link(name: str, target: str) -> None:
    """Refuse the symlink ``name`` where it can lead out of the release.

    ``..`` may stand only at the start of a target: the directory of the link is a real one, so that these lead where
    they seem to; after a name, which may be a link as well, they need not.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    climbs = next((index for index, part in enumerate(parts) if part != ".."), len(parts))
    if not target or not _is_plain(target):
        raise _Refused(f"a link to {target!r}")
    if target.startswith("/"):
        raise _Refused(f"a link to the absolute {target!r}")
    if climbs > name.count("/") or ".." in parts[climbs:]:
        raise _Refused(f"a link to {target!r}, which leaves the release")


def wrapper(kinds: Mapping[str, str]) -> str:
    """The one top directory that everything lies below, where it holds a ``package.json``; else empty."""
    tops = {path.split("/", 1)[0] for path in kinds if path}
    top = tops.pop() if len(tops) == 1 else ""
    return top if top and kinds.get(f"{top}/package.json") == "file" else ""


def _is_plain(name: str) -> bool:
    """Whether ``name`` is UTF-8 without control characters (newlines and NUL among them)."""
    return not any(unicodedata.category(character) in ("Cc", "Cs") for character in name)


class _Tree:
    """What has been unpacked so far: kinds by path (the release itself is the empty path), contents by path."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kinds: dict[str, str] = {"": "directory"}
        self.content: dict[str, str] = {}

    def add(self, member: Member) -> None:
        name = clean_name(member.name)
        if member.mode & 0o7000:
            raise _Refused(f"a setuid, setgid or sticky bit (mode {member.mode:o})")
        if member.kind not in ("file", "directory", "symlink", "hard link"):
            raise _Refused(f"a {member.kind}")
        if name in self.kinds:
            if member.kind == self.kinds[name] == "directory":
                return
            raise _Refused("a name that the archive holds twice")
        self._make_directories(name.rpartition("/")[0])
        if member.kind == "directory":
            self._make_directories(name)
        elif member.kind == "symlink":
            self._link(name, member.target)
        elif member.kind == "hard link":
            self._hard_link(name, member.target)
        else:
            self._write(name, member)

    def _make_directories(self, name: str) -> None:
        if self.kinds.get(name) == "directory":
            return
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            kind = self.kinds.get(path)
            if kind not in (None, "directory"):
                raise _Refused(f"a name that goes through the {kind} {path!r}")
            if kind is None:
                os.mkdir(self._path(path))
                os.chmod(self._path(path), 0o755)  # whatever the umask says
                self.kinds[path] = "directory"

    def _link(self, name: str, target: str) -> None:
        check_link(name, target)
        os.symlink(target, self._path(name))
        self.kinds[name], self.content[name] = "symlink", f"link:{target}"

    def _hard_link(self, name: str, target: str) -> None:
        source = clean_name(target)
        if self.kinds.get(source) != "file":
            raise _Refused(f"a hard link to {target!r}, which is no file before it in the archive")
        os.link(self._path(source), self._path(name))
        self.kinds[name], self.content[name] = "file", self.content[source]

    def _write(self, name: str, member: Member) -> None:
        digest = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with member.open() as source, open(os.open(self._path(name), flags, 0o600), "wb") as sink:
            for chunk in iter(lambda: source.read(CHUNK), b""):
                digest.update(chunk)
                sink.write(chunk)
            os.fchmod(sink.fileno(), 0o755 if member.mode & 0o100 else 0o644)
        self.kinds[name], self.content[name] = "file", digest.hexdigest()

    def _path(self, name: str) -> str:
        return os.path.join(self.root, name)


def _without_wrapper(archive: Path, tree: _Tree) -> dict[str, str]:
    top = wrapper(tree.kinds)
    if not top:
        return tree.content
    content = {path[len(top) + 1 :]: value for path, value in tree.content.items()}
    for path, value in content.items():  # what was harmless one level further down need not be here
        with _named(archive, f"{top}/{path}"):
            clean_name(path)
            if value.startswith("link:"):
                check_link(path, value[len("link:") :])
    aside = tree.root / f".{secrets.token_hex(6)}"  # the directory may hold one of its own name
    os.rename(tree.root / top, aside)
    for child in os.listdir(aside):
        os.rename(aside / child, tree.root / child)
    os.rmdir(aside)
    return content


@contextmanager
def _named(archive: Path, name: str) -> Iterator[None]:
    try:
        yield
    except _Refused as reason:
        raise DeployError(
            "The archive holds a member that a release must not have.",
            expected="files, directories and links that stay in the release, without special mode bits",
            seen=f"{name!r}: {reason}",
            where=str(archive),
            remedy="Pack the release without it.",
        ) from None


@contextmanager
def _explained(archive: Path) -> Iterator[None]:
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
