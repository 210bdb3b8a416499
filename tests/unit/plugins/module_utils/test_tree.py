# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The walk and the readers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _tree
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import LONGEST, Tree


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


def test_what_leads_in_circles_or_out_of_the_release_is_no_file_of_it(tmp_path: Path) -> None:
    release = tmp_path / "release"
    release.mkdir()
    (tmp_path / "secret").write_text("")
    (release / "in.js").write_text("")
    for name, target in (("a", "b"), ("b", "a"), ("out", "../secret"), ("in", "in.js")):
        (release / name).symlink_to(target)
    assert list(Tree(release).files) == ["in", "in.js"]


@pytest.mark.parametrize("name", [b"new\nline.js", b"sp ace.js", b"caf\xe9.js", b"\x1b[31m.js"])
def test_any_name_can_be_read(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_text("const a = 1")
    tree = Tree(tmp_path)
    (path,) = tree.files
    assert (os.fsencode(path), tree.text(path)) == (name, "const a = 1")


def test_directories_deeper_than_a_path_can_name_are_noted(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("")
    here = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _depth in range(2500):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    tree = Tree(tmp_path)
    assert list(tree.files) == ["a.js"]
    assert list(tree.unread.values()) == ["File name too long"]
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_more_files_than_a_release_may_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tree, "MAX_FILES", 2)
    for name in "abc":
        (tmp_path / name).write_text("")
    with pytest.raises(DeployError, match="at most 2 files"):
        _ = Tree(tmp_path).files


def test_what_cannot_be_read_is_noted(tree_of: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tree_of({"a.js": "x"})

    def refuse(*_args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(_tree, "open", refuse, raising=False)
    assert (tree.text("a.js"), tree.unread) == ("", {"a.js": "Permission denied"})


def test_what_was_read_lately_is_kept_up_to_a_number_of_characters() -> None:
    recent = _tree._Recent(1000)
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name * 300

    for name in ("a", "b", "a", "c", "a", "b"):
        assert recent.get(("text", name), partial(make, name), len) == name * 300
    assert made == ["a", "b", "c", "b"]


def test_files_with_an_ending_are_found_in_dependencies_too(tree_of: Callable[..., Tree]) -> None:
    tree = tree_of(
        dict.fromkeys(("a.node", "p/q/b.js", "node_modules/x/node_modules/y/c.node", "p/node_modules/d.node"), "")
    )
    assert sorted(tree.everywhere(".node")) == [
        "a.node",
        "node_modules/x/node_modules/y/c.node",
        "p/node_modules/d.node",
    ]
