# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An unpacked release as the rules read it: walked once, what was read lately kept, memory bounded."""

from __future__ import annotations

import json
import os
import posixpath
import re
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.nodeops.pm2.plugins.module_utils._code import strip_code, top_level
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._unpack import MAX_FILES

NOT_WALKED = frozenset({"node_modules", ".git"})
LONGEST = 512 * 1024
LONGEST_WHOLE = 16 << 20  # bytes of a lockfile that are read
_ROOM = 24 << 20  # characters that are kept of the texts that were read lately
_ROOM_OBJECTS = 8 << 20  # as above, of what JSON files hold
_STRING = r'("(?:[^"\\\n]|\\.)*")'
_COMMENT = re.compile(_STRING + r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(_STRING + r"|,(?=\s*[}\]])")

T = TypeVar("T")


class Tree:
    """The files of a release by their path relative to it, ``/`` between the parts.

    :param root: the directory.
    :param times: gives mtimes (seconds) by path where they say something; asked only by a rule that needs them.
    """

    def __init__(self, root: Path, times: Callable[[], Mapping[str, float]] = dict) -> None:
        self.root = root
        self.unread: dict[str, str] = {}  # why, by path
        self._times = times
        self._recent = _Recent(_ROOM)
        self._objects = _Recent(_ROOM_OBJECTS)

    @cached_property
    def files(self) -> dict[str, int]:
        """Bytes by path of every file outside node_modules and .git, in the order of their paths."""
        found = {path: entry.stat().st_size for path, entry in self._walk("", NOT_WALKED)}
        return dict(sorted(found.items()))

    @cached_property
    def times(self) -> Mapping[str, float]:
        """mtimes in seconds by path; empty where they are not known."""
        return self._times()

    @cached_property
    def modes(self) -> Mapping[str, int]:
        """Permission bits by path of every file."""
        return {path: os.lstat(self.root / path).st_mode & 0o7777 for path in self.files}

    @property
    def staged(self) -> bool:
        """Whether files have the permission bits that they will run with; those in an archive get others."""
        return True

    @cached_property
    def directories(self) -> Mapping[str, list[str]]:
        """Names of the files that lie right in each directory."""
        found: dict[str, list[str]] = {}
        for path in self.files:
            below, _slash, name = path.rpartition("/")
            found.setdefault(below, []).append(name)
        return found

    def beginning(self, start: str) -> Iterator[str]:
        """The files whose paths begin with ``start``."""
        for index in range(bisect_left(self._names, start), len(self._names)):
            if not self._names[index].startswith(start):
                return
            yield self._names[index]

    @cached_property
    def _names(self) -> list[str]:
        return list(self.files)

    def everywhere(self, suffix: str) -> list[str]:
        """The files whose names end with ``suffix``, those in node_modules among them."""
        found = [path for path in self.files if path.endswith(suffix)]
        tops = {below for path in self.directories for below in _and_above(path)} | {""}
        for below in sorted(posixpath.join(top, "node_modules") for top in tops):
            if os.path.isdir(self.root / below) and not os.path.islink(self.root / below):
                found += [path for path, _entry in self._walk(below, frozenset()) if path.endswith(suffix)]
        return found

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory ``path``, inside node_modules too; nothing outside the release is."""
        plain = posixpath.normpath(path)
        return plain != ".." and not plain.startswith(("../", "/")) and os.path.exists(self.root / plain)

    def read(self, path: str, most: int = LONGEST_WHOLE) -> bytes:
        """The first ``most`` bytes of a file, inside node_modules too; none where it cannot be read, which is noted."""
        try:
            with open(self.root / path, "rb") as stream:
                return stream.read(most)
        except FileNotFoundError:
            return b""
        except OSError as error:
            self.unread[path] = error.strerror or str(error)
            return b""

    def contents(self, most: int) -> Iterator[tuple[str, bytes]]:
        """Every file of :attr:`files` and its first ``most`` bytes, read one after the other and not kept."""
        for path in self.files:
            yield path, self.read(path, most)

    def put_on_disk(self, paths: Iterable[str]) -> Path:
        """See to it that these files lie below the directory that is returned."""
        del paths
        return self.root

    def text(self, path: str) -> str:
        """The text of a file; empty where it is missing or longer than 512 KiB, which nobody wrote by hand."""
        if self.files.get(path, LONGEST + 1) > LONGEST:
            return ""
        return self._recent.get(("text", path), lambda: self.whole_text(path), len)

    def whole_text(self, path: str) -> str:
        """The text of a file of up to 16 MiB, a lockfile; read anew each time."""
        return self.read(path).decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")

    def code(self, path: str) -> str:
        """The text of a file with comments and the insides of strings blanked out, without what is blank at its end.

        That end may be a source map of half a million characters.
        """
        return self._recent.get(("code", path), lambda: strip_code(self.text(path)).rstrip(), len)

    def outside(self, path: str) -> str:
        """The code of a file outside all braces."""
        return self._recent.get(("outside", path), lambda: top_level(self.code(path)), len)

    def json(self, path: str, *, whole: bool = False) -> dict[str, Any]:
        """The object in a JSON file, comments and trailing commas allowed; empty where there is none.

        :param whole: read a file that is longer than 512 KiB as well, a lockfile; default no.
        """
        size = self.files.get(path, 0)
        if size > (LONGEST_WHOLE if whole else LONGEST):
            return {}
        return self._objects.get(("json", path), lambda: self._parse(path, size), lambda _value: 4 * size)

    def package_of(self, path: str) -> str:
        """The directory of the nearest package.json at or above the file ``path``, as Node.js looks for it."""
        below = path.rpartition("/")[0]
        while below and f"{below}/package.json" not in self.files:
            below = below.rpartition("/")[0]
        return below

    def packages(self) -> list[str]:
        """The directories of all package.json files, the release's own first where it has one."""
        return self._packages

    @cached_property
    def _packages(self) -> list[str]:
        return sorted(below for below, names in self.directories.items() if "package.json" in names)

    def line(self, path: str, number: int) -> str:
        """One line of a file, from 1, short enough to show."""
        lines = self.text(path).splitlines()
        return lines[number - 1].strip()[:160] if 0 < number <= len(lines) else ""

    def _parse(self, path: str, size: int) -> dict[str, Any]:
        try:
            found = json.loads(self.whole_text(path) if size > LONGEST else _plain_json(self.text(path)))
        except (ValueError, RecursionError):
            found = None
        return found if isinstance(found, dict) else {}

    def _walk(self, top: str, leave_out: frozenset[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """Every file below ``top``; so is a link to one, unless it leaves the release or leads in circles."""
        count, queue = 0, [top]
        while queue:
            below = queue.pop()
            for entry in self._entries(below):
                path = f"{below}/{entry.name}" if below else entry.name
                if entry.is_dir(follow_symlinks=False):
                    queue += [] if entry.name in leave_out else [path]
                elif self._is_file(entry):
                    count += 1
                    if count > MAX_FILES:
                        raise _too_many(self.root)
                    yield path, entry

    def _entries(self, below: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / below) as entries:
                return list(entries)
        except OSError as error:  # closed to us, or deeper than a path can name
            self.unread[below[-300:]] = error.strerror or str(error)
            return []

    def _is_file(self, entry: os.DirEntry[str]) -> bool:
        if not entry.is_symlink():
            return entry.is_file()
        try:
            return entry.is_file() and os.path.realpath(entry.path).startswith(f"{os.path.realpath(self.root)}/")
        except OSError:
            return False  # it leads in circles


class _Recent:
    """Values by key, the most recently used up to a number of characters."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._values: OrderedDict[tuple[str, str], tuple[Any, int]] = OrderedDict()

    def get(self, key: tuple[str, str], make: Callable[[], T], size_of: Callable[[T], int]) -> T:
        if key in self._values:
            self._values.move_to_end(key)
            kept: T = self._values[key][0]
            return kept
        value = make()
        size = size_of(value) + 200
        self._values[key] = value, size
        self._room -= size
        while self._room < 0 and len(self._values) > 1:
            self._room += self._values.popitem(last=False)[1][1]
        return value


def _and_above(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition("/")[0]


def _too_many(root: Path) -> DeployError:
    return DeployError(
        "The directory holds more files than a release may.",
        expected=f"at most {MAX_FILES} files",
        seen="more",
        where=str(root),
        remedy="Check the release itself, not a directory above it.",
    )


def _plain_json(text: str) -> str:
    without_comments = _COMMENT.sub(lambda found: found[1] or "", text.lstrip("\ufeff"))
    return _TRAILING_COMMA.sub(lambda found: found[1] or "", without_comments)
