# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PM2 is told, read back from real ecosystem files by a real Node.js."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _manifest, _meant
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import ReleaseTree

APP = {
    "name": "shop-{slot}",
    "cwd": "/srv/shop/releases/r1",
    "script": "/srv/shop/releases/r1/app.js",
    "interpreter": "node",
    "env": {"BLUEGREEN_RELEASE": "r1", "A": "hunter2"},
}
OWN = """\
// written by hand
const app = {app};
module.exports = {{ apps: [{{ ...app, env: {{ ...app.env, MINE: '1' }} }}] }};
"""


@pytest.fixture
def tree(tmp_path: Path) -> ReleaseTree:
    tree = ReleaseTree(tmp_path / "r1")
    tree.private.mkdir(parents=True)
    return tree


def put(tree: ReleaseTree, node: str, form: str = "module.exports = {{ apps: [{app}] }};\n") -> dict[str, str]:
    """Ecosystem files for both slots, and what is written down of them."""
    texts = {}
    for slot in ("blue", "green"):
        path = tree.ecosystem_for(slot)
        path.write_text(form.format(app=json.dumps({**APP, "name": f"shop-{slot}"})))
        texts[str(path.relative_to(tree.path))] = path.read_text()
    _meant.write(tree, texts, ecosystems=[tree.path / path for path in texts], node=node)
    return texts


def test_the_process_of_each_slot_and_no_value(tree: ReleaseTree, node: str) -> None:
    put(tree, node)
    meant = _meant.read(tree, slot="green")
    assert [kept.name for kept in meant.processes] == ["shop-blue", "shop-green"]
    green = meant.process("shop-green")
    assert green is not None
    assert (green.script, green.release) == (APP["script"], "r1")
    assert green.env == {"A", "BLUEGREEN_RELEASE"}
    assert meant.process("shop-spare") is None
    assert "hunter2" not in tree.meant.read_text()
    assert os.stat(tree.meant).st_mode & 0o777 == 0o600


def test_what_a_template_of_ones_own_adds_is_meant_too(tree: ReleaseTree, node: str) -> None:
    put(tree, node, OWN)
    blue = _meant.read(tree, slot="blue").process("shop-blue")
    assert blue is not None
    assert "MINE" in blue.env


def test_every_text_by_its_hash_and_the_started_one_under_the_name_that_pm2_gets(tree: ReleaseTree, node: str) -> None:
    texts = put(tree, node)
    tree.ecosystem.write_text(tree.ecosystem_for("green").read_text())
    files = _meant.read(tree, slot="green").files
    assert set(files) == {*texts, "ecosystem.config.cjs"}
    assert files == _manifest.fingerprints(tree, files)
    assert set(_meant.read(tree, slot="").files) == set(texts)
    assert set(_meant.read(tree, slot="spare").files) == set(texts)


@pytest.mark.parametrize(
    "form", ["module.exports = {{", "throw new Error('{app}')", "module.exports = {{ apps: [1] }}"]
)
def test_what_cannot_be_read_is_not_known(tree: ReleaseTree, node: str, form: str) -> None:
    texts = put(tree, node, form)
    meant = _meant.read(tree, slot="")
    assert (meant.processes, set(meant.files)) == ((), set(texts))


def test_without_node_and_before_there_was_such_a_thing(tree: ReleaseTree) -> None:
    assert _meant.read(tree, slot="blue") == _meant.Meant()
    put(tree, "/nowhere/node")
    assert _meant.read(tree, slot="blue").processes == ()
