# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the scenarios' tests share: the embedded hosts, one test run for each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(os.environ.get("MOLECULE_PROJECT_DIRECTORY", Path(__file__).parent.parent))
sys.path.insert(0, str(PROJECT / "demo"))

import variants  # noqa: E402 - the path to it stands above

PASSED, REFUSED = 0, 2  # exit codes of ansible-playbook: all is well, a host failed


@dataclass(frozen=True)
class Card:
    """An embedded host, as ``shared/create.yml`` made it.

    :param name: inventory name.
    :param ports: TCP ports by use: ``edge``, ``blue``, ``green``, ``main``, ``spare``, ``alien``.
    """

    name: str
    directory: Path
    root: Path
    run_dir: Path
    pm2_home: Path
    ports: dict[str, int]

    @classmethod
    def read(cls, path: Path) -> Card:
        """The card in a file."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        paths = {name: Path(raw[name]) for name in ("directory", "root", "run_dir", "pm2_home")}
        return cls(name=raw["name"], ports={use: int(port) for use, port in raw["ports"].items()}, **paths)


@dataclass(frozen=True)
class Run:
    """A playbook that ended: exit code, everything it printed, seconds it took."""

    code: int
    output: str
    seconds: float


@dataclass
class App:
    """The demo backend on one host: deploys it as a user would, and asks it as a client would."""

    card: Card
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def front(self) -> str:
        """Where a user comes in."""
        return f"http://127.0.0.1:{self.card.ports['edge']}"

    def deploy(self, variant: str, *, ends: int = PASSED, **options: Any) -> Run:
        """Deploy a variant of the demo backend; the options are the role's, without their prefix."""
        return self.play("deploy", ends=ends, source=str(self.source(variant)), **options)

    def rollback(self, *, ends: int = PASSED, **options: Any) -> Run:
        """Roll back, to ``release`` where one is given."""
        return self.play("rollback", ends=ends, **options)

    def play(self, name: str, *arguments: str, ends: int = PASSED, **options: Any) -> Run:
        """Run one of the collection's playbooks to its end, which has to be ``ends``."""
        began = time.monotonic()
        ended = subprocess.run(
            self.command(name, *arguments, **options), cwd=PROJECT, capture_output=True, text=True, check=False
        )
        run = Run(ended.returncode, ended.stdout + ended.stderr, time.monotonic() - began)
        assert run.code == ends, run.output
        return run

    def command(self, name: str, *arguments: str, **options: Any) -> list[str]:
        """The command line of :meth:`play`."""
        named = {f"bluegreen_{key}": value for key, value in {**self.options, **options}.items()}
        inventory = os.environ["MOLECULE_INVENTORY_FILE"]
        playbook = ["ansible-playbook", f"playbooks/{name}.yml", "-i", inventory, "--limit", self.card.name]
        return [*playbook, "-e", json.dumps(named), *arguments]

    def source(self, variant: str) -> Path:
        """A git checkout of a variant, made once."""
        path = self.card.directory / "source" / variant
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            variants.make(variant, path, git=True)
        return path

    def answer(self, path: str = "/health") -> dict[str, Any]:
        """What the front door says; empty where it is no JSON with status 200."""
        try:
            with urllib.request.urlopen(f"{self.front}{path}", timeout=5) as answer:
                return dict(json.load(answer))
        except (OSError, ValueError):
            return {}

    def live(self) -> str:
        """What ``current`` points to."""
        current = self.card.root / "current"
        return current.readlink().name if current.is_symlink() else ""

    def is_answered_by(self, release: str, slot: str) -> None:
        """The one assertion of all scenarios: the front door is answered by this release, by the process in this slot."""
        assert self.live() == release
        answer = self.answer()
        assert (answer.get("release"), answer.get("slot")) == (release, slot)
        assert Path(f"/proc/{answer['pid']}/cwd").resolve() == self.card.root / "releases" / release
        assert (self.card.root / "releases" / release / ".release/listen.sock").readlink().name == f"{slot}.sock"

    def events(self, release: str = "") -> list[str]:
        """The ledger's events, of one release or of all."""
        lines = (self.card.root / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines]
        return [entry["event"] for entry in entries if release in ("", entry.get("release"))]


@pytest.fixture(scope="session")
def app(card: Card) -> App:
    """The app on the host."""
    return App(card)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``card`` once for every host of the scenario."""
    if "card" in metafunc.fixturenames:
        paths = sorted(Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]).glob("*.card.json"))
        assert paths, "the scenario has no hosts"
        metafunc.parametrize("card", [Card.read(path) for path in paths], ids=lambda card: card.name, scope="session")
