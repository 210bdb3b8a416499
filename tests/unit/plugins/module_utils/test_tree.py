# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The walk, the readers, and the times an archive holds."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._tree import LONGEST, Tree, archive_times


def test_the_walk_leaves_out_dependencies_and_git(tree_of: Callable[..., Tree], tmp_path: Path) -> None:
    tree = tree_of({"b.js": "12", "a/c.js": "", "node_modules/x/i.js": "", "a/node_modules/y.js": "", ".git/HEAD": ""})
    (tmp_path / "link.js").symlink_to("b.js")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "gone").symlink_to("nowhere")
    assert tree.files == {"a/c.js": 0, "b.js": 2, "link.js": 2}


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("b.js", True),
        ("./a", True),
        ("node_modules/x/i.js", True),
        ("c.js", False),
        ("../b.js", False),
        ("/etc", False),
    ],
)
def test_exists_looks_into_node_modules_but_not_outside(tree_of: Callable[..., Tree], path: str, there: bool) -> None:
    assert tree_of({"b.js": "", "a/c.js": "", "node_modules/x/i.js": ""}).exists(path) is there


def test_long_files_have_no_text(tree_of: Callable[..., Tree]) -> None:
    tree = tree_of({"long.js": "x" * (LONGEST + 1), "short.js": "x" * LONGEST})
    assert (tree.text("long.js"), len(tree.text("short.js")), tree.text("none.js")) == ("", LONGEST, "")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('{"a": "// b", /* c */ "d": [1, 2,],}', {"a": "// b", "d": [1, 2]}),
        ('\ufeff{"a": "x,]"}', {"a": "x,]"}),
        ('{"a": "\\", ]"}', {"a": '", ]'}),
        ("[1]", {}),
        ("{broken", {}),
    ],
)
def test_json_with_comments(tree_of: Callable[..., Tree], text: str, meant: object) -> None:
    assert tree_of({"tsconfig.json": text}).json("tsconfig.json") == meant


@pytest.mark.parametrize(("path", "below"), [("a/b/c.js", "a"), ("x/y.js", ""), ("a/package.json", "a")])
def test_the_nearest_package(tree_of: Callable[..., Tree], path: str, below: str) -> None:
    assert tree_of({"package.json": "{}", "a/package.json": "{}"}).package_of(path) == below


@pytest.mark.parametrize("top", ["", "package/"])
def test_times_of_a_tar_by_the_path_once_unpacked(tmp_path: Path, top: str) -> None:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("package.json", "src/a.ts"):
            info = tarfile.TarInfo(f"{top}{name}")
            info.mtime = 1000
            archive.addfile(info, io.BytesIO())
    assert archive_times(path) == {"package.json": 1000.0, "src/a.ts": 1000.0}


def test_times_of_a_zip_can_be_compared(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("./a.ts", (2026, 1, 1, 10, 0, 30)), "")
        archive.writestr(zipfile.ZipInfo("a.js", (2026, 1, 1, 10, 0, 0)), "")
    times = archive_times(path)
    assert times["a.ts"] - times["a.js"] == 30
