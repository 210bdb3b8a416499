# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is told of an app and of who watches it, at every stage of its life."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _alert_test,
    _deadline,
    _facts,
    _incident,
    _lock,
    _registry,
    _status,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._channels import Verdict
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment

ME = _lock.Owner("guard@web1", "watching", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
FACTS = _facts.ProcessFacts("shop-blue", True, "online", "fork", (7,), 2, None, 61.5, {}, (7,), True, True, "", "")


@pytest.fixture
def live(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """r1 is live and good, and its process serves."""
    app.deployed("r1", "blue")
    monkeypatch.setattr(_facts, "read_facts", lambda *_: FACTS)
    monkeypatch.setattr(_facts, "runs_release", lambda *_: True)
    return app


def lines(app: Any, guard: Path = Path("/nowhere")) -> list[str]:
    return _status.lines(_status.read(app.layout, guard=guard), host="web1")


def test_a_good_one(live: Any) -> None:
    assert lines(live) == [
        "shop on web1: r1 is live in blue since 2026-11-23T10:15:00.000Z",
        "  verdict good, rollback goes to nothing",
        "  process shop-blue: pid 7, 2 restarts, up 61 s, owns its address",
        "  no guard watches this host",
        "  * r1                                 good         blue   abc",
    ]
    status = _status.read(live.layout, guard=Path("/nowhere"))
    assert (status.good, status.silent) == (True, "")
    assert status.as_dict()["process"]["pids"] == (7,)


def test_nothing_was_ever_deployed(app: Any) -> None:
    status = _status.read(app.layout, guard=Path("/nowhere"))
    assert (status.app, status.good, status.process, status.history) == ("shop", False, None, ())
    assert lines(app) == ["shop on web1: nothing is live", "  no guard watches this host"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda app: _lock.freeze(app.layout.root, "lunch"), "  FROZEN: lunch"),
        (lambda app: _lock.acquire(app.layout.lock, ME, ttl=900), "  locked by guard@web1 (pid "),
        (lambda app: _deadline.arm(app.layout, "r1", seconds=60, by="ann", now=0), "by 1970-01-01T00:01:00Z"),
        (lambda app: app.note("published:r1"), "(never confirmed)"),
        (lambda app: app.put("r2", sealed=False), "unfinished"),
    ],
)
def test_what_else_there_is_to_know(live: Any, spoil: Any, says: str) -> None:
    spoil(live)
    assert any(says in line for line in lines(live)), lines(live)


def test_who_does_not_serve_is_told_in_capitals(live: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_facts, "runs_release", lambda *_: False)
    monkeypatch.setattr(_facts, "read_facts", lambda *_: dataclasses.replace(FACTS, pids=(), listener_is_ours=False))
    assert "pid none, 2 restarts, up 61 s, does NOT own its address; the live release does NOT serve" in lines(live)[2]
    assert not _status.read(live.layout).good


def test_an_open_incident_is_shown_and_a_closed_one_is_history(live: Any) -> None:
    moment = Moment(1_795_428_960.0, 1.0, "boot")
    incident = _incident.Incident("20261123T101600000Z-ended", "shop", "web1", "r1", "", "ended", "It has ended")
    _incident.write(live.layout.root, _incident.reached(incident, "first_seen", moment))
    assert any(line.startswith("  incident ") for line in lines(live))
    closed = dataclasses.replace(_incident.reached(incident, "first_seen", moment), outcome="It is well again.")
    _incident.write(live.layout.root, closed)
    assert not any(line.startswith("  incident ") for line in lines(live))
    history = _status.history_lines(_status.read(live.layout))
    assert history[-1].startswith("2026-11-23T10:16:00Z  incident     20261123T101600000Z-ended")
    assert [line.split()[1] for line in history[:-1]] == ["staged", "gated", "published", "good"]


@pytest.mark.parametrize(
    ("owner", "channels", "verdict", "says", "silent"),
    [
        (ME, ("chat",), True, "watched by a guard that tells chat, tried 2", ""),
        (ME, ("chat",), False, "watched by a guard that tells chat, NOT proved to work", "did not reach chat"),
        (ME, ("chat",), None, "watched by a guard that tells chat, NOT proved to work", "never tried"),
        (ME, (), None, "watched by a guard that tells nobody", ""),
        (dataclasses.replace(ME, started=1), ("chat",), True, "the guard does NOT run", "does not run"),
    ],
)
def test_who_watches(
    live: Any,
    tmp_path: Path,
    owner: _lock.Owner,
    channels: tuple[str, ...],
    verdict: bool | None,
    says: str,
    silent: str,
) -> None:
    guard = tmp_path / "guard"
    (guard / "apps").mkdir(parents=True)
    _registry.announce(guard, _registry.Presence(owner, channels))
    if verdict is not None:
        _alert_test.answer(guard, "1", [Verdict("chat", verdict, "" if verdict else "away")])
    status = _status.read(live.layout, guard=guard)
    assert status.guard.startswith(says)
    assert silent in status.silent
    assert any(line.startswith("  SILENT: ") for line in lines(live, guard)) is bool(silent)
