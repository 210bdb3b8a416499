# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release read out of its archive is the one that unpacking would give. Hostile archives: see test_archive.py."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _pack
from ansible_collections.nodeops.pm2.plugins.module_utils._archive import extract
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

FILES = {
    "package.json": "{}",
    "src/a.ts": "export {}\r\n",
    "src/deep/b.ts": "",
    "node_modules/x/package.json": "{}",
    "node_modules/x/index.js": "x",
    "node_modules/x/x.node": "elf",
    ".git/HEAD": "",
}
LINKS = {
    "link.ts": "src/a.ts",
    "dir": "src",
    "src/up.json": "../package.json",
    "twice.ts": "dir/a.ts",
    "circle": "circle",
    "one": "two",
    "two": "one",
    "gone": "nowhere",
}


@pytest.fixture(params=["", "package/"])
def archive(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in FILES.items():
            info = tarfile.TarInfo(request.param + name)
            info.size, info.mtime, info.mode = len(text), 1000, 0o666
            tar.addfile(info, io.BytesIO(text.encode()))
        for name, target in LINKS.items():
            info = tarfile.TarInfo(request.param + name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return path


@pytest.fixture
def trees(archive: Path, tmp_path: Path) -> tuple[Tree, Tree]:
    """The same release packed and unpacked."""
    for name in ("look", "release"):
        (tmp_path / name).mkdir()
    extract(archive, tmp_path / "release")
    return _pack.pack(archive, tmp_path / "look"), Tree(tmp_path / "release")


def test_files_and_contents_are_the_same(trees: tuple[Tree, Tree]) -> None:
    packed, unpacked = trees
    assert packed.files == unpacked.files
    assert {path: packed.text(path) for path in packed.files} == {path: unpacked.text(path) for path in packed.files}
    assert packed.everywhere(".node") == unpacked.everywhere(".node") == ["node_modules/x/x.node"]
    assert packed.read("node_modules/x/x.node", 2) == b"el"
    assert packed.read("none") == b""


@pytest.mark.parametrize(
    "path",
    [
        "src", "src/", ".", "src/a.ts", "dir/a.ts", "dir/deep/b.ts", "twice.ts", "node_modules/x/index.js", "gone",
        "circle", "one", "src/c.ts", "../a.tar.gz", "/etc", "..",
    ],
)  # fmt: skip
def test_the_same_exists(trees: tuple[Tree, Tree], path: str) -> None:
    packed, unpacked = trees
    assert packed.exists(path) is unpacked.exists(path)


def test_times_and_modes_are_those_of_the_archive(trees: tuple[Tree, Tree]) -> None:
    packed, unpacked = trees
    assert (packed.times["src/a.ts"], packed.modes["src/a.ts"], packed.staged) == (1000.0, 0o666, False)
    assert (unpacked.times, unpacked.modes["src/a.ts"], unpacked.staged) == ({}, 0o644, True)


def test_only_what_is_asked_for_is_put_on_disk(trees: tuple[Tree, Tree], tmp_path: Path) -> None:
    packed = trees[0]
    where = packed.put_on_disk(["src/a.ts", "none"])
    assert [path for path in where.rglob("*") if path.is_file()] == [where / "src/a.ts"]
    assert (where / "src/a.ts").read_bytes() == b"export {}\r\n"
    assert sorted(os.listdir(tmp_path / "look")) == ["contents", "release"]


def test_no_more_than_the_first_bytes_of_a_file_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pack, "LONGEST_WHOLE", 1000)
    monkeypatch.setattr(_pack, "CHUNK", 400)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("big.bin", bytes(100_000))
        packed.writestr("b.js", "next")
    tree = _pack.pack(tmp_path / "a.zip", tmp_path)
    assert tree.files == {"b.js": 4, "big.bin": 100_000}
    assert (tree.text("b.js"), len(tree.read("big.bin"))) == ("next", 1200)
    assert (tmp_path / "contents").stat().st_size == 1204


def test_times_of_a_zip_can_be_compared(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("./a.ts", (2026, 1, 1, 10, 0, 30)), "")
        archive.writestr(zipfile.ZipInfo("a.js", (2026, 1, 1, 10, 0, 0)), "")
    times = _pack.pack(path, tmp_path).times
    assert times["a.ts"] - times["a.js"] == 30
