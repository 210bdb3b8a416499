# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tar and zip archives as one stream of members, read forward, once, within limits. Judges form, not content."""

from __future__ import annotations

import calendar
import gzip
import importlib
import io
import shutil
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ansible_collections.nodeops.pm2.plugins.module_utils._command import SYSTEM_PATH, minimal_environment
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

BLOCK = 512
CHUNK = 1 << 18
# File content is read in chunks; whatever tarfile reads at once is a header, and no honest one is longer.
LONGEST_HEADER = 1 << 20
LONGEST_TARGET = 4096


@dataclass(frozen=True)
class Member:
    """One entry of an archive.

    :param name: as the archive writes it; bytes that are not UTF-8 are surrogates.
    :param kind: ``file``, ``directory``, ``symlink``, ``hard link``, or what else it is, in words.
    :param mode: permission bits, the special ones included.
    :param size: bytes of a file's content.
    :param target: where a link points, as written.
    :param open: opens a file's content; to be read before the next member is asked for.
    :param mtime: seconds; of the epoch in a tar, of an unnamed time zone in a zip: fit for comparing, not for telling.
    """

    name: str
    kind: str
    mode: int
    size: int = 0
    target: str = ""
    open: Callable[[], IO[bytes]] = io.BytesIO
    mtime: float = 0.0


class Corrupt(Exception):
    """The archive is not what its first bytes say, or not all of it is there."""


def too_large(archive: Path, seen: str, expected: str) -> DeployError:
    """The refusal of an archive that would fill the disk."""
    return DeployError(
        "The archive unpacks to more than a release may hold.",
        expected=expected,
        seen=seen,
        where=str(archive),
        remedy="Pack only what the app needs at run time, or raise the limit.",
    )


def format_of(head: bytes) -> str:
    """``gzip``, ``zstd``, ``zip`` or ``tar``, by the first 512 bytes; empty where it is none of them."""
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "tar" if head[257:262] == b"ustar" else ""


def members(archive: Path, *, max_bytes: int, max_files: int) -> Generator[Member, None, None]:
    """Every member in the archive's order.

    Raises :class:`DeployError` beyond ``max_bytes`` (a tar's headers included) or ``max_files`` (all kinds counted),
    :class:`Corrupt` or one of the readers' own errors where the archive is damaged.
    """
    with archive.open("rb") as stream:
        form = format_of(stream.read(BLOCK))
    if not form:
        raise DeployError(
            "This is not an archive that a release can be staged from.",
            expected="a tar, tar.gz, tar.zst or zip file",
            seen="a file that begins like none of them",
            where=str(archive),
            remedy="Pack the release as .tar.gz.",
        )
    found = _zip_members(archive, max_bytes) if form == "zip" else _tar_members(archive, form, max_bytes)
    for count, member in enumerate(found, start=1):
        if count > max_files:
            raise too_large(archive, f"more than {max_files} members", f"at most {max_files} members")
        yield member


class _Forward:
    """What tarfile reads from: counts, never goes back, and gives no header longer than an honest one.

    tarfile itself takes a cut-off or damaged header for the archive's end, so :attr:`last` keeps what it saw last.
    """

    def __init__(self, stream: IO[bytes], archive: Path, max_bytes: int) -> None:
        self.stream = stream
        self.archive = archive
        self.max_bytes = max_bytes
        self.position = 0
        self.last = b""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= LONGEST_HEADER:
            raise Corrupt(f"a header of {size} bytes")
        self.last = self.stream.read(size)
        self.position += len(self.last)
        if self.position > self.max_bytes:
            raise too_large(self.archive, f"more than {self.max_bytes} bytes", f"at most {self.max_bytes} bytes")
        return self.last

    def tell(self) -> int:
        return self.position

    def seek(self, position: int) -> None:
        if position < self.position:
            raise Corrupt("a header that points backwards")
        while position > self.position and self.read(min(CHUNK, position - self.position)):
            pass

    def drain(self) -> None:
        """Read to the very end, where gzip and zstd keep their checksums."""
        while self.read(CHUNK):
            pass


