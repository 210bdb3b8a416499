# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app repository made from the example, and the two engines that play its pipelines on this machine: act for GitHub
Actions, gitlab-ci-local for GitLab. Both run the jobs' shell as it stands in the files that users copy.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ansible.release
import yaml

import variants
import worktree
from ansible_collections.nodeops.pm2.molecule.conftest import PROJECT, Card, waived

EXAMPLE = PROJECT / "examples/app"
ACTIONS = Path(__file__).parent / "actions"
GITLAB_CI_LOCAL = "4.75.1"
NODE = PROJECT / ".venv/node/bin/node"
# A pipeline takes a minute or less; one that hangs is a failure and not a reason to wait.
LIMIT = 300.0
# Whoever started this test is no part of the pipelines.
OURS = ("ANSIBLE_", "MOLECULE_", "BLUEGREEN_", "NODEOPS_", "DEPLOY_", "GITHUB_", "GITLAB_", "CI_", "TESTINFRA_")
NPM = {"npm_config_cache": ".npm", "npm_config_userconfig": ".npmrc"}


@dataclass(frozen=True)
class Ended:
    """A pipeline that ended, and all that its jobs printed."""

    good: bool
    output: str

    def job(self, words: str) -> str:
        """The lines of one job, which have its name before them."""
        return "\n".join(line for line in self.output.splitlines() if words in line[:60])


