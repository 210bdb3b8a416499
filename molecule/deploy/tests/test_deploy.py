# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A first deploy puts a release on disk, proves it, and makes it the one that answers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import NODE, REFUSED

if TYPE_CHECKING:
    from testinfra.host import Host

    from ansible_collections.nodeops.pm2.molecule.conftest import App

PRIVATE = "made-up-8f1d2c"
HOOKS = ("before_stage", "after_stage", "before_publish", "after_confirm")


@pytest.fixture(scope="module")
def env_file(app: App) -> Path:
    """What only the app may know."""
    path = app.card.directory / "secret.env"
    path.write_text(f"REQUIRED_SECRET={PRIVATE}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def hooked(app: App) -> Path:
    """Where hooks write what they are told."""
    return app.card.directory / "hooked"


def hooks(said: Path, **others: list[list[str]]) -> dict[str, list[list[str]]]:
    """Hooks that write down where they run and what they are told, and ``others``."""
    told = "$BLUEGREEN_APP $BLUEGREEN_RELEASE $BLUEGREEN_SLOT ${BLUEGREEN_PREVIOUS:-nothing} $PWD"
    return {hook: [["sh", "-c", f'echo "{hook} {told}" >> {said}']] for hook in HOOKS} | others


def test_a_first_deploy_answers_through_the_front_door(app: App, env_file: Path, hooked: Path) -> None:
    local = app.layout.shared / "config/local.json"
    local.parent.mkdir(parents=True)
    local.write_text("{}\n", encoding="utf-8")
    run = app.deploy(
        "env_missing",  # it does not start without its secret
        release="r1",
        env_file=str(env_file),
        shared_dirs=["uploads", "var/cache"],
        shared_files=["config/local.json"],
        hooks=hooks(hooked),
    )
    app.is_answered_by("r1", "blue")
    assert app.events() == ["staged", "gated", "published", "good"]
    assert "failed=0" in run.output
    assert run.changed > 0
    assert PRIVATE not in run.output
    app.has_not_drifted()


def test_the_release_on_disk_is_what_people_look_for(app: App, host: Host) -> None:
    root, release = app.card.root, app.layout.release("r1").path
    assert host.file(str(root / "current")).linked_to == str(release)
    assert os.readlink(root / "current") == "releases/r1"
    assert host.file(str(release / "REVISION")).content_string == f"{commit(app, 'env_missing')}\n"
    assert host.file(str(release / ".release/manifest.json")).is_file
    assert host.file(str(release / ".release/listen.sock")).is_symlink
    assert sorted(os.listdir(root)) == ["current", "deps", "ledger.jsonl", "logs", "releases", "shared"]
    for directory in ("uploads", "var/cache"):
        assert host.file(str(root / "shared" / directory)).is_directory
        assert host.file(str(release / directory)).linked_to == str(root / "shared" / directory)
    assert host.file(str(release / "config/local.json")).linked_to == str(root / "shared/config/local.json")


def test_the_manifest_names_every_file_as_it_is(app: App) -> None:
    tree = app.layout.release("r1")
    manifest = json.loads(tree.manifest.read_text(encoding="utf-8"))
    tracked = git(app.source("env_missing"), "ls-files").split()
    assert (manifest["id"], manifest["revision"]) == ("r1", commit(app, "env_missing"))
    (artifact,) = (app.card.directory / "artifacts").glob("artifact-*")
    assert manifest["artifact_sha256"] == sha256(artifact)
    assert manifest["files"] == {path: sha256(tree.path / path) for path in tracked}
    assert manifest["shared"] == ["uploads", "var/cache", "config/local.json"]
    assert (app.layout.deps / manifest["dependencies"]).is_dir()


def test_the_ecosystem_says_what_pm2_is_to_run(app: App, env_file: Path) -> None:
    tree, root = app.layout.release("r1"), app.card.root
    program = f"console.log(JSON.stringify(require({json.dumps(str(tree.ecosystem))})))"
    written = subprocess.run([NODE, "-e", program], stdout=subprocess.PIPE, check=True)
    (process,) = json.loads(written.stdout)["apps"]
    wanted = {
        "name": "backend-blue",
        "script": f"{tree.path}/src/server.ts",
        "cwd": str(tree.path),
        "exec_mode": "fork",
        "instances": 1,
        "max_restarts": 3,
        "min_uptime": 10000,
        "kill_timeout": 5000,
        "out_file": f"{root}/logs/backend-blue-out.log",
        "error_file": f"{root}/logs/backend-blue-error.log",
    }
    assert {key: process.get(key) for key in wanted} == wanted
    assert "wait_ready" not in process
    assert "--unhandled-rejections=strict" in process["node_args"]
    assert f"--env-file={env_file}" in process["node_args"]
    assert any("tsx" in argument for argument in process["node_args"])
    assert process["env"] == {
        "BLUEGREEN_APP": "backend",
        "BLUEGREEN_RELEASE": "r1",
        "BLUEGREEN_SLOT": "blue",
        "GREETING": "Hello",
        "NODE_ENV": "production",
        "PORT": str(app.card.ports["blue"]),
    }


def test_the_secret_is_with_the_app_and_nowhere_else(app: App, env_file: Path) -> None:
    assert app.answer()["release"] == "r1", "it would not have started without its secret"
    assert '"name":"backend-blue"' in app.pm2("jlist")
    assert PRIVATE not in app.pm2("jlist")
    app.pm2("save")
    assert "backend-blue" in (app.card.pm2_home / "dump.pm2").read_text(encoding="utf-8")
    seen = [path for path in Path("/proc").glob("[0-9]*/cmdline") if PRIVATE.encode() in content(path)]
    assert not seen
    written = [path for path in app.card.directory.rglob("*") if path.is_file() and PRIVATE.encode() in content(path)]
    assert written == [env_file]


def test_hooks_are_told_what_goes_on(app: App, hooked: Path) -> None:
    root, release = app.card.root, app.layout.release("r1").path
    where = [root, release, release, release]
    lines = [f"{hook} backend r1 blue nothing {place}" for hook, place in zip(HOOKS, where)]
    assert hooked.read_text(encoding="utf-8").splitlines() == lines


def test_a_given_archive_is_another_way_in(app: App, hooked: Path) -> None:
    archive = app.card.directory / "backend-2.0.0.tar.gz"
    git(app.source("release-2"), "archive", "--format=tar.gz", f"--output={archive}", "HEAD")
    app.play("deploy", release="r2", artifact=str(archive), artifact_sha256=sha256(archive), hooks=hooks(hooked))
    app.is_answered_by("r2", "green")
    assert app.answer("/")["version"] == "2.0.0"
    assert hooked.read_text(encoding="utf-8").splitlines()[-1].startswith("after_confirm backend r2 green r1 ")
    # The lockfile is the same, and so is what was installed by it.
    assert len(os.listdir(app.layout.deps)) == 1
    one, other = (app.layout.release(name).path / "node_modules/express/package.json" for name in ("r1", "r2"))
    assert one.samefile(other)


@pytest.mark.parametrize(
    ("hook", "events"),
    [("after_gate", ["staged", "gated", "aborted"]), ("after_publish", ["staged", "gated", "published", "aborted"])],
)
def test_a_failing_hook_fails_the_deploy_and_nothing_else(app: App, hook: str, events: list[str]) -> None:
    release, pid = hook.replace("_", "-"), app.answer()["pid"]
    failing = {hook: [["sh", "-c", "echo the migration failed >&2; exit 7"]]}
    with app.asked():
        run = app.deploy("release-1", release=release, hooks=failing, ends=REFUSED)
    assert "A hook failed: sh -c" in run.output
    assert "(exit code 7)" in run.output
    assert "the migration failed" in run.output
    assert app.events(release) == events
    app.is_answered_by("r2", "green")
    assert app.answer()["pid"] == pid
    assert not app.listeners("blue")
    assert not app.layout.lock.exists()


def git(source: Path, *arguments: str) -> str:
    """What git says of a checkout."""
    return subprocess.run(["git", *arguments], cwd=source, stdout=subprocess.PIPE, check=True, text=True).stdout


def commit(app: App, variant: str) -> str:
    """The commit of a variant's checkout."""
    return git(app.source(variant), "rev-parse", "HEAD").strip()


def sha256(path: Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def content(path: Path) -> bytes:
    """What is in a file; nothing where its process has ended."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
