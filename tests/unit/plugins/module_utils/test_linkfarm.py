# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release's node_modules is its own in every path, and the store's in its bytes."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _linkfarm
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


@pytest.fixture
def store(tmp_path: Path) -> Path:
    files = {
        "package.json": 0o644,
        "node_modules/.package-lock.json": 0o444,
        "node_modules/.prisma/client/index.js": 0o444,
        "node_modules/.pnpm/ms@2/node_modules/ms/index.js": 0o444,
        "node_modules/.pnpm/p@1/node_modules/.prisma/client/index.js": 0o444,
        "node_modules/tsx/dist/cli.mjs": 0o555,
        "node_modules/tsx/.eslintrc": 0o444,
        "node_modules/tsx/node_modules/ms/index.js": 0o444,
        "packages/a/node_modules/ms/index.js": 0o444,
    }
    for name, mode in files.items():
        path = tmp_path / "store" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        path.chmod(mode)
    (tmp_path / "store/node_modules/.bin").mkdir()
    os.symlink("../tsx/dist/cli.mjs", tmp_path / "store/node_modules/.bin/tsx")
    os.symlink("../packages/a", tmp_path / "store/node_modules/a")
    os.symlink("../nowhere", tmp_path / "store/node_modules/dangling")
    return tmp_path / "store"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    (tmp_path / "release/packages/a").mkdir(parents=True)
    return tmp_path / "release"


def modules(tree: Path) -> set[str]:
    found = {path.relative_to(tree).as_posix() for root in _linkfarm.roots(tree) for path in root.rglob("*")}
    return found | {root.relative_to(tree).as_posix() for root in _linkfarm.roots(tree)}


def test_link(store: Path, release: Path) -> None:
    assert _linkfarm.link(store, release) == 8
    assert modules(release) == modules(store)
    assert not (release / "package.json").exists()
    assert os.readlink(release / "node_modules/.bin/tsx") == "../tsx/dist/cli.mjs"
    assert (release / "node_modules/a").resolve() == release / "packages/a"
    assert os.readlink(release / "node_modules/dangling") == "../nowhere"
    assert not (release / "node_modules/tsx").is_symlink()


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        ("node_modules/tsx/dist/cli.mjs", True),
        ("node_modules/tsx/.eslintrc", True),
        ("node_modules/tsx/node_modules/ms/index.js", True),
        ("packages/a/node_modules/ms/index.js", True),
        ("node_modules/.pnpm/ms@2/node_modules/ms/index.js", True),
        ("node_modules/.pnpm/p@1/node_modules/.prisma/client/index.js", False),
        ("node_modules/.prisma/client/index.js", False),
        ("node_modules/.package-lock.json", False),
    ],
)
def test_what_is_written_in_place_is_the_releases_own(store: Path, release: Path, name: str, shared: bool) -> None:
    _linkfarm.link(store, release)
    assert (release / name).samefile(store / name) is shared
    assert (release / name).read_text() == name
    assert bool((release / name).stat().st_mode & stat.S_IWUSR) is not shared


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP])
def test_files_are_copied_where_they_cannot_be_linked(
    store: Path, release: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_paths: str) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refuse)
    _linkfarm.link(store, release)
    copied = release / "node_modules/tsx/dist/cli.mjs"
    assert not copied.samefile(store / "node_modules/tsx/dist/cli.mjs")
    assert copied.read_text() == "node_modules/tsx/dist/cli.mjs"
    assert stat.S_IMODE(copied.stat().st_mode) == 0o555


def test_other_errors_are_not_hidden(store: Path, release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: str) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="full"):
        _linkfarm.link(store, release)


@pytest.mark.parametrize("place", ["node_modules", "packages/a/node_modules"])
def test_nothing_is_merged_into(store: Path, release: Path, place: str) -> None:
    (release / place).mkdir()
    with pytest.raises(DeployError, match="bluegreen_dependencies: shipped"):
        _linkfarm.link(store, release)


def test_a_dangling_link_counts_as_shipped(store: Path, release: Path) -> None:
    (release / "node_modules").symlink_to("nowhere")
    with pytest.raises(DeployError):
        _linkfarm.link(store, release)


def test_the_store_can_go(store: Path, release: Path) -> None:
    _linkfarm.link(store, release)
    store.rename(store.with_name("elsewhere"))
    for path in store.with_name("elsewhere").rglob("*.js"):
        path.unlink()
    assert (release / "node_modules/tsx/node_modules/ms/index.js").read_text()
