# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The archive that users install deploys from a fresh environment, with the oldest and the newest ansible-core.

``CORES='2.18 2.19 2.20 2.21'`` names others.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import worktree
from ansible_collections.nodeops.pm2.molecule.conftest import PROJECT, App, waived
from pythons import find_python

# On which Python each runs, by its own word.
PYTHONS = {
    "2.18": ("3.13", "3.12", "3.11"),
    "2.19": ("3.13", "3.12", "3.11"),
    "2.20": ("3.14", "3.13", "3.12"),
    "2.21": ("3.14", "3.13", "3.12"),
}
NODE = PROJECT / ".venv/node/bin/node"
CORES = os.environ.get("CORES", "2.18 2.21").split()
KEPT = ("MOLECULE_", "PIP_", "SSL_", "HTTP", "NO_PROXY", "http", "no_proxy", "npm_", "NODE_EXTRA_CA_CERTS", "LANG")


@dataclass(frozen=True)
class Installation:
    """An environment with nothing in it but ansible-core and what ``ansible-galaxy`` has installed."""

    directory: Path

    @classmethod
    def make(cls, directory: Path, archive: Path, core: str, python: str) -> Installation:
        """From nothing."""
        made = cls(directory)
        subprocess.run([python, "-m", "venv", str(directory)], check=True)
        made.run("python", "-m", "pip", "install", "-q", "--disable-pip-version-check", f"ansible-core~={core}.0")
        made.run("ansible-galaxy", "collection", "install", str(archive), "--offline")
        return made

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of its programs, which has to go well, away from any checkout."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        own = {
            "HOME": str(Path.home()) if program == "python" else str(self.directory),
            "PATH": f"{self.directory}/bin:/usr/bin:/bin",
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(self.directory / "ansible/collections"),
        }
        argv = [str(self.directory / "bin" / program), *arguments]
        ended = subprocess.run(
            argv,
            cwd=self.directory,
            env={**kept, **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        return ended

    def play(self, name: str, app: App, **options: Any) -> str:
        """What a playbook prints that is called as users call it; not a word of what will not work any more."""
        named = {"node_bin": str(NODE), **options}
        variables = json.dumps({f"bluegreen_{key}": value for key, value in named.items()})
        where = ["-i", os.environ["MOLECULE_INVENTORY_FILE"], "--limit", app.card.name]
        said = self.run("ansible-playbook", *where, f"nodeops.pm2.{name}", "-e", variables)
        assert "DEPRECAT" not in said.stdout + said.stderr
        return said.stdout


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a release of the collection is."""
    tree, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("archive")
    worktree.copy(tree)
    build = ["ansible-galaxy", "collection", "build", "--output-path", str(made)]
    subprocess.run(build, cwd=tree, check=True, stdout=subprocess.DEVNULL)
    return next(made.glob("nodeops-pm2-*.tar.gz"))


@pytest.fixture(scope="session", params=CORES)
def core(request: pytest.FixtureRequest) -> str:
    """``2.18`` and the like."""
    return str(request.param)


@pytest.fixture(scope="session")
def installation(core: str, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """With that ansible-core."""
    python = next(filter(None, map(find_python, PYTHONS[core])), None)
    if python is None:
        pytest.skip(f"ansible-core {core} runs on Python {', '.join(PYTHONS[core])}, and none of them is here")
    return Installation.make(tmp_path_factory.mktemp(f"core-{core}"), archive, core, python)


def test_the_ansible_core_is_the_one_that_is_meant(installation: Installation, core: str) -> None:
    assert f"[core {core}." in installation.run("ansible", "--version").stdout


def test_a_release_is_checked_deployed_and_told_of(app: App, installation: Installation, core: str) -> None:
    source, release = str(app.source("release-1")), f"core-{core}"
    unknown = waived("tests_passed", "smoke_ready", "monitoring_set_up")
    assert "6 of 9 answered by evidence, 3 waived" in installation.play("check", app, source=source, waivers=unknown)
    idle = {"blue": "green"}.get(app.answer().get("slot", ""), "blue")
    installation.play("deploy", app, source=source, release=release, env={"GREETING": f"By {core}"})
    app.is_answered_by(release, idle)
    assert app.events(release) == ["staged", "gated", "published", "good"]
    assert release in installation.play("status", app)


def test_a_rollback_goes_where_it_was_before(app: App, installation: Installation, core: str) -> None:
    goods = [entry["release"] for entry in app.entries() if entry["event"] == "good"]
    if len(goods) < 2:
        pytest.skip("it is the first release")
    installation.play("rollback", app)
    assert (app.live(), app.answer().get("release")) == (goods[-2], goods[-2])
    installation.play("rollback", app, release=f"core-{core}")


def test_the_documentation_is_read(installation: Installation) -> None:
    asked = ["ansible-doc", "--json"]
    told = json.loads(installation.run(*asked, "--type", "role", "nodeops.pm2.bluegreen").stdout)
    assert "build" in told["nodeops.pm2.bluegreen"]["entry_points"]
    modules = json.loads(installation.run(*asked, "--list", "nodeops.pm2").stdout)
    described = json.loads(installation.run(*asked, *modules).stdout)
    assert {"nodeops.pm2.deploy", "nodeops.pm2.release"} <= described.keys()
    assert [name for name, one in described.items() if not (one["doc"] and one["examples"] and one["return"])] == []
