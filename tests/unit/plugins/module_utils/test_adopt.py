# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is copied of an app that somebody else runs, and what of their PM2's files is changed."""

from __future__ import annotations

import json
import os
import pwd
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _adopt, _adoption, _axon
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import link_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

ME = (os.getuid(), os.getgid())
SHARED = ["uploads", ".env"]


@pytest.fixture
def found(tmp_path: Path) -> _adoption.Found:
    """An app of a few files, with what does not belong into a release."""
    directory = tmp_path / "old"
    for name in ("src/server.js", ".git/HEAD", "uploads/deep/one.txt", "node_modules/.bin/x", ".env"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    os.mkfifo(directory / "pipe")
    return _adoption.Found("backend", (0,), str(directory), {}, {"API_KEY": "made-up"})


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "shop")


def test_all_of_it_is_packed_but_version_control_and_what_is_shared(found: _adoption.Found, layout: Layout) -> None:
    path = _adopt.pack(found, layout, shared=SHARED, owner=ME)
    with tarfile.open(path) as tar:
        files = {member.name for member in tar if member.isfile()}
    assert files == {"./src/server.js", "./node_modules/.bin/x"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert (layout.shared / "uploads/deep/one.txt").read_text() == "uploads/deep/one.txt"
    private = layout.shared / "adopted.env"
    assert (private.read_text(), private.stat().st_mode & 0o777) == ("API_KEY=made-up\n", 0o600)
    assert (Path(found.directory) / "uploads/deep/one.txt").exists()


def test_an_app_inside_its_new_root_does_not_pack_itself(found: _adoption.Found) -> None:
    path = _adopt.pack(found, Layout(Path(found.directory) / "new"), shared=[], owner=ME)
    with tarfile.open(path) as tar:
        assert not [member.name for member in tar if member.name.startswith("./new")]


def test_what_came_meanwhile_is_copied_and_what_is_there_is_left(found: _adoption.Found, layout: Layout) -> None:
    _adopt.seed(found, layout, shared=SHARED, owner=ME)
    (layout.shared / "uploads/deep/one.txt").write_text("changed by the new one")
    (Path(found.directory) / "uploads/two.txt").write_text("two")
    copied = _adopt.seed(found, layout, shared=SHARED, owner=ME)
    assert copied == [str(layout.shared / "uploads/two.txt")]
    assert (layout.shared / "uploads/deep/one.txt").read_text() == "changed by the new one"


def test_a_root_that_is_there_has_to_be_the_deploy_users(layout: Layout) -> None:
    _adopt.refuse_foreign(layout, "deploy", ME)
    layout.root.mkdir()
    _adopt.refuse_foreign(layout, "deploy", ME)
    with pytest.raises(DeployError, match="somebody else than deploy") as caught:
        _adopt.refuse_foreign(layout, "deploy", (54321, ME[1]))
    assert caught.value.seen == f"one of {pwd.getpwuid(ME[0]).pw_name}"
    assert caught.value.where == str(layout.root)


def test_what_is_deployed_is_not_adopted(found: _adoption.Found, layout: Layout) -> None:
    layout.root.mkdir()
    link_atomic(layout.current, "releases/r1")
    with pytest.raises(DeployError, match="deployed already"):
        _adopt.pack(found, layout, shared=[], owner=ME)


def test_its_pm2_forgets_it_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    records = [{"name": "backend", "pm_id": 4}, {"name": "other", "pm_id": 5}]
    monkeypatch.setattr(_axon, "call", lambda *_: records)
    monkeypatch.setattr(_axon, "calls", lambda _path, requests, **_: called.extend(requests))
    dump = tmp_path / "dump.pm2"
    dump.write_text(json.dumps([{"name": "backend", "secret": 1}, {"name": "other"}]))
    dump.chmod(0o600)
    changed = _adopt.forget(_adopt.Old(tmp_path, "backend"), timeout=1)
    assert called == [("deleteProcessId", 4)]
    assert changed == [str(dump)]
    assert json.loads(dump.read_text()) == [{"name": "other"}]
    assert dump.stat().st_mode & 0o777 == 0o600
    assert len(json.loads((tmp_path / "dump.pm2.before-adoption").read_text())) == 2


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="No PM2 daemon runs there"):
        _adopt.find(_adopt.Old(tmp_path, "backend"))
