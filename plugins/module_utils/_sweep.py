# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One reading of every file of a release for all rules that look for words in them: within bounds, nothing kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from ansible_collections.nodeops.pm2.plugins.module_utils import _secrets
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

MOST_OF_ONE = 4 << 20  # bytes of each file
MOST_OF_ALL = 256 << 20
_HEAD = 1024
_OF_NO_INTEREST = (".map", ".css", ".svg", ".woff2")  # what stands in them stands elsewhere too, or is no text


@dataclass
class Swept:
    """Which files hold which words.

    :param hits: paths by word.
    :param read: bytes that were read.
    :param complete: whether all that was to be read was read.
    """

    hits: dict[bytes, list[str]] = field(default_factory=dict)
    read: int = 0
    complete: bool = True


@cache
def sweep(tree: Tree, words: tuple[bytes, ...]) -> Swept:
    """Look for ``words`` in the files outside node_modules, but for binary ones."""
    found = Swept({word: [] for word in words})
    for path, content in tree.contents(MOST_OF_ONE):
        if path.endswith(_OF_NO_INTEREST) or b"\0" in content[:_HEAD]:
            continue
        if found.read > MOST_OF_ALL:
            found.complete = False
            break
        found.read += len(content)
        for word in words:
            if word in content:
                found.hits[word].append(path)
    return found


def of(subject: Subject) -> Swept:
    """Where in a release there is a word that any rule looks for."""
    return sweep(subject.tree, (*_secrets.WORDS, *health_words(subject)))


def health_words(subject: Subject) -> tuple[bytes, ...]:
    """What has to stand somewhere for the health path to be known: its last part; empty where it has none."""
    last = [part for part in subject.health_path.partition("?")[0].split("/") if part]
    return (last[-1].encode(),) if last else ()


def paths(swept: Swept, words: Sequence[bytes]) -> list[str]:
    """The files that hold one of ``words``, each once."""
    return list(dict.fromkeys(path for word in words for path in swept.hits.get(word, ())))
