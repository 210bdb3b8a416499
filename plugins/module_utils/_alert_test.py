# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asking the guard to prove that it can reach people: a request and an answer in its directory.

The guard alone can read the credentials, so that whoever asks, a person or the role, asks it.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _registry, _wait
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import INFO, Message, Verdict
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic


@dataclass(frozen=True)
class Tested:
    """What came of a test: when, UTC, ISO 8601, and a verdict on each channel."""

    at: str
    verdicts: tuple[Verdict, ...]

    @property
    def good(self) -> bool:
        """Whether there is a channel, and every one delivered."""
        return bool(self.verdicts) and all(one.good for one in self.verdicts)


def ask(directory: Path, *, timeout: float) -> Tested:
    """Have the guard try every channel.

    :raises DeployError: when no guard runs, or it does not answer within ``timeout`` seconds.
    """
    there = _registry.present(directory)
    if there is None or not there.alive:
        raise DeployError(
            "No guard runs that could try them.",
            expected="the guard of this host",
            seen="none" if there is None else f"its last process, {there.owner.pid}, is gone",
            where=str(directory),
            remedy="Start it: systemctl start bluegreen-guard, or play the role guard.",
        )
    identifier = secrets.token_hex(6)
    # Whoever asks may be root, and the guard, who is not, has to read it.
    write_atomic(directory / "alert-test.ask", json.dumps({"id": identifier}) + "\n", mode=0o644)
    if not _wait.until(lambda: _answered(directory) == identifier, timeout):
        raise DeployError(
            "The guard has not answered.",
            expected=f"a verdict on every channel within {timeout:g} s",
            where=str(directory),
            remedy="Look at what it says: journalctl -u bluegreen-guard.",
        )
    found = last(directory)
    return found or Tested("", ())


def asked(directory: Path) -> str:
    """The id of a request that waits, ``''`` where none does."""
    raw = read_json(directory / "alert-test.ask")
    return str(raw.get("id", "")) if isinstance(raw, dict) else ""


def message(identifier: str) -> Message:
    """What is sent."""
    host = os.uname().nodename
    text = f"A test of the alerts of {host}. Nothing is wrong, and nothing has to be done."
    return Message(
        id=f"test-{identifier}",
        at=_ledger.now(),
        severity=INFO,
        kind="test",
        text=text,
        short=text,
        facts={"kind": "test", "host": host},
    )


def answer(directory: Path, identifier: str, verdicts: Sequence[Verdict]) -> None:
    """Write down what came of it, and that it was done."""
    told = {"id": identifier, "at": _ledger.now(), "verdicts": [asdict(one) for one in verdicts]}
    write_atomic(directory / "alert-test.json", json.dumps(told, indent=1) + "\n", mode=0o600)
    (directory / "alert-test.ask").unlink(missing_ok=True)


def last(directory: Path) -> Tested | None:
    """The last test; ``None`` where there was none, or nothing can be made of what was written down of it."""
    raw = read_json(directory / "alert-test.json")
    try:
        return Tested(str(raw["at"]), tuple(Verdict(**one) for one in raw["verdicts"])) if raw else None
    except (LookupError, TypeError):
        return None


def _answered(directory: Path) -> str:
    raw = read_json(directory / "alert-test.json")
    return str(raw.get("id", "")) if isinstance(raw, dict) else ""
