# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each variant is the backend with one change; what it does at run time is shown by the scenarios."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.demo import variants


def files(tree: Path) -> dict[str, str]:
    found = (path for path in tree.rglob("*") if path.is_file() and ".git" not in path.relative_to(tree).parts)
    return {str(path.relative_to(tree)): path.read_text(encoding="utf-8") for path in found}


@pytest.mark.parametrize(
    ("variant", "changed"),
    [
        ("release-1", set()),
        ("release-2", {"src/greeting.ts"}),
        ("incident", {"dist/app.js", "dist/package.json", "dist/server.js", "package.json", "src/server.ts"}),
        ("never_ready", {"src/app.ts"}),
        ("alive_without_listener", {"src/server.ts"}),
        ("never_listens", {"src/server.ts"}),
        ("crash_at_boot", {"src/server.ts"}),
        ("crash_1200ms", {"src/server.ts"}),
        ("crash_when_live", {"src/server.ts"}),
        ("crash_15s", {"src/server.ts"}),
        ("told", {"src/server.ts"}),
        ("silent_worker", {"src/server.ts"}),
        ("wrong_status", {"src/app.ts"}),
        ("wrong_port", {"src/server.ts"}),
        ("env_missing", {".env.example", "src/server.ts"}),
        ("syntax_error", {"src/server.ts"}),
    ],
)
def test_changes_these_files_and_no_others(variant: str, changed: set[str], tmp_path: Path) -> None:
    before = files(variants.make("release-1", tmp_path / "before"))
    after = files(variants.make(variant, tmp_path / "after"))
    assert {name for name in before | after if before.get(name) != after.get(name)} == changed


def test_every_variant_is_documented_and_tried() -> None:
    documented = {line.split(" ")[0] for line in str(variants.__doc__).splitlines()}
    assert set(variants.VARIANTS) <= documented


def test_lockfile_names_no_registry(tmp_path: Path) -> None:
    tree = variants.make("release-1", tmp_path / "tree")
    assert "resolved" not in (tree / "package-lock.json").read_text(encoding="utf-8")


def test_stale_build_is_reached_through_the_package_itself(tmp_path: Path) -> None:
    tree = variants.make("incident", tmp_path / "tree")
    package = json.loads((tree / "package.json").read_text(encoding="utf-8"))
    assert (tree / package["exports"]["./app"]).is_file()
    assert f"import('{package['name']}/app')" in (tree / "src/server.ts").read_text(encoding="utf-8")


def test_git_commits_everything_even_what_is_ignored(tmp_path: Path) -> None:
    tree = variants.make("incident", tmp_path / "tree", git=True)

    def git(*argv: str) -> str:
        return subprocess.run(["git", *argv], cwd=tree, check=True, capture_output=True, text=True).stdout

    assert git("log", "--format=%an|%s").splitlines() == ["Demo|incident"]
    assert git("status", "--porcelain") == ""
    assert set(git("ls-files").splitlines()) == set(files(tree))


def test_leaves_an_existing_directory_alone(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        variants.make("release-1", tmp_path)


def test_a_change_that_no_longer_fits_the_backend_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("twice twice", encoding="utf-8")
    for old in ("twice", "never"):
        with pytest.raises(ValueError, match="exactly once"):
            variants._replace(tmp_path, "a.ts", old, "new")
