# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Deploying again: the same release changes nothing, another one installs nothing and inherits nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, listing

if TYPE_CHECKING:
    from ansible_collections.nodeops.pm2.molecule.conftest import App

# So short that a package manager which is run at all is one too many.
NO_TIME = 0.001


def test_the_same_release_again_changes_nothing(app: App) -> None:
    app.deploy("release-1", release="r1")
    before, entries, answer = listing(app.layout.releases), app.entries(), app.answer()
    run = app.deploy("release-1", release="r1")
    assert run.changed == 0
    assert listing(app.layout.releases) == before
    assert app.entries() == entries
    app.is_answered_by("r1", "blue")
    assert app.answer()["pid"] == answer["pid"]


def test_the_same_id_with_other_content_or_settings_is_refused(app: App) -> None:
    before, entries, pid = listing(app.layout.releases), app.entries(), app.answer()["pid"]
    run = app.deploy("release-2", release="r1", ends=REFUSED)
    assert "A release of this id exists and is another build." in run.output
    run = app.deploy("release-1", release="r1", env={"GREETING": "Goodbye"}, ends=REFUSED)
    assert "This release is live with other settings" in run.output
    assert (listing(app.layout.releases), app.entries()) == (before, entries)
    app.is_answered_by("r1", "blue")
    assert app.answer()["pid"] == pid


def test_another_release_installs_nothing_and_inherits_nothing(app: App) -> None:
    source, stale = app.source("release-2"), app.layout.release("r1").path / "src/stale.ts"
    for name in (".env", "untracked.ts", "node_modules/left-behind.js", "dist/server.js"):
        path = source / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("SECRET=1\n", encoding="utf-8")
    stale.write_text("throw new Error('stale');\n", encoding="utf-8")
    store = listing(app.layout.deps)

    app.deploy("release-2", release="r2", install_timeout=NO_TIME)

    app.is_answered_by("r2", "green")
    assert listing(app.layout.deps) == store
    assert shipped(app.layout.release("r2").path) == tracked(source)
    express = "node_modules/express/index.js"
    assert app.layout.release("r2").path.joinpath(express).samefile(app.layout.release("r1").path / express)


def test_a_release_that_was_tampered_with_is_not_taken_for_what_was_shipped(app: App) -> None:
    app.layout.release("r1").path.joinpath("src/app.ts").write_text("// repaired by hand\n", encoding="utf-8")
    run = app.deploy("release-1", release="r1", ends=REFUSED)
    assert "The release on disk is no longer what was shipped." in run.output
    assert "src/app.ts was changed" in run.output
    app.is_answered_by("r2", "green")
    assert app.events("r1")[-1] == "good"


def tracked(source: Path) -> set[str]:
    """The files of the commit."""
    listed = subprocess.run(["git", "ls-files"], cwd=source, stdout=subprocess.PIPE, check=True, text=True)
    return set(listed.stdout.split())


def shipped(release: Path) -> set[str]:
    """The files in a release that came with it: neither ours nor the package manager's."""
    files = {str(path.relative_to(release)) for path in release.rglob("*") if not path.is_dir()}
    ours = {"REVISION", "ecosystem.config.cjs"}
    return {path for path in files - ours if not path.startswith((".release/", "node_modules/"))} | {
        path for path in files if path.startswith("node_modules/left-behind")
    }
