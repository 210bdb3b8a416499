# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PM2 keeps, read from real answers and a real dump; no value of a variable leaves them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _kept
from ansible_collections.nodeops.pm2.plugins.module_utils._kept import Dump, Kept

CORPUS = Path(__file__).parents[2] / "corpus"
SHOP = Kept(
    name="shop-blue",
    script="/srv/shop/releases/r1/app.js",
    cwd="/srv/shop/releases/r1",
    interpreter="node",
    node_args=("--unhandled-rejections=strict",),
    args=("--x", "1"),
    max_restarts=3,
    min_uptime=10_000,
    release="r1",
    status="online",
)


def without_env(kept: Kept) -> Kept:
    return Kept(**{**vars(kept), "env": frozenset()})


def test_a_dump_as_pm2_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "dump.pm2"
    path.write_bytes((CORPUS / "dump/7.0.4.json").read_bytes())
    path.chmod(0o644)
    tmp_path.chmod(0o755)
    dump = _kept.read_dump(path)
    assert dump is not None
    assert (dump.path, dump.mode, dump.error) == (str(path), 0o644, "")
    (kept,) = dump.processes
    assert without_env(kept) == SHOP
    assert {"PORT", "SECRET", "BLUEGREEN_RELEASE", "PATH"} <= kept.env
    assert "hunter2" not in repr(dump)


@pytest.mark.parametrize("version", ["5.4.3", "6.0.14", "7.0.0", "7.0.4"])
def test_the_memory_of_every_version(version: str) -> None:
    raw = (CORPUS / f"jlist/{version}.json").read_text(encoding="utf-8")
    kept = _kept.in_memory(json.loads(raw[raw.index("[") :]))
    fork = next(one for one in kept if one.name == "demo-fork")
    assert (fork.script, fork.cwd) == ("/srv/demo/releases/r1/server.js", "/srv/demo/releases/r1")
    assert (fork.exec_mode, fork.max_restarts, fork.min_uptime) == ("fork", 3, 10_000)


def test_what_an_ecosystem_file_means() -> None:
    app = {
        "name": "shop-blue", "cwd": "/srv/shop/releases/r1", "script": "/srv/shop/releases/r1/app.js",
        "interpreter": "node", "node_args": ["--unhandled-rejections=strict"], "args": ["--x", 1],
        "exec_mode": "fork", "max_restarts": 3, "min_uptime": 10_000,
        "env": {"BLUEGREEN_RELEASE": "r1", "A": "hunter2"},
    }  # fmt: skip
    kept = _kept.meant(app)
    assert without_env(kept) == Kept(**{**vars(SHOP), "status": "", "env": frozenset()})
    assert kept.env == {"BLUEGREEN_RELEASE", "A"}
    assert "hunter2" not in repr(kept)


def test_words_and_numbers_however_they_are_written() -> None:
    env = {"args": "--x 1", "node_args": None, "max_restarts": "3", "min_uptime": "10s", "env": None}
    (kept,) = _kept.in_memory([{"name": "a", "pm2_env": env}])
    assert (kept.args, kept.node_args, kept.max_restarts, kept.min_uptime) == (("--x", "1"), (), 3, 0)


@pytest.mark.parametrize(
    ("directory", "mode"), [(0o755, 0o644), (0o750, 0o640), (0o711, 0o644), (0o701, 0o604), (0o700, 0o600)]
)
def test_the_mode_of_a_dump_counts_as_far_as_its_directory_lets_others_in(
    tmp_path: Path, directory: int, mode: int
) -> None:
    path = tmp_path / "dump.pm2"
    path.write_bytes(b"[]")
    path.chmod(0o644)
    tmp_path.chmod(directory)
    assert _kept.read_dump(path) == Dump(str(path), mode)


def test_what_is_written_down_is_what_is_read_again() -> None:
    written = json.dumps({**vars(SHOP), "env": sorted({"PORT", "A"})})
    assert _kept.recorded(json.loads(written)) == Kept(**{**vars(SHOP), "env": frozenset({"A", "PORT"})})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"{}", "it is not a list of processes"),
        (b"[1]", "it is not a list of processes"),
        (b"[]", ""),
    ],
)
def test_a_dump_that_is_none(tmp_path: Path, content: bytes, error: str) -> None:
    path = tmp_path / "dump.pm2"
    path.write_bytes(content)
    dump = _kept.read_dump(path)
    assert dump is not None
    assert dump.error == error


def test_no_dump_and_a_huge_one(tmp_path: Path) -> None:
    assert _kept.read_dump(tmp_path / "dump.pm2") is None
    with (tmp_path / "dump.pm2").open("wb") as stream:
        stream.truncate(33 << 20)
    huge = _kept.read_dump(tmp_path / "dump.pm2")
    assert huge is not None
    assert huge.error == "it has 33 MiB"


def test_a_dump_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(Path, "stat", refuse)
    assert _kept.read_dump(tmp_path / "dump.pm2") == Dump(str(tmp_path / "dump.pm2"), 0, error="Permission denied")
