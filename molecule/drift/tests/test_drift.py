# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What somebody changes by hand on a host is found, named and explained: by the playbook and by the host's command."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import PASSED, REFUSED, listing
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.nodeops.pm2.molecule.conftest import App

pytestmark = pytest.mark.usefixtures("_as_users_see_it")

LOOK = 3  # exit code of bluegreen status: somebody should look
VALUE = "made-up-5c1d"
AGREED = "no drift: files, PM2's memory and dump, the front door and who listens are as declared"


@dataclass(frozen=True)
class Command:
    """The host's own command, as a person runs it there."""

    app: App
    program: Path

    def status(self, *, ends: int = 0) -> list[str]:
        """What it prints."""
        return self._run("status", "--drift", ends=ends).splitlines()

    def drift(self, *, ends: int = LOOK) -> dict[str, dict[str, str]]:
        """The differences by what they are."""
        found = json.loads(self._run("--json", "status", "--drift", ends=ends))
        assert found["good"] is (ends == 0)
        return {one["id"]: one for one in found["drift"]}

    def _run(self, *arguments: str, ends: int) -> str:
        argv = [sys.executable, str(self.program), "--root", str(self.app.card.root), *arguments]
        ended = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
        assert ended.returncode == ends, ended.stdout
        return ended.stdout


@pytest.fixture(scope="module")
def host(app: App) -> Command:
    """A host with two releases, the second one live."""
    app.deploy("release-1", release="r1", shared_dirs=["uploads"])
    app.deploy("release-2", release="r2", shared_dirs=["uploads"])
    return Command(app, _program.packed(app.card.directory / "artifacts", python=sys.executable))


@pytest.fixture(autouse=True)
def agreed(host: Command) -> Iterator[None]:
    """Every test begins and ends with nothing to tell."""
    assert host.drift(ends=0) == {}
    yield
    assert host.drift(ends=0) == {}


def test_the_playbook_and_the_command_say_the_same(app: App, host: Command) -> None:
    before = listing(app.card.root)
    said = host.status()
    assert said[-1].strip() == AGREED
    run = app.play("status", "--check", drift="fail")
    told = run.output.replace(f"on {app.card.name}:", f"on {os.uname().nodename}:")
    assert [line for line in without_clock(said) if line not in without_clock(told.splitlines())] == []
    assert listing(app.card.root) == before


def test_a_file_edited_on_a_live_host(app: App, host: Command) -> None:
    path = app.layout.release("r2").path / "src/greeting.ts"
    with changed(path, path.read_text(encoding="utf-8") + "// repaired by hand\n"):
        one = host.drift()["file_changed"]
        assert (one["what"], one["where"]) == ("src/greeting.ts was changed on this host.", str(path))
        run = app.play("status", "--check")
        assert "DRIFT src/greeting.ts was changed on this host." in run.output
        assert "do: Deploy again under another id" in run.output
        assert "src/greeting.ts was changed" in app.play("status", drift="fail", ends=REFUSED).output
        for off in ("off", False):  # what YAML makes of it
            run = app.play("status", drift=off, ends=PASSED)
            assert "rift" not in run.output


def test_what_the_deploy_wrote_is_no_less_its_own(app: App, host: Command) -> None:
    tree = app.layout.release("r2")
    for path in (tree.ecosystem, tree.ecosystem_for("blue"), tree.revision):
        with changed(path, path.read_text(encoding="utf-8").replace("3", "15")):
            assert host.drift()["file_changed"]["where"] == str(path)
    uploads = tree.path / "uploads"
    leads = uploads.readlink()
    uploads.unlink()
    uploads.mkdir()
    (uploads / "photo.jpg").touch()
    assert host.drift()["file_gone"]["where"] == str(uploads)
    (uploads / "photo.jpg").unlink()
    uploads.rmdir()
    uploads.symlink_to(leads)


def test_a_restart_by_hand_that_brought_the_shell_along(app: App, host: Command) -> None:
    app.pm2("restart", "backend-green", "--update-env", LEFT_OVER=VALUE)
    one = host.drift()["process_differs"]
    assert (one["what"], one["expected"]) == ("PM2 keeps it otherwise: LEFT_OVER.", "not set")
    output = app.play("status").output
    assert "LEFT_OVER" in output
    assert VALUE not in output
    back_and_forth(app)


def test_a_process_that_was_stopped_and_its_port_taken(app: App, host: Command, tmp_path: Path) -> None:
    app.pm2("stop", "backend-green")
    found = host.drift()
    assert found["process_down"]["seen"] == "stopped"
    assert {"owner_missing", "front_silent"} <= set(found)
    with squatter(app.card.ports["green"], tmp_path) as pid:
        found = host.drift()
        assert f"pid {pid} (" in found["owner_stranger"]["seen"]
        assert found["owner_stranger"]["where"] == f"127.0.0.1:{app.card.ports['green']}"
    app.pm2("delete", "backend-green")
    assert host.drift()["process_missing"]["expected"] == "backend-green"
    app.rollback(release="r1")
    app.rollback(release="r2")


def test_current_moved_by_hand(app: App, host: Command) -> None:
    app.layout.current.unlink()
    app.layout.current.symlink_to("releases/r1")
    one = host.drift()["live_moved"]
    assert (one["expected"], one["seen"], one["where"]) == ("r2", "r1", "current")
    app.layout.current.unlink()
    one = host.drift()["nothing_live"]
    assert (one["expected"], one["seen"]) == ("r2", "current leads nowhere")
    app.layout.current.symlink_to("releases/r2")


def test_a_dump_that_would_bring_back_what_is_gone(app: App, host: Command) -> None:
    dump = app.card.pm2_home / "dump.pm2"
    app.pm2("save")
    assert host.drift(ends=0) == {}
    app.deploy("release-1", release="r3", shared_dirs=["uploads"], keep_releases=1)
    app.deploy("release-2", release="r4", shared_dirs=["uploads"], keep_releases=1)
    assert not app.layout.release("r1").path.exists()
    found = host.drift()
    assert found["dump_of_gone_release"]["seen"] == "r1"
    assert found["dump_differs"]["where"] == f"{dump}, backend-green"
    os.chmod(app.card.pm2_home, 0o755)
    os.chmod(dump, 0o644)
    assert host.drift()["dump_open"]["seen"] == "mode 0644"
    os.chmod(app.card.pm2_home, 0o700)
    dump.write_text("{", encoding="utf-8")
    assert host.drift()["dump_unreadable"]["where"] == str(dump)
    app.pm2("save", "--force")


def without_clock(lines: list[str]) -> list[str]:
    """What is said, but for how long the process has been up."""
    return [line.partition(", up ")[0].strip() for line in lines]


@contextlib.contextmanager
def changed(path: Path, text: str) -> Iterator[None]:
    """A file as somebody's editor leaves it, and then as it was."""
    before = path.read_bytes()
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_bytes(before)


@contextlib.contextmanager
def squatter(port: int, directory: Path) -> Iterator[int]:
    """Something else that listens on the port, and does not speak HTTP well."""
    argv = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with subprocess.Popen(argv, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.terminate()


def back_and_forth(app: App) -> None:
    """What the remedy says: start it afresh by a deploy or a rollback."""
    app.rollback(release="r1")
    app.rollback(release="r2")
