# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the scenarios' tests share: the embedded hosts, one test run for each."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._placement import slots

PROJECT = Path(os.environ.get("MOLECULE_PROJECT_DIRECTORY", Path(__file__).parent.parent))
sys.path.insert(0, str(PROJECT / "demo"))

import variants
from load import Load

# What a rollback is to go back to has to be something else.
ALWAYS_NEW = frozenset({"told", "witness"})
PASSED, REFUSED = 0, 2  # exit codes of ansible-playbook: all is well, a host failed
NODE = PROJECT / ".venv/node/bin/node"
PM2 = PROJECT / ".cache/pm2/node_modules/pm2/bin/pm2"


@dataclass(frozen=True)
class Card:
    """A host, as ``shared/create.yml`` or ``shared/hosts/create.yml`` made it.

    :param name: inventory name.
    :param directory: on this machine, for what belongs to the host.
    :param ports: TCP ports by use: ``edge``, ``blue``, ``green``, ``main``, ``spare``, ``alien``.
    :param address: where it is in the network; empty for one that is embedded in this machine.
    :param container: what podman calls it.
    """

    name: str
    directory: Path
    root: Path
    run_dir: Path
    pm2_home: Path
    ports: dict[str, int] = field(hash=False)  # hashable, the card lets pytest keep the tests in their order
    address: str = ""
    container: str = ""

    @classmethod
    def read(cls, path: Path) -> Card:
        """The card in a file."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        paths = {name: Path(raw[name]) for name in ("directory", "root", "run_dir", "pm2_home")}
        ports = {use: int(port) for use, port in raw["ports"].items()}
        address, container = raw.get("address", ""), raw.get("container", "")
        return cls(name=raw["name"], ports=ports, address=address, container=container, **paths)


@dataclass(frozen=True)
class Run:
    """A playbook that ended: exit code, everything it printed, seconds it took."""

    code: int
    output: str
    seconds: float

    @property
    def changed(self) -> int:
        """How many changes the recap counts, on all hosts."""
        counts = re.findall(r"\bok=\d+ +changed=(\d+)", self.output)
        assert counts, self.output
        return sum(map(int, counts))


@dataclass(frozen=True)
class Running:
    """A playbook under way."""

    process: subprocess.Popen[bytes]
    printed: IO[str]
    began: float

    def until(self, what: Callable[[], object]) -> None:
        """Wait until something is so, looking so often that what follows hits the very moment."""
        while not what():
            assert self.process.poll() is None, self.end(ends=self.process.returncode).output
            time.sleep(0.005)

    def end(self, *, ends: int = PASSED) -> Run:
        """Wait for its end, which has to be ``ends``."""
        code = self.process.wait()
        run = Run(code, self.output(), time.monotonic() - self.began)
        assert run.code == ends, run.output
        return run

    def output(self) -> str:
        """What it has printed so far."""
        self.printed.seek(0)
        return self.printed.read()

    def kill(self) -> None:
        """What kill -9, a power cut or a closed laptop leaves of it and of everything it started: nothing."""
        self.process.send_signal(signal.SIGSTOP)  # so that it starts nothing new meanwhile
        for pid in [self.process.pid, *_process.descendants(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class App:
    """The demo backend on one host: deploys it as a user would, and asks it as a client would.

    :param options: of the role, without their prefix, for every run.
    :param limit: the hosts that are played; the app's own unless it says otherwise.
    """

    card: Card
    options: dict[str, Any] = field(default_factory=dict)
    limit: str = ""

    @property
    def front(self) -> str:
        """Where a user comes in: at the edge, or at the main process where there is none."""
        return f"http://127.0.0.1:{self.card.ports['edge' if self.slots[0].socket else 'main']}"

    @property
    def slots(self) -> list[Slot]:
        """The slots, as the role makes them of the same options."""
        strategy, listen = self.options.get("strategy", "edge"), self.options.get("listen", "port")
        made = slots("backend", strategy=strategy, listen=listen, ports=self.card.ports, run_dir=str(self.card.run_dir))
        return [Slot(**slot) for slot in made]

    @property
    def layout(self) -> Layout:
        """Where its files lie."""
        return Layout(self.card.root)

    def deploy(self, variant: str, *, ends: int = PASSED, **options: Any) -> Run:
        """Deploy a variant of the demo backend; the options are the role's, without their prefix."""
        return self.play("deploy", ends=ends, source=str(self.source(variant)), **options)

    def rollback(self, *, ends: int = PASSED, **options: Any) -> Run:
        """Roll back, to ``release`` where one is given."""
        return self.play("rollback", ends=ends, **options)

    def play(self, name: str, *arguments: str, ends: int = PASSED, **options: Any) -> Run:
        """Run one of the collection's playbooks to its end, which has to be ``ends``."""
        with self.playing(name, *arguments, **options) as running:
            return running.end(ends=ends)

    @contextlib.contextmanager
    def playing(self, name: str, *arguments: str, **options: Any) -> Iterator[Running]:
        """Run one of the collection's playbooks beside the test, and no longer than it."""
        with tempfile.TemporaryFile("w+") as printed:
            process = subprocess.Popen(
                self.command(name, *arguments, **options),
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
            )
            running = Running(process, printed, time.monotonic())
            try:
                yield running
            finally:
                if process.poll() is None:
                    running.kill()

    @contextlib.contextmanager
    def deploying(self, variant: str, **options: Any) -> Iterator[Running]:
        """:meth:`deploy` beside the test."""
        with self.playing("deploy", source=str(self.source(variant)), **options) as running:
            yield running

    @contextlib.contextmanager
    def asked(self, path: str = "/health", *, clients: int = 10, rate: float = 50) -> Iterator[None]:
        """Under keep-alive clients, who must not notice anything."""
        with Load(f"{self.front}{path}", clients=clients, rate=rate) as load:
            yield
        seen = load.result()
        assert seen.requests > 0
        assert not seen.failed, "\n".join([str(seen), *seen.failures])

    def command(self, name: str, *arguments: str, **options: Any) -> list[str]:
        """The command line of :meth:`play`."""
        named = {f"bluegreen_{key}": value for key, value in {**self.options, **options}.items()}
        inventory = os.environ["MOLECULE_INVENTORY_FILE"]
        playbook = [
            "ansible-playbook",
            f"playbooks/{name}.yml",
            "-i",
            inventory,
            "--limit",
            self.limit or self.card.name,
        ]
        return [*playbook, "-e", json.dumps(named), *arguments]

    def source(self, variant: str) -> Path:
        """A git checkout of a variant, made once; of some it is another commit each time."""
        path = self.card.directory / "source" / variant
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            variants.make(variant, path, git=True)
        elif variant in ALWAYS_NEW:
            with (path / "CHANGES").open("a", encoding="utf-8") as changes:
                changes.write("Something.\n")
            variants.commit(path, "Something")
        return path

    def answer(self, path: str = "/health", *, timeout: float = 5) -> dict[str, Any]:
        """What the front door says; empty where it is no JSON with status 200."""
        try:
            return dict(json.loads(self.text(path, timeout=timeout)))
        except (OSError, ValueError):
            return {}

    def text(self, path: str, *, timeout: float = 5) -> str:
        """What the front door says with status 200, as it is."""
        url = f"{self.front}{path}"
        with urllib.request.urlopen(url, timeout=timeout) as answer:  # noqa: S310 - a constant scheme, http
            return str(answer.read().decode())

    def live(self) -> str:
        """What ``current`` points to."""
        current = self.card.root / "current"
        return current.readlink().name if current.is_symlink() else ""

    def is_answered_by(self, release: str, slot: str) -> None:
        """The one assertion of all scenarios: this release answers at the front door, by the process in this slot."""
        answer = self.answer()
        assert (answer.get("release"), answer.get("slot")) == (release, slot)
        assert self.serves(release, slot) == {answer["pid"]}

    def serves(self, release: str, slot: str) -> set[int]:
        """What of it can be seen from outside, of any app: who serves the live release. Its pids."""
        tree, place = self.layout.release(release), next(one for one in self.slots if one.name == slot)
        assert self.live() == release
        pids = _process.listeners(place.address).pids
        assert {_process.cwd(pid) for pid in pids} == {str(tree.path)}
        assert not place.socket or tree.listen.readlink() == Path(place.socket)
        return set(pids)

    def has_not_drifted(self) -> None:
        """Nothing is otherwise than the live release was declared."""
        self.play("status", drift="fail")

    def entries(self, release: str = "") -> list[dict[str, Any]]:
        """The ledger's lines, of one release or of all; none where there is no ledger."""
        entries = [vars(entry) for entry in _ledger.read(self.layout.ledger)]
        return [entry for entry in entries if release in ("", entry["release"])]

    def events(self, release: str = "") -> list[str]:
        """The ledger's events, of one release or of all."""
        return [entry["event"] for entry in self.entries(release)]

    def pm2(self, *arguments: str, **variables: str) -> str:
        """What PM2's own command line says to a person at the host, in whose shell there are ``variables``."""
        environment = {"PATH": f"{NODE.parent}:/usr/bin:/bin", "PM2_HOME": str(self.card.pm2_home), **variables}
        argv = [str(NODE), str(PM2), *arguments]
        return subprocess.run(argv, cwd="/", env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout

    def listeners(self, slot: str) -> set[int]:
        """Who listens on the address of a slot."""
        place = next(one for one in self.slots if one.name == slot)
        return set(_process.listeners(place.address).pids)


def waived(*names: str) -> list[dict[str, str]]:
    """Waivers of items of the checklist that a scenario is not about."""
    until = datetime.now(timezone.utc).date() + timedelta(days=2)
    return [{"waives": name, "reason": "Another scenario's.", "until": until.isoformat()} for name in names]


def listing(directory: Path) -> dict[str, str]:
    """All that can be seen of a directory, itself included: kind, mode, time of the last change and content by path."""
    paths = [directory, *sorted(directory.rglob("*"))] if directory.exists() else []
    return {str(path): _seen(path) for path in paths}


def _seen(path: Path) -> str:
    found = path.lstat()
    content = ""
    if path.is_symlink():
        content = os.readlink(path)
    elif path.is_file():
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{found.st_mode:o} {found.st_mtime_ns} {content}"


@pytest.fixture
def as_users_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are told as their phases, not task by task."""
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "nodeops.pm2.phases")


@pytest.fixture(scope="session")
def app(card: Card) -> App:
    """The app on an embedded host."""
    return App(card)


@pytest.fixture
def _as_users_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Playbooks are told as phases, as they are outside Molecule."""
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "nodeops.pm2.phases")


def cards() -> list[Card]:
    """The cards of the scenario's hosts."""
    paths = sorted(Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]).glob("*.card.json"))
    assert paths, "the scenario has no hosts"
    return [Card.read(path) for path in paths]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``card`` once for every host of the scenario."""
    if "card" in metafunc.fixturenames:
        metafunc.parametrize("card", cards(), ids=lambda card: card.name, scope="session")
