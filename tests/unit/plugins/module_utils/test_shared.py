# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _shared
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.shared.mkdir()
    layout.release("r1").path.mkdir(parents=True)
    return layout


@pytest.mark.parametrize(
    "name", ["/etc", "..", "../other", "a/../../b", "a/..", "", ".", "./", ".release/x", "REVISION"]
)
def test_what_is_not_the_apps_own_is_never_shared(name: str) -> None:
    with pytest.raises(DeployError) as refused:
        _shared.refuse_outside(["uploads", name])
    assert repr(name) in str(refused.value)


@pytest.mark.parametrize("name", ["uploads", "uploads/", "./uploads", "a/b", "..uploads", ".env", ".released"])
def test_the_apps_own_may_be(name: str) -> None:
    _shared.refuse_outside([name])


def test_links_lead_into_shared_by_relative_paths(layout: Layout) -> None:
    (layout.shared / ".env").write_text("A=1")
    tree = layout.release("r1")
    assert _shared.link(layout, tree, directories=["public/uploads/"], files=[".env"]) == ["public/uploads", ".env"]
    assert os.readlink(tree.path / "public/uploads") == "../../../shared/public/uploads"
    assert (layout.shared / "public/uploads").is_dir()
    assert (tree.path / ".env").read_text() == "A=1"


def test_what_was_shipped_gives_way_and_what_is_shared_stays(layout: Layout) -> None:
    shipped = layout.release("r1").path / "uploads"
    shipped.mkdir()
    (shipped / "sample.png").touch()
    (layout.shared / "uploads").mkdir()
    (layout.shared / "uploads" / "mine.png").touch()
    _shared.link(layout, layout.release("r1"), directories=["uploads"], files=[])
    assert os.listdir(shipped) == ["mine.png"]


def test_a_shared_file_that_nobody_put_there_is_refused(layout: Layout) -> None:
    with pytest.raises(DeployError, match="shared file does not exist") as refused:
        _shared.link(layout, layout.release("r1"), directories=[], files=[".env"])
    assert str(layout.shared / ".env") in str(refused.value)


@pytest.mark.parametrize(
    ("path", "expected"), [("a/b", True), ("a/b/c", True), ("a", False), ("a/bc", False), ("x/a/b", False)]
)
def test_below_means_the_path_or_what_lies_in_it(path: str, expected: bool) -> None:
    assert _shared.is_below(path, ["z", "a/b"]) is expected
