# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What git would ignore, by patterns as people write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._gitignore import ignored
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree


@pytest.mark.parametrize(
    ("text", "directory", "so"),
    [
        ("dist", "dist", True),
        ("dist/", "dist", True),
        ("/dist", "dist", True),
        ("**/dist", "dist", True),
        ("dist/*", "dist", True),
        ("dist/**", "dist", True),
        ("*", "dist", True),
        ("d?st", "dist", True),
        ("[db]ist", "dist", True),
        ("  dist  \n", "dist", True),
        ("dist", "packages/api/dist", True),
        ("packages/*/dist", "packages/api/dist", True),
        ("packages", "packages/api/dist", True),
        ("/dist", "packages/api/dist", False),
        ("# dist", "dist", False),
        ("dist\n!dist", "dist", False),
        ("!dist\ndist", "dist", True),
        ("dist.js", "dist", False),
        ("dis", "dist", False),
        ("[", "dist", False),
        ("", "dist", False),
    ],
)
def test_ignored(tree_of: Callable[..., Tree], text: str, directory: str, so: bool) -> None:
    assert ignored(tree_of({".gitignore": text}), directory) is so


def test_a_nearer_file_decides(tree_of: Callable[..., Tree]) -> None:
    tree = tree_of({".gitignore": "dist", "api/.gitignore": "!/dist", "web/.gitignore": "/out"})
    assert [ignored(tree, path) for path in ("dist", "api/dist", "web/dist", "web/out", "out")] == [
        True, False, True, True, False,
    ]  # fmt: skip
