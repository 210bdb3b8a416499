# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Staging from a real archive, without an installation."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _dependencies,
    _ledger,
    _manifest,
    _prune,
    _recovery,
    _stage,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import link_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

FILES = {"package.json": "{}", "server.js": "1\n", "uploads/sample.png": "png", "REVISION": "from the archive\n"}
ECOSYSTEMS = {"blue": "blue's text", "green": "green's text"}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    root = tmp_path / "shop"
    root.mkdir()
    return Layout(root)


def pack(path: Path, files: Mapping[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def order(tmp_path: Path) -> _stage.Order:
    archive = pack(tmp_path / "artifact.tar.gz", FILES)
    return _stage.Order(
        release="r1",
        revision="abc1234",
        archive=archive,
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
        ecosystems=ECOSYSTEMS,
        record="how it is run",
        shared_dirs=["uploads/"],
        shared_files=[],
        install=False,
        install_args=[],
        install_timeout=60,
        node="node",
        check_skip=[],
        by="ann@laptop",
    )


def snapshot(directory: Path) -> dict[str, bytes]:
    """Every file below ``directory``, with its content; links by their target."""
    return {
        str(path.relative_to(directory)): os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        for path in directory.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_a_release_is_made_of_the_archive_and_of_ours(layout: Layout, order: _stage.Order) -> None:
    done = _stage.stage(layout, order)
    tree = layout.release("r1")
    assert done == _stage.Staged(True, "staged r1", "")
    assert (tree.path / "server.js").read_text() == "1\n"
    assert tree.revision.read_text() == "abc1234\n"
    assert [tree.ecosystem_for(slot).read_text() for slot in ECOSYSTEMS] == list(ECOSYSTEMS.values())
    assert "rmSync(env.PORT" in (tree.private / "socket.cjs").read_text()
    assert (layout.root / "logs").is_dir()


def test_preloads_lie_beside_our_own_files_and_change_no_release(layout: Layout, order: _stage.Order) -> None:
    with_preload = dataclasses.replace(order, preloads={"sentry.mjs": "// v1\n"})
    _stage.stage(layout, with_preload)
    assert (layout.release("r1").private / "sentry.mjs").read_text() == "// v1\n"
    newer = dataclasses.replace(order, preloads={"sentry.mjs": "// v2\n"})
    assert not _stage.plan(layout, newer).changed, "a newer collection is no reason to refuse what is live"


@pytest.mark.parametrize("name", ["../x.mjs", "/x.mjs", "app.json", "x.js", ".mjs", "a/b.mjs", "socket.cjs"])
def test_what_would_lie_elsewhere_is_refused(layout: Layout, order: _stage.Order, name: str) -> None:
    with pytest.raises(DeployError, match="name of a preload"):
        _stage.stage(layout, dataclasses.replace(order, preloads={name: ""}))
    assert not layout.releases.exists()


def test_the_manifest_vouches_for_what_was_shipped_and_stays(layout: Layout, order: _stage.Order) -> None:
    _stage.stage(layout, order)
    manifest = _manifest.read(layout.release("r1"))
    assert manifest is not None
    assert manifest.files == {
        name: hashlib.sha256(FILES[name].encode()).hexdigest() for name in ("package.json", "server.js")
    }
    assert (manifest.id, manifest.revision, manifest.artifact_sha256) == ("r1", "abc1234", order.sha256)
    assert (manifest.shared, manifest.by) == (["uploads"], "ann@laptop")


@pytest.mark.parametrize(("skip", "detail"), [([], {}), (["dist_stale"], {"check_skip": ["dist_stale"]})])
def test_the_ledger_hears_of_it(layout: Layout, order: _stage.Order, skip: list[str], detail: dict[str, Any]) -> None:
    _stage.stage(layout, dataclasses.replace(order, check_skip=skip))
    (entry,) = _ledger.read(layout.ledger)
    assert (entry.event, entry.release, entry.by) == ("staged", "r1", "ann@laptop")
    known = {"revision": "abc1234", "artifact_sha256": order.sha256, "content": entry.detail["content"]}
    assert entry.detail == {**known, **detail}


def test_it_hears_of_one_that_is_staged_anew_once_it_was_pruned(layout: Layout, order: _stage.Order) -> None:
    for _turn in range(2):
        _stage.stage(layout, order)
        _prune.carry_out(layout, ["r1"], by="ann@laptop")
    assert [entry.event for entry in _ledger.read(layout.ledger)] == ["staged", "pruned"] * 2


def test_two_releases_of_the_same_code_and_settings_are_told_from_others(
    layout: Layout, order: _stage.Order, tmp_path: Path
) -> None:
    def staged(release: str, port: int, **change: Any) -> str:
        ecosystems = {"blue": f"cwd: '/srv/releases/{release}/x', PORT: {port}, args: 'r1x not-r1'"}
        _stage.stage(layout, dataclasses.replace(order, release=release, ecosystems=ecosystems, **change))
        return _ledger.contents(_ledger.read(layout.ledger))[release]

    other = pack(tmp_path / "other.tar.gz", {**FILES, "server.js": "2\n"})
    again = pack(tmp_path / "again.tar.gz", dict(reversed(FILES.items())))
    first = staged("r1", 1)
    assert first == staged("20261123T101500-abc1234", 1) == staged("r2", 1, archive=again, sha256="b", revision="x")
    assert len({first, staged("r3", 2), staged("r4", 1, archive=other, sha256="c")}) == 3


def test_the_manifest_is_written_last(layout: Layout, order: _stage.Order, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = layout.release("r1")
    before: list[dict[str, bytes]] = []
    write = _manifest.write

    def seal(*given: Any) -> None:
        before.append(snapshot(tree.path))
        write(*given)

    monkeypatch.setattr(_manifest, "write", seal)
    _stage.stage(layout, order)
    sealed = snapshot(tree.path)
    assert sealed.pop(".release/manifest.json")
    assert before == [sealed]


def test_the_same_again_changes_nothing(layout: Layout, order: _stage.Order) -> None:
    _stage.stage(layout, order)
    before = snapshot(layout.root)
    inode = layout.release("r1").ecosystem_for("blue").stat().st_ino
    assert _stage.stage(layout, order) == _stage.Staged(False, "r1 is staged", "")
    assert snapshot(layout.root) == before
    assert layout.release("r1").ecosystem_for("blue").stat().st_ino == inode, "it was written again"


def test_a_plan_touches_nothing(layout: Layout, order: _stage.Order) -> None:
    assert _stage.plan(layout, order) == _stage.Staged(True, "stages r1")
    assert list(layout.root.iterdir()) == []


def test_another_artifact_is_never_merged_into_a_release(layout: Layout, order: _stage.Order) -> None:
    _stage.stage(layout, order)
    before = snapshot(layout.root)
    with pytest.raises(DeployError, match="another build"):
        _stage.stage(layout, dataclasses.replace(order, sha256="0" * 64))
    assert snapshot(layout.root) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda path: path.write_text("2\n"), "server.js was changed", id="changed"),
        pytest.param(lambda path: path.unlink(), "server.js is gone", id="gone"),
    ],
)
def test_a_release_that_was_tampered_with_is_refused(
    layout: Layout, order: _stage.Order, change: Any, words: str
) -> None:
    _stage.stage(layout, order)
    change(layout.release("r1").path / "server.js")
    with pytest.raises(DeployError, match="no longer what was shipped") as refused:
        _stage.stage(layout, order)
    assert words in refused.value.seen


def test_many_changes_are_counted_not_listed(layout: Layout, order: _stage.Order, tmp_path: Path) -> None:
    many = dataclasses.replace(order, archive=pack(tmp_path / "many.tar.gz", {f"f{i:02}.js": "1" for i in range(12)}))
    _stage.stage(layout, many)
    for path in layout.release("r1").path.glob("f*.js"):
        path.unlink()
    with pytest.raises(DeployError) as refused:
        _stage.plan(layout, many)
    assert refused.value.seen.endswith("f09.js is gone and 2 more")


def test_other_settings_are_rendered_anew_while_the_release_is_not_live(layout: Layout, order: _stage.Order) -> None:
    _stage.stage(layout, order)
    other = dataclasses.replace(order, ecosystems={"blue": "other", "green": "green's text"})
    assert _stage.stage(layout, other) == _stage.Staged(True, "renders r1 anew", "")
    assert layout.release("r1").ecosystem_for("blue").read_text() == "other"
    assert _stage.stage(layout, dataclasses.replace(other, record="soaked longer")).changed
    first, second = _ledger.read(layout.ledger)
    assert (first.event, second.event) == ("staged", "staged")
    assert first.detail["content"] != second.detail["content"]


def test_how_a_live_release_is_proved_may_change(layout: Layout, order: _stage.Order) -> None:
    _stage.stage(layout, order)
    assert layout.release("r1").app.read_text() == "how it is run"
    assert layout.release("r1").app.stat().st_mode & 0o777 == 0o600
    link_atomic(layout.current, "releases/r1")
    assert _stage.stage(layout, dataclasses.replace(order, record="soaked longer")).changed
    assert layout.release("r1").app.read_text() == "soaked longer"


def test_other_settings_never_change_a_live_release(layout: Layout, order: _stage.Order) -> None:
    _stage.stage(layout, order)
    link_atomic(layout.current, "releases/r1")
    assert not _stage.stage(layout, order).changed
    before = snapshot(layout.root)
    with pytest.raises(DeployError, match="live with other settings"):
        _stage.stage(layout, dataclasses.replace(order, ecosystems={"blue": "other"}))
    assert snapshot(layout.root) == before


@pytest.mark.parametrize("option", ["shared_dirs", "shared_files"])
@pytest.mark.parametrize("name", ["/etc/shop", "../other"])
def test_nothing_is_written_where_a_shared_name_leads_out(
    layout: Layout, order: _stage.Order, option: str, name: str
) -> None:
    wrong: dict[str, Any] = {option: [name]}
    with pytest.raises(DeployError, match="cannot be shared"):
        _stage.stage(layout, dataclasses.replace(order, **wrong))
    assert list(layout.root.iterdir()) == []


class Killed(BaseException):
    """Stands for a signal."""


@pytest.mark.parametrize("where", ["_archive.extract", "_shared.link", "_render", "_manifest.write"])
def test_a_killed_stage_is_unfinished_until_recovery_removes_it(
    layout: Layout, order: _stage.Order, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def killed(*_given: Any, **_options: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(f"{_stage.__name__}.{where}", killed)
        with pytest.raises(Killed):
            _stage.stage(layout, order)
    assert _manifest.read(layout.release("r1")) is None
    assert _ledger.read(layout.ledger) == []
    with pytest.raises(DeployError, match="no stage of it ever ended"):
        _stage.stage(layout, order)
    found = _recovery.of(layout)
    assert found.unfinished == ("r1",)
    _recovery.carry_out(layout, found, by="ann")
    assert _stage.stage(layout, order).changed


def test_an_installation_is_asked_for_what_was_ordered(
    layout: Layout, order: _stage.Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def install(release: Path, deps: Path, **options: Any) -> _dependencies.Installed:
        asked.append((release, deps, options))
        return _dependencies.Installed("key", reused=False, seconds=1.0, files=1, skipped=False)

    monkeypatch.setattr(_dependencies, "install", install)
    ordered = dataclasses.replace(order, install=True, install_args=["--omit=dev"])
    assert _stage.stage(layout, ordered).dependencies == "key"
    options = {"node": "node", "install_args": ["--omit=dev"], "timeout": 60}
    assert asked == [(layout.release("r1").path, layout.deps, options)]
    assert _stage.stage(layout, ordered).dependencies == "key"
    assert len(asked) == 1
