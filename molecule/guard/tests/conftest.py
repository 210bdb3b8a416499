# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app that a guard watches, and the services outside that it tells."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import PASSED, App, Card
from ansible_collections.nodeops.pm2.molecule.shared.outside import (
    ACCOUNT,
    AUTH,
    CHAT,
    MOBILE,
    SENDER,
    TOKEN,
    Asked,
    Outside,
)
from ansible_collections.nodeops.pm2.plugins.module_utils import _incident, _lock, _pm2, _process, _registry
from ansible_collections.nodeops.pm2.plugins.module_utils._incident import Incident
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

PYTHON = "/usr/bin/python3"


@dataclass
class Watched:
    """The app, its guard, and who is told."""

    app: App
    outside: Outside

    @property
    def directory(self) -> Path:
        """Where the guard keeps its things."""
        return self.app.card.directory / "guard"

    @property
    def program(self) -> list[str]:
        """The command on the host."""
        settings = self.app.card.directory / "guard-config/guard.json"
        return [PYTHON, str(self.app.card.directory / "bin/bluegreen"), "--settings", str(settings)]

    @property
    def pid(self) -> int:
        """The guard's process."""
        there = _registry.present(self.directory)
        assert there is not None
        return there.owner.pid

    def install(self, *, ends: int = PASSED, **options: Any) -> str:
        """Play the role; options without their prefix."""
        base = self.app.card.directory
        given = {
            "kind": "process",
            "python": PYTHON,
            "bin": f"{base}/bin/bluegreen",
            "config_dir": f"{base}/guard-config",
            "dir": str(self.directory),
            "interval": 1,
            "telegram": {"token": TOKEN, "chat": CHAT, "base_url": self.outside.url},
            "twilio": {
                "account": ACCOUNT,
                "password": AUTH,
                "sender": SENDER,
                "to": [MOBILE],
                "base_url": self.outside.url,
            },
            "webhook": {"url": f"{self.outside.url}/hook"},
            "heartbeat_url": f"{self.outside.url}/ping/backend",
            "heartbeat_interval": 30,
            **options,
        }
        named = json.dumps({f"guard_{name}": value for name, value in given.items()})
        return self.app.play("guard", "-e", named, ends=ends).output

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait until it is gone: one that still ends is one that runs."""
        there = _registry.present(self.directory)
        assert there is not None
        os.kill(there.owner.pid, number)
        self.until(lambda: not there.alive)

    def start(self) -> None:
        """Start it again, as a service manager would."""
        subprocess.run([*self.program, "guard", "--detach", str(self.directory / "guard.log")], check=True)

    def run(self, *arguments: str, ends: int = 0) -> str:
        """What the command on the host says."""
        ended = subprocess.run([*self.program, *arguments], capture_output=True, text=True, check=False)
        assert ended.returncode == ends, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    def deploy(self, release: str, variant: str = "told", **options: Any) -> None:
        """Deploy a release; what it is to do is told later."""
        self.app.deploy(variant, release=release, guard_dir=str(self.directory), **options)
        self.until(lambda: f"Release: {release}" in self.told("release confirmed"))

    def tell(self, release: str, what: str) -> float:
        """Have a release misbehave; when that was."""
        path = self.app.card.root / "told" / release
        path.parent.mkdir(exist_ok=True)
        path.write_text(what, encoding="utf-8")
        return time.time()

    def kill_app(self) -> None:
        """kill -9 of the process that serves."""
        os.kill(self.process().pid, signal.SIGKILL)

    def process(self) -> _pm2.Record:
        """What PM2 has of the process that serves."""
        name = f"backend-{self.app.layout.release(self.app.live()).listen.readlink().stem}"
        (record,) = (one for one in _pm2.records(Pm2(self.app.card.pm2_home)) if one.name == name)
        return record

    def messages(self, service: str = "telegram") -> list[Asked]:
        """What was delivered by a service."""
        return [asked for asked in self.outside.of(service) if 200 <= asked.status < 300]

    def told(self, what: str) -> str:
        """The last message of that title, by Telegram; empty where there is none."""
        texts = [str(one.body["text"]) for one in self.messages()]
        return next((text for text in reversed(texts) if what in text.splitlines()[0]), "")

    def texts(self) -> list[str]:
        """The titles of all messages, by Telegram."""
        return [str(one.body["text"]).splitlines()[0] for one in self.messages()]

    def until(self, what: Callable[[], object], seconds: float = 60) -> None:
        """Wait until something is so."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, self.state()
            time.sleep(0.02)

    def state(self) -> str:
        """All that could tell why something did not come about."""
        log = (self.directory / "guard.log").read_text(encoding="utf-8")
        history = subprocess.run([*self.program, "history"], capture_output=True, text=True, check=False).stdout
        return "\n".join(["", log, history, *self.texts(), str(_lock.held(self.app.layout.lock))])

    def incident(self, kind: str, release: str) -> Incident:
        """The record of what befell a release."""
        found, broken = _incident.read(self.app.layout.root)
        assert broken == []
        return next(one for one in reversed(found) if (one.kind, one.release) == (kind, release))

    def figures(self, kind: str, release: str) -> dict[str, float]:
        """How long everything took, printed for whoever reads the log."""
        found = _incident.seconds(self.incident(kind, release))
        print(f"FIGURES {kind}: " + ", ".join(f"{step} {seconds:.2f} s" for step, seconds in found.items()))
        return found

    def age(self, release: str, seconds: float) -> None:
        """Have a release be that much older: the dates in the ledger are moved, not waited for."""
        ledger = self.app.layout.ledger
        lines = ledger.read_text(encoding="utf-8").splitlines()
        moved = [_older(line, seconds) if json.loads(line).get("release") == release else line for line in lines]
        ledger.write_text("\n".join(moved) + "\n", encoding="utf-8")
        time.sleep(2)  # the guard looks once a second


def _older(line: str, seconds: float) -> str:
    entry = json.loads(line)
    at = datetime.fromisoformat(entry["at"].replace("Z", "+00:00")) - timedelta(seconds=seconds)
    return json.dumps({**entry, "at": re.sub(r"\+00:00$", "Z", at.isoformat(timespec="milliseconds"))})


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    """The services outside, on loopback."""
    with Outside() as services:
        yield services


@pytest.fixture(scope="session")
def watched(card: Card, outside: Outside) -> Iterator[Watched]:
    """A guard that runs, and nothing deployed yet."""
    watched = Watched(App(card, {"standby": 60}), outside)
    yield watched
    with contextlib.suppress(ProcessLookupError, AssertionError):
        os.kill(watched.pid, signal.SIGTERM)


def alive(pid: int) -> bool:
    """Whether a process runs."""
    return _process.start_time(pid) is not None