def _tar_members(archive: Path, form: str, max_bytes: int) -> Iterator[Member]:
    opened = {"gzip": gzip.open, "zstd": _zstd, "tar": open}[form]
    with opened(archive, "rb") as stream:  # type: ignore[operator]
        forward: Any = _Forward(stream, archive, max_bytes)
        tar: Any = tarfile.TarFile(fileobj=forward, mode="r", encoding="utf-8", errors="surrogateescape")
        while True:
            info = tar.next()
            if info is None:
                break
            tar.members = []  # tarfile would keep every header in memory
            yield _tar_member(tar, info)
        if forward.last != bytes(BLOCK):
            raise Corrupt("no end-of-archive mark")
        forward.drain()


def _tar_member(tar: Any, info: tarfile.TarInfo) -> Member:
    kinds = {
        tarfile.DIRTYPE: "directory",
        tarfile.SYMTYPE: "symlink",
        tarfile.LNKTYPE: "hard link",
        tarfile.FIFOTYPE: "named pipe",
        tarfile.CHRTYPE: "device",
        tarfile.BLKTYPE: "device",
    }
    kind = kinds.get(info.type, "file" if info.isreg() else f"member of type {info.type!r}")
    if info.issparse():
        kind = "sparse file"
    return Member(info.name, kind, info.mode, info.size, info.linkname, lambda: tar.extractfile(info), info.mtime)


@contextmanager
def _zstd(archive: Path, mode: str) -> Iterator[IO[bytes]]:
    """The decompressed stream, by the standard library where it has zstd (3.14), else by the host's program."""
    try:
        library: Any = importlib.import_module("compression.zstd")
    except ImportError:
        library = None
    if library:
        with library.open(archive, mode) as stream:
            try:
                yield stream
            except library.ZstdError as error:
                raise Corrupt(str(error)) from error
        return
    program = shutil.which("zstd", path=SYSTEM_PATH)
    if program is None:
        raise DeployError(
            "The archive is compressed with zstd, and nothing here can read that.",
            expected="the program zstd on the host, or Python 3.14 or newer",
            seen="neither",
            where=str(archive),
            remedy="Install the package zstd on the host, or pack the release as .tar.gz.",
        )
    # What comes out is read as a stream, which a module's run_command cannot do.
    started: Any = subprocess.Popen(  # pylint: disable=ansible-bad-function
        [program, "-dcq", "--", str(archive)],
        env=minimal_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with started as child:
        try:
            yield child.stdout
            message = child.stderr.read().decode(errors="replace").strip()
            if child.wait():
                raise Corrupt(message)
        finally:
            child.kill()


def _zip_members(archive: Path, max_bytes: int) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        total = sum(info.file_size for info in infos)  # zipfile hands out no byte beyond what an entry claims
        if total > max_bytes:
            raise too_large(archive, f"{total} bytes", f"at most {max_bytes} bytes")
        for info in infos:
            yield _zip_member(opened, info)


def _zip_member(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    mode = info.external_attr >> 16
    kind = "directory" if info.is_dir() else "file"
    if info.flag_bits & 0x1:
        kind = "encrypted file"
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        kind = f"file of compression method {info.compress_type}"
    elif "\\" in info.filename:  # a separator to some packers, a letter here: dist\server.js would be no file in dist/
        kind = "file named with backslashes"
    elif stat.S_ISLNK(mode):
        kind = "symlink"
    elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "device or named pipe"
    target = ""
    if kind == "symlink":
        with opened.open(info) as stream:
            target = stream.read(LONGEST_TARGET).decode("utf-8", "surrogateescape")
    mtime = calendar.timegm((*info.date_time, 0, 0, 0))
    return Member(
        _zip_name(info), kind, stat.S_IMODE(mode), info.file_size, target, lambda: opened.open(info), float(mtime)
    )


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name as written: zipfile cuts it at a NUL, and takes for code page 437 what many packers write in UTF-8."""
    if info.flag_bits & 0x800 or info.filename != info.orig_filename:
        return info.orig_filename if "\0" in info.orig_filename else info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename
