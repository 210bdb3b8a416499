# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every file is read once for all that is looked for, and within bounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _sweep
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry, Subject
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

FILES = {"a.js": "one two", "b.txt": "two", "c.js.map": "one", "node_modules/d.js": "one", "e.css": "one"}


def test_what_is_found_where(tree_of: Callable[..., Tree], tmp_path: Path) -> None:
    tree = tree_of(FILES)
    (tmp_path / "binary").write_bytes(b"\0one")
    swept = _sweep.sweep(tree, (b"one", b"two", b"three"))
    assert swept.hits == {b"one": ["a.js"], b"two": ["a.js", "b.txt"], b"three": []}
    assert _sweep.paths(swept, [b"one", b"two"]) == ["a.js", "b.txt"]
    assert (swept.complete, swept.read) == (True, 10)


def test_no_more_is_read_than_a_bound(tree_of: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sweep, "MOST_OF_ALL", 6)
    monkeypatch.setattr(_sweep, "MOST_OF_ONE", 5)
    swept = _sweep.sweep(tree_of(dict.fromkeys("abcdef", "0123456789")), (b"45", b"4"))
    assert (swept.complete, swept.read, swept.hits) == (False, 10, {b"45": [], b"4": ["a", "b"]})


@pytest.mark.parametrize(
    ("path", "words"),
    [("/health", (b"health",)), ("/api/v1/ready?full=1", (b"ready",)), ("/", ()), ("", ()), ("/a/", (b"a",))],
)
def test_what_a_health_path_has_to_stand_for(tree_of: Callable[..., Tree], path: str, words: tuple[bytes, ...]) -> None:
    assert _sweep.health_words(Subject(tree_of({}), Entry("a.js"), health_path=path)) == words
