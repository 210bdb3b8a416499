# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import subprocess
import tarfile
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _artifact
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

NOW = datetime(2026, 11, 23, 10, 15, 0, tzinfo=timezone.utc)


def git(checkout: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, "-C", str(checkout), *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    path = tmp_path / "checkout"
    (path / "backend").mkdir(parents=True)
    (path / "backend" / "server.js").write_text("1")
    (path / "backend" / "run.sh").write_text("#!/bin/sh\n")
    (path / "backend" / "run.sh").chmod(0o775)
    (path / "README.md").write_text("top")
    git(path, "init", "-q")
    git(path, "add", "-A")
    git(path, "commit", "-qm", "one")
    return path


def build(source: Path, tmp_path: Path, *commands: list[str], version: str = "HEAD") -> _artifact.Artifact:
    return _artifact.built(source, version, build=commands, directory=tmp_path / "cache", release="", now=NOW)


def names(artifact: _artifact.Artifact) -> list[str]:
    with tarfile.open(artifact.path) as tar:
        return tar.getnames()


def test_only_tracked_files_of_the_commit_travel(checkout: Path, tmp_path: Path) -> None:
    (checkout / "stale.js").write_text("untracked")
    (checkout / "README.md").write_text("changed")
    artifact = build(checkout, tmp_path)
    assert names(artifact) == ["README.md", "backend", "backend/run.sh", "backend/server.js"]
    assert artifact.uncommitted
    assert artifact.release == f"20261123T101500-{artifact.revision[:7]}"
    with tarfile.open(artifact.path) as tar:
        readme = tar.extractfile("README.md")
        assert readme is not None
        assert readme.read() == b"top"
        assert tar.getmember("backend/run.sh").mode == 0o755


def test_a_directory_of_a_checkout_is_packed_alone(checkout: Path, tmp_path: Path) -> None:
    assert names(build(checkout / "backend", tmp_path)) == ["run.sh", "server.js"]


def test_the_same_commit_gives_the_same_bytes(checkout: Path, tmp_path: Path) -> None:
    assert build(checkout, tmp_path).checksum == build(checkout, tmp_path).checksum


def test_the_build_runs_in_the_export_and_leaves_the_checkout_alone(checkout: Path, tmp_path: Path) -> None:
    artifact = build(checkout, tmp_path, ["mkdir", "dist"], ["cp", "backend/server.js", "dist/"])
    assert "dist/server.js" in names(artifact)
    assert not (checkout / "dist").exists()


def test_earlier_archives_do_not_pile_up(checkout: Path, tmp_path: Path) -> None:
    for number in range(6):
        build(checkout, tmp_path, ["touch", str(number)])
    assert len(list((tmp_path / "cache").iterdir())) == _artifact.KEPT


def test_a_failing_build_shows_its_output(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="no-such-file"):
        build(checkout, tmp_path, ["ls", "no-such-file"])
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(("source", "version"), [(".", "nowhere"), ("backend", "-x"), ("missing", "HEAD")])
def test_what_git_cannot_give_is_named(checkout: Path, tmp_path: Path, source: str, version: str) -> None:
    with pytest.raises(DeployError, match="git cannot give"):
        build(checkout / source, tmp_path, version=version)


def test_a_given_archive_is_the_one_that_was_meant(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(b"x")
    found = _artifact.given(archive, checksum="", release="", now=NOW)
    assert found.release == f"20261123T101500-{found.checksum[:7]}"
    assert _artifact.given(archive, checksum=found.checksum.upper(), release="r1", now=NOW).release == "r1"
    with pytest.raises(DeployError, match="not the one that was meant"):
        _artifact.given(archive, checksum="0" * 64, release="", now=NOW)
    with pytest.raises(DeployError, match="cannot be read"):
        _artifact.given(tmp_path / "b.tar.gz", checksum="", release="", now=NOW)
