# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An unpacked release as the rules read it: walked once, every file read at most once."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._archive import MAX_BYTES, MAX_FILES, wrapper
from ansible_collections.nodeops.pm2.plugins.module_utils._code import strip_code
from ansible_collections.nodeops.pm2.plugins.module_utils._members import members

NOT_WALKED = frozenset({"node_modules", ".git"})
LONGEST = 512 * 1024
_STRING = r'("(?:[^"\\\n]|\\.)*")'
_COMMENT = re.compile(_STRING + r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(_STRING + r"|,(?=\s*[}\]])")


class Tree:
    """The files of a release by their path relative to it, ``/`` between the parts.

    :param root: the directory.
    :param times: gives mtimes (seconds) by path where they say something; asked only by a rule that needs them.
    """

    def __init__(self, root: Path, times: Callable[[], Mapping[str, float]] = dict) -> None:
        self.root = root
        self._times = times
        self._texts: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._objects: dict[str, dict[str, Any]] = {}

    @cached_property
    def files(self) -> dict[str, int]:
        """Bytes by path of every file outside node_modules and .git, in the order of their paths."""
        found: dict[str, int] = {}
        queue = [""]
        while queue:
            below = queue.pop()
            with os.scandir(self.root / below) as entries:
                for entry in entries:
                    path = f"{below}/{entry.name}" if below else entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in NOT_WALKED:
                            queue.append(path)
                    elif entry.is_file():
                        found[path] = entry.stat().st_size
        return dict(sorted(found.items()))

    @cached_property
    def times(self) -> Mapping[str, float]:
        """mtimes in seconds by path; empty where they are not known."""
        return self._times()

    def exists(self, path: str) -> bool:
        """Whether there is a file or directory ``path``, inside node_modules too; nothing outside the release is."""
        plain = posixpath.normpath(path)
        return plain != ".." and not plain.startswith(("../", "/")) and os.path.exists(self.root / plain)

    def text(self, path: str) -> str:
        """The text of a file; empty where it is missing or longer than 512 KiB, which nobody wrote by hand."""
        if path not in self._texts:
            short = self.files.get(path, LONGEST + 1) <= LONGEST
            self._texts[path] = (self.root / path).read_text(encoding="utf-8", errors="replace") if short else ""
        return self._texts[path]

    def code(self, path: str) -> str:
        """The text of a file with comments and the insides of strings blanked out, without what is blank at its end.

        That end may be a source map of half a million characters.
        """
        if path not in self._codes:
            self._codes[path] = strip_code(self.text(path)).rstrip()
        return self._codes[path]

    def json(self, path: str, *, whole: bool = False) -> dict[str, Any]:
        """The object in a JSON file, comments and trailing commas allowed; empty where there is none.

        :param whole: read a file that is longer than 512 KiB as well, a lockfile; default no.
        """
        if path not in self._objects:
            long = whole and self.files.get(path, 0) > LONGEST
            try:
                found = json.loads((self.root / path).read_bytes() if long else _plain_json(self.text(path)))
            except ValueError:
                found = None
            self._objects[path] = found if isinstance(found, dict) else {}
        return self._objects[path]

    def package_of(self, path: str) -> str:
        """The directory of the nearest package.json at or above the file ``path``, as Node.js looks for it."""
        below = path.rpartition("/")[0]
        while below and f"{below}/package.json" not in self.files:
            below = below.rpartition("/")[0]
        return below

    def packages(self) -> list[str]:
        """The directories of all package.json files, the release's own first where it has one."""
        return [posixpath.dirname(path) for path in sorted(self.files) if posixpath.basename(path) == "package.json"]

    def line(self, path: str, number: int) -> str:
        """One line of a file, from 1, short enough to show."""
        lines = self.text(path).splitlines()
        return lines[number - 1].strip()[:160] if 0 < number <= len(lines) else ""


def archive_times(archive: Path) -> dict[str, float]:
    """mtimes in seconds of an archive's files, by their paths once unpacked; they do not survive the unpacking."""
    found = list(members(archive, max_bytes=MAX_BYTES, max_files=MAX_FILES))
    names = [posixpath.normpath(member.name) for member in found]
    top = wrapper({name: member.kind for name, member in zip(names, found) if name != "."})
    start = len(top) + 1 if top else 0
    return {name[start:]: member.mtime for name, member in zip(names, found) if member.kind == "file"}


def _plain_json(text: str) -> str:
    without_comments = _COMMENT.sub(lambda found: found[1] or "", text.lstrip("\ufeff"))
    return _TRAILING_COMMA.sub(lambda found: found[1] or "", without_comments)