@dataclass
class Repository:
    """The repository of an app as its people have it: the example, with hosts of their own.

    :param webhook: where alerts go.
    """

    card: Card
    webhook: str
    commits: int = 0
    variables: dict[str, Any] = field(default_factory=dict)

    def commit(self, variant: str, **variables: Any) -> Path:
        """A checkout of one commit: ``variant`` of the app, and variables of the inventory beside those it has."""
        self.commits += 1
        path = self.card.directory / "repositories" / f"{self.commits}-{variant}"
        path.parent.mkdir(exist_ok=True)
        variants.make(variant, path)
        shutil.copytree(EXAMPLE, path, dirs_exist_ok=True)
        self._write_inventory(path / "deploy/production.yml", {**self.variables, **variables})
        core = ansible.release.__version__
        (path / "deploy/requirements.txt").write_text(f"ansible-core == {core}\n", encoding="utf-8")
        collections = [{"name": collection().as_uri(), "type": "git", "version": "v0.1.0"}]
        (path / "deploy/requirements.yml").write_text(yaml.dump({"collections": collections}), encoding="utf-8")
        variants.commit(path, variant)
        git(path, "branch", "--quiet", "--move", "main")
        git(path, "remote", "add", "origin", "https://gitlab.example.com/acme/shop.git")
        return path

    def _write_inventory(self, path: Path, variables: Mapping[str, Any]) -> None:
        """An embedded host in place of the example's; what else the example says of the app stands."""
        card = self.card
        own = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "bluegreen_root": str(card.root),
            "bluegreen_run_dir": str(card.run_dir),
            "bluegreen_ports": {slot: card.ports[slot] for slot in ("blue", "green")},
            "bluegreen_edge_url": f"http://127.0.0.1:{card.ports['edge']}",
            "bluegreen_public_url": f"http://127.0.0.1:{card.ports['edge']}",
            "bluegreen_node_bin": str(NODE),
            "bluegreen_pm2_bin": str(PROJECT / ".cache/pm2/node_modules/pm2/bin/pm2"),
            "bluegreen_pm2_home": str(card.pm2_home),
            "bluegreen_artifact_dir": str(card.directory / "artifacts"),
            "bluegreen_env_file": "",
            "bluegreen_env": {"GREETING": "Hello"},
            "bluegreen_soak": 0,
            "bluegreen_gate_timeout": 6,
            # What is broken here is to get as far as the deploy, which takes it back.
            "bluegreen_rehearsal": False,
            "bluegreen_waivers": waived("tests_passed", "boots_locally", "monitoring_set_up"),
        }
        # As variables of the host, which what group_vars/all.yml says of all hosts does not override.
        inventory = {"all": {"hosts": {card.name: {**own, **variables}}}}
        path.write_text(yaml.dump(inventory), encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """Of an engine: a home of its own, and the package managers' settings and caches of whoever runs the test."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        home = self.card.directory / "home"
        home.mkdir(exist_ok=True)
        pip = [sys.executable, "-m", "pip", "cache", "dir"]
        user = Path.home()
        return {
            **inherited,
            "HOME": str(home),
            "ANSIBLE_HOME": str(home / "ansible"),
            "PATH": f"{Path(sys.executable).parent}:{NODE.parent}:{os.environ['PATH']}",
            "PIP_CACHE_DIR": subprocess.run(pip, stdout=subprocess.PIPE, text=True, check=True).stdout.strip(),
            # Where the user has said it by these very variables, that counts.
            **{name: inherited.get(name, str(user / file)) for name, file in NPM.items()},
            **next(({"PIP_CONFIG_FILE": str(one)} for one in (user / ".config/pip/pip.conf",) if one.exists()), {}),
        }


@dataclass
class Engine:
    """Plays pipelines of a repository."""

    repository: Repository

    def push(self, variant: str, *, until: Callable[[], object] | None = None, **variables: Any) -> Ended:
        """What a push to main starts; cancelled by a person once ``until`` is so."""
        return self._play(self.repository.commit(variant, **variables), "deploy", until=until)

    def roll_back(self, release: str = "") -> Ended:
        """What a person starts by hand."""
        return self._play(self.repository.commit("release-1"), "rollback", release=release)

    def _play(
        self, checkout: Path, action: str, *, release: str = "", until: Callable[[], object] | None = None
    ) -> Ended:
        raise NotImplementedError

    def _run(self, argv: list[str], checkout: Path, until: Callable[[], object] | None, **environment: str) -> Ended:
        with tempfile.TemporaryFile("w+") as printed:
            began = time.monotonic()
            process = subprocess.Popen(
                argv,
                cwd=checkout,
                env={**self.repository.environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                while process.poll() is None and time.monotonic() - began < LIMIT:
                    if until is not None and until():
                        process.send_signal(signal.SIGINT)
                        until = None
                    time.sleep(0.02)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            printed.seek(0)
            return Ended(code == 0, printed.read())


@dataclass
class GitHub(Engine):
    """By act, which resolves actions and the reusable workflow to directories here."""

    def _play(
        self, checkout: Path, action: str, *, release: str = "", until: Callable[[], object] | None = None
    ) -> Ended:
        local = {
            "nodeops/ansible-pm2@v0.1.0": collection(),
            "actions/cache@v5": ACTIONS / "cache",
            "actions/setup-node@v6": ACTIONS / "setup-node",
            "actions/upload-artifact@v6": ACTIONS / "upload-artifact",
            "actions/download-artifact@v7": ACTIONS / "download-artifact",
            "actions/attest-build-provenance@v3": ACTIONS / "attest-build-provenance",
        }
        argv = [str(Path(sys.executable).with_name("act")), "push" if action == "deploy" else "workflow_dispatch"]
        argv += ["--platform", "ubuntu-latest=-self-hosted", "--env", f"STORE={checkout}.store"]
        argv += ["--env", f"CACHES={self.repository.card.directory / 'caches'}"]
        argv += [word for name, path in local.items() for word in ("--local-repository", f"{name}={path}")]
        argv += ["--secret", "BLUEGREEN_ALERT_WEBHOOK"]
        if action != "deploy":
            argv += [word for one in (f"action={action}", f"release={release}") for word in ("--input", one)]
        # What a secret is, is handed on by the environment and never stands in a command line.
        return self._run(argv, checkout, until, BLUEGREEN_ALERT_WEBHOOK=self.repository.webhook)


@dataclass
class GitLab(Engine):
    """By gitlab-ci-local, whose jobs share a cache as they do there."""

    def _play(
        self, checkout: Path, action: str, *, release: str = "", until: Callable[[], object] | None = None
    ) -> Ended:
        assert until is None, "it has no way to cancel"
        given = {
            "GITLAB_CI": "true",
            "CI_DEFAULT_BRANCH": "main",
            "CI_PROJECT_URL": "https://gitlab.example.com/acme/shop",
            "BLUEGREEN_ALERT_WEBHOOK": self.repository.webhook,
            "BLUEGREEN_RELEASE": release,
        }
        (checkout / ".gitlab-ci-local-variables.yml").write_text(yaml.dump(given), encoding="utf-8")
        for cache in checkout.parent.glob("*/.gitlab-ci-local/cache"):
            (checkout / ".gitlab-ci-local").mkdir(exist_ok=True)
            cache.rename(checkout / ".gitlab-ci-local/cache")
        argv = [str(NODE), str(gitlab_ci_local()), "--force-shell-executor", "--shell-isolation", "--no-color"]
        argv += ["--no-artifacts-to-source", "--ignore-predefined-vars"]
        argv += ["GITLAB_CI,CI_DEFAULT_BRANCH,CI_PROJECT_URL"]
        argv += ["rollback"] if action == "rollback" else []
        return self._run(argv, checkout, until)


@functools.cache
def collection() -> Path:
    """A git repository of the working tree, as a user's ``ansible-galaxy`` finds it at the forge."""
    path = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "collection")
    worktree.copy(path)
    variants.commit(path, "v0.1.0")
    git(path, "tag", "v0.1.0")
    return path


@functools.cache
def gitlab_ci_local() -> Path:
    """The engine, fetched once a checkout."""
    directory = PROJECT / f".cache/gitlab-ci-local-{GITLAB_CI_LOCAL}"
    program = directory / "node_modules/gitlab-ci-local/dist/index.js"
    if not program.exists():
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "package.json").write_text(json.dumps({"private": True}), encoding="utf-8")
        npm = [str(NODE), str(NODE.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"), "install", "--no-audit"]
        subprocess.run([*npm, "--no-fund", f"gitlab-ci-local@{GITLAB_CI_LOCAL}"], cwd=directory, check=True)
    return program


def git(checkout: Path, *arguments: str) -> str:
    """What git prints there."""
    argv = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout
