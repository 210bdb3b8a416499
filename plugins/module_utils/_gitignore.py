# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether git ignores a directory, by the .gitignore files of a release. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import cache

from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree


def ignored(tree: Tree, directory: str) -> bool:
    """Whether ``directory``, or one above it, is ignored; the last pattern that fits decides."""
    parts = directory.split("/")
    return any(_decided(tree, "/".join(parts[:depth])) for depth in range(1, len(parts) + 1))


def _decided(tree: Tree, directory: str) -> bool:
    verdict = False
    below = posixpath.dirname(directory)
    for home in _above(below):
        inside = posixpath.relpath(directory, home or ".")
        for expression, negated in _patterns(tree.text(posixpath.join(home, ".gitignore"))):
            if expression.fullmatch(inside):
                verdict = not negated
    return verdict


def _above(below: str) -> Iterator[str]:
    """The release itself, and the directories down to ``below``."""
    yield ""
    parts = below.split("/") if below else []
    yield from ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))


@cache
def _patterns(text: str) -> list[tuple[re.Pattern[str], bool]]:
    found = []
    for line in text.splitlines()[:2000]:
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            negated = pattern.startswith("!")
            found.append((_expression(pattern.lstrip("!").rstrip("/")), negated))
    return found


def _expression(pattern: str) -> re.Pattern[str]:
    # What is in a directory counts for the directory here: dist/* leaves nothing of it to commit.
    pattern = re.sub(r"(?<=[^/*])/\*{1,2}$", "", pattern)
    anchored = "/" in pattern.rstrip("/")
    form = re.escape(pattern.lstrip("/"))
    form = form.replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    form = re.sub(r"\\\[(.*?)\\\]", r"[\1]", form)
    try:
        return re.compile(form if anchored else f"(?:.*/)?{form}")
    except re.error:
        return re.compile(r"(?!)")
