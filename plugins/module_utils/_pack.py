# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release that is only looked at: read out of its archive in one pass, its contents in one file.

To make twenty thousand files takes ten times longer than to read them; a check needs none of them on disk but the few
that Node.js itself is asked about.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ansible_collections.nodeops.pm2.plugins.module_utils import _unpack
from ansible_collections.nodeops.pm2.plugins.module_utils._members import CHUNK, Member
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import LONGEST_WHOLE, NOT_WALKED, Tree
from ansible_collections.nodeops.pm2.plugins.module_utils._unpack import MAX_BYTES, MAX_FILES

_HOPS = 40  # links on the way to one file, as in the kernel
_READ_IN_DEPENDENCIES = (".node", "/package.json")


class Kept(NamedTuple):
    """A file: where its first bytes stand and how many those are, its size, permission bits and mtime (seconds)."""

    offset: int
    kept: int
    size: int
    mode: int
    mtime: float


def pack(archive: Path, directory: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> Tree:
    """The tree in ``archive``, judged as :func:`_archive.extract` judges it and with the same errors.

    ``directory`` is the caller's to make and to remove; it gets one file with the first 16 MiB of each file that a rule
    may read.
    """
    with _unpack.explained(archive), (directory / "contents").open("wb") as stream:
        found = _Spool(stream)
        top = _unpack.unpack(archive, found, max_bytes=max_bytes, max_files=max_files)
    if top:
        start = len(top) + 1
        found.kept = {path[start:]: item for path, item in found.kept.items()}
        found.links = {path[start:]: target for path, target in found.links.items()}
        found.kinds = {path[start:]: kind for path, kind in found.kinds.items()}
        for path in (*found.kept, *found.links):
            _unpack.judge_moved(archive, top, path, found.links.get(path, ""))
    return _PackedTree(directory, found)


class _Spool(_unpack.Unpacking):
    """Writes contents one behind the other."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self.kept: dict[str, Kept] = {}
        self.links: dict[str, str] = {}
        self._stream = stream

    def directory(self, name: str) -> None:
        pass

    def symlink(self, name: str, target: str) -> None:
        self.links[name] = target

    def hard_link(self, name: str, source: str) -> None:
        self.kept[name] = self.kept[source]

    def file(self, name: str, member: Member) -> None:
        offset, kept = self._stream.tell(), 0
        if _is_read(name):
            with member.open() as source:
                while kept < LONGEST_WHOLE:
                    written = self._stream.write(source.read(CHUNK))
                    kept += written
                    if not written:
                        break
        self.kept[name] = Kept(offset, kept, member.size, member.mode & 0o777, member.mtime)


class _PackedTree(Tree):
    """A tree whose root is empty but for what was asked to be put there."""

    def __init__(self, directory: Path, found: _Spool) -> None:
        super().__init__(directory / "release")
        self._contents = directory / "contents"
        self._kept, self._links, self._kinds = found.kept, found.links, found.kinds

    @cached_property
    def files(self) -> dict[str, int]:
        named: dict[str, str | None] = {path: path for path in self._kept if not _is_left_out(path)}
        named.update((path, self._real(path)) for path in self._links if not _is_left_out(path))
        return {path: self._kept[real].size for path, real in sorted(named.items()) if real and real in self._kept}

    @cached_property
    def times(self) -> Mapping[str, float]:
        return {path: self._kept[path].mtime for path in self.files if path in self._kept}

    @cached_property
    def modes(self) -> Mapping[str, int]:
        return {path: self._kept[path].mode for path in self.files if path in self._kept}

    @property
    def staged(self) -> bool:
        return False

    def everywhere(self, suffix: str) -> list[str]:
        return [path for path in self._kept if path.endswith(suffix)]

    def exists(self, path: str) -> bool:
        plain = posixpath.normpath(path)
        if plain == ".." or plain.startswith(("../", "/")):
            return False
        return self._real("" if plain == "." else plain) in self._kinds

    def read(self, path: str, most: int = LONGEST_WHOLE) -> bytes:
        found = self._kept.get(self._real(path) or "")
        if found is None:
            return b""
        with self._contents.open("rb", buffering=0) as stream:
            stream.seek(found.offset)
            return stream.read(min(most, found.kept))

    def contents(self, most: int) -> Iterator[tuple[str, bytes]]:
        with self._contents.open("rb", buffering=0) as stream:
            for path in self.files:
                found = self._kept.get(self._real(path) or "")
                if found:
                    stream.seek(found.offset)
                    yield path, stream.read(min(most, found.kept))

    def put_on_disk(self, paths: Iterable[str]) -> Path:
        self.root.mkdir(exist_ok=True)
        for path in paths:
            place = self.root / path
            if path in self.files and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(self.read(path))
        return self.root

    def _real(self, path: str) -> str | None:
        """``path`` with all links on its way followed; ``None`` where they lead in circles or out of the release."""
        if not self._links:
            return path
        done: list[str] = []
        ahead, hops = path.split("/")[::-1], 0
        while ahead:
            done.append(ahead.pop())
            target = self._links.get("/".join(done))
            if target is not None:
                hops += 1
                plain = posixpath.normpath(posixpath.join("/".join(done[:-1]), target))
                if hops > _HOPS or plain.startswith("../") or plain == "..":
                    return None
                ahead += [part for part in plain.split("/")[::-1] if part != "."]
                done = []
        return "/".join(done)


def _is_left_out(path: str) -> bool:
    return not NOT_WALKED.isdisjoint(path.split("/")[:-1])


def _is_read(path: str) -> bool:
    return not _is_left_out(path) or path.endswith(_READ_IN_DEPENDENCIES)
