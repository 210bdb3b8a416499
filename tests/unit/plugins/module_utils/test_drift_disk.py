# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The live release on a real disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _manifest, _meant, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._drift_disk import read_disk
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An app with a live release and what a deploy writes into one."""
    layout = Layout(tmp_path / "shop")
    tree = layout.release("r1")
    for name in (
        "a.js", "REVISION", "ecosystem.config.cjs", ".release/socket.cjs", "node_modules/x/index.js", "src/b.js",
        "src/node_modules/y.js",
    ):  # fmt: skip
        path = tree.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tree.path / "uploads").symlink_to("../../shared/uploads")
    (tree.path / "link").symlink_to("a.js")
    files = {name: _manifest.sha256(tree.path / name) for name in ("a.js", "src/b.js")}
    shipped = {**files, "link": "link:a.js"}
    _manifest.write(tree, _manifest.Manifest("r1", "0123", "0", shipped, dependencies="abc", shared=["uploads"]))
    layout.current.symlink_to("releases/r1")
    return layout


def test_a_release_as_it_was_shipped(layout: Layout) -> None:
    disk = read_disk(layout)
    assert (disk.live, disk.path, disk.releases) == ("r1", str(layout.release("r1").path), ("r1",))
    assert disk.shipped == disk.found
    assert set(disk.shipped) == {"a.js", "src/b.js", "link", "uploads"}
    assert disk.foreign == ()


def test_what_was_edited_removed_and_added(layout: Layout) -> None:
    tree = layout.release("r1").path
    (tree / "a.js").write_text("edited")
    (tree / "src/b.js").unlink()
    (tree / "dist").mkdir()
    (tree / "dist/old.js").write_text("")
    (tree / ".hidden").write_text("")
    (tree / "uploads/x").parent.parent.joinpath("uploads").unlink()
    (tree / "uploads").mkdir()
    disk = read_disk(layout)
    assert disk.shipped is not None
    assert {path for path in disk.shipped if disk.found.get(path) != disk.shipped[path]} == {
        *("a.js", "src/b.js"),
        "uploads",  # a directory of its own in place of the link would be gone with the release
    }
    assert sorted(disk.foreign) == [".hidden", "dist/old.js"]


def test_dependencies_that_were_shipped_are_files_like_others(layout: Layout) -> None:
    tree = layout.release("r1")
    manifest = _manifest.read(tree)
    assert manifest is not None
    _manifest.write(tree, _manifest.Manifest(**{**vars(manifest), "dependencies": ""}))
    assert sorted(read_disk(layout).foreign) == ["node_modules/x/index.js", "src/node_modules/y.js"]


def test_what_the_deploy_wrote_counts_as_well(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = layout.release("r1")
    tree.ecosystem_for("blue").write_text("ecosystem.config.cjs")
    texts = {".release/ecosystem.blue.cjs": "ecosystem.config.cjs", ".release/socket.cjs": ".release/socket.cjs"}
    _meant.write(tree, texts, ecosystems=[], node="/nowhere/node")
    (tree.path / "REVISION").write_text("0123\n")
    monkeypatch.setattr(_state, "slot_name", lambda _tree: "blue")
    written = {*texts, "REVISION", "ecosystem.config.cjs"}
    disk = read_disk(layout)
    assert disk.shipped == disk.found
    assert written < set(disk.found)
    for name in written:
        before = (tree.path / name).read_text()
        (tree.path / name).write_text(f"{before} edited")
        disk = read_disk(layout)
        assert [path for path in disk.found if disk.found[path] != (disk.shipped or {})[path]] == [name]
        (tree.path / name).write_text(before)


def test_nothing_live_and_no_manifest(layout: Layout) -> None:
    layout.release("r1").manifest.unlink()
    assert (read_disk(layout).live, read_disk(layout).shipped) == ("r1", None)
    layout.current.unlink()
    assert (read_disk(layout).live, read_disk(layout).releases) == ("", ("r1",))
