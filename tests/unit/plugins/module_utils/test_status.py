# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is told of an app: by ``status.yml`` and by the host's own command, which is asked here."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _alert_test,
    _cli,
    _deadline,
    _drift_look,
    _facts,
    _incident,
    _lock,
    _registry,
    _status,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Verdict
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._drift_seen import Difference

DIFFERENCE = Difference("file_changed", "a.js was changed on this host.", "x", "y", "/a.js", "Deploy again.")
ME = _lock.Owner("guard@web1", "watching", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def command(app: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command at the host's shell: its exit code and what it prints."""
    settings = app.layout.root / "guard.json"
    settings.write_text(json.dumps({"directory": str(app.layout.root / "guard")}))

    def run(*arguments: str) -> tuple[int, str]:
        code = _cli.main(["--settings", str(settings), "--root", str(app.layout.root), *arguments])
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def live(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """r1 is good, live in blue and serves; nothing has drifted."""
    app.deployed("r1", "blue")
    path = str(app.layout.release("r1").path)
    facts = _facts.ProcessFacts(
        "shop-blue", True, "online", "fork", (7,), 2, None, 9.4, {7: path}, (7,), True, True, "", ""
    )
    monkeypatch.setattr(_facts, "read_facts", lambda *_: facts)
    monkeypatch.setattr(_drift_look, "look", lambda _layout: ())
    return app


@pytest.mark.usefixtures("live")
def test_all_is_well(command: Run) -> None:
    code, said = command("status")
    assert (code, said.splitlines()) == (
        0,
        [
            f"shop on {os.uname().nodename}: r1 is live in blue since 2026-11-23T10:15:00.000Z",
            "  verdict good, rollback goes to nothing",
            "  process shop-blue: pid 7, 2 restarts, up 9 s, owns its address",
            "  no guard watches this host",
            "  * r1                                 good         blue   abc",
        ],
    )
    code, said = command("status", "--drift")
    assert code == 0
    assert said.splitlines()[-1].strip().startswith("no drift: ")
    code, said = command("--json", "status")
    told = json.loads(said)
    assert (told["app"], told["good"], told["state"]["live"], told["guard"], told["drift"]) == (
        *("shop", True, "r1"),
        *(None, None),
    )


def no_guard(app: Any) -> None:
    (app.layout.root / "guard/apps").mkdir(parents=True)
    owner = _lock.Owner("guard", "watches", os.getpid(), _lock.this_boot(), 1)
    _registry.announce(app.layout.root / "guard", _registry.Presence(owner))


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(
            lambda app: _lock.freeze(app.layout.root, "we are at lunch"), "FROZEN: we are at lunch", id="frozen"
        ),
        pytest.param(lambda app: app.note("published:r1"), "verdict published (never confirmed)", id="unconfirmed"),
        pytest.param(no_guard, "the guard does NOT run", id="no guard"),
        pytest.param(lambda app: app.layout.current.unlink(), "nothing is live", id="nothing live"),
    ],
)
def test_somebody_should_look(app: Any, command: Run, spoil: Callable[[Any], object], said: str) -> None:
    spoil(app)
    code, told = command("status")
    assert code == 3
    assert said in told


@pytest.mark.usefixtures("live")
def test_drift_is_a_reason_to_look(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_drift_look, "look", lambda _layout: (DIFFERENCE,))
    assert command("status")[0] == 0, "nobody asked"
    code, said = command("status", "--drift")
    assert (code, "  DRIFT a.js was changed on this host.\n" in said) == (3, True)
    told = json.loads(command("--json", "status", "--drift")[1])
    assert (told["good"], told["drift"]) == (False, [DIFFERENCE.as_dict()])


@pytest.mark.usefixtures("live")
def test_what_runs_is_not_the_live_release(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = dataclasses.replace(_facts.read_facts(None, None), listener_is_ours=False)  # type: ignore[arg-type]
    monkeypatch.setattr(_facts, "read_facts", lambda *_: facts)
    code, said = command("status")
    assert code == 3
    assert "does NOT own its address; the live release does NOT serve" in said


@pytest.mark.usefixtures("live")
def test_what_is_under_way_and_what_happened(app: Any, command: Run) -> None:
    app.locked()
    _deadline.arm(app.layout, "r1", seconds=600, by="ann@laptop", now=Moment(1_800_000_000.0, 0, ""))
    times = {"first_seen": Moment(1_700_000_000.0, 5.0, "b"), "detected": Moment(1_700_000_002.0, 7.0, "b")}
    incident = _incident.Incident("i1", "shop", "web1", "r1", "abc", "crash_loop", "It crashed.", times)
    _incident.write(app.layout.root, incident)
    said = command("status")[1]
    assert "  to be confirmed by 2027-01-15T08:10:00Z\n" in said
    assert "  locked by ann@laptop (pid 1), deploy of shop" in said
    assert "  incident i1 r1: It crashed. (detected after 2.0 s) (open)\n" in said
    lines = command("history")[1].splitlines()
    assert lines[0].startswith("2023-11-14T22:13:20Z  incident     i1 r1: It crashed.")
    assert [line.split()[1] for line in lines[1:]] == ["staged", "gated", "published", "good"]


def test_nothing_was_ever_deployed(command: Run) -> None:
    code, said = command("status", "--drift")
    assert (code, said) == (3, f"shop on {os.uname().nodename}: nothing is live\n  no guard watches this host\n")


def lines(app: Any, guard: Path = Path("/nowhere")) -> list[str]:
    return _status.lines(_status.read(app.layout, guard=guard), host="web1")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda app: _lock.freeze(app.layout.root, "lunch"), "  FROZEN: lunch"),
        (lambda app: _lock.acquire(app.layout.lock, ME, ttl=900), "  locked by guard@web1 (pid "),
        (
            lambda app: _deadline.arm(app.layout, "r1", seconds=60, by="ann", now=Moment(0, 0, "")),
            "by 1970-01-01T00:01:00Z",
        ),
        (lambda app: app.note("published:r1"), "(never confirmed)"),
        (lambda app: app.put("r2", sealed=False), "unfinished"),
    ],
)
def test_what_else_there_is_to_know(live: Any, spoil: Any, says: str) -> None:
    spoil(live)
    assert any(says in line for line in lines(live)), lines(live)


def test_an_open_incident_is_shown_and_a_closed_one_is_history(live: Any) -> None:
    moment = Moment(1_795_428_960.0, 1.0, "boot")
    incident = _incident.Incident("20261123T101600000Z-ended", "shop", "web1", "r1", "", "ended", "It has ended")
    _incident.write(live.layout.root, _incident.reached(incident, "first_seen", moment))
    assert any(line.startswith("  incident ") for line in lines(live))
    closed = dataclasses.replace(_incident.reached(incident, "first_seen", moment), outcome="It is well again.")
    _incident.write(live.layout.root, closed)
    assert not any(line.startswith("  incident ") for line in lines(live))
    history = _status.history_lines(_status.read(live.layout), last=20)
    assert history[-1].startswith("2026-11-23T10:16:00Z  incident     20261123T101600000Z-ended")
    assert [line.split()[1] for line in history[:-1]] == ["staged", "gated", "published", "good"]


def test_an_incident_of_long_ago_does_not_come_before_what_happened_since(live: Any) -> None:
    for name, wall in (("old", 1_700_000_000.0), ("new", 1_795_428_960.0)):
        times = {"first_seen": Moment(wall, 1.0, "boot")}
        incident = _incident.Incident(name, "shop", "web1", "r1", "", "ended", "It has ended", times, outcome="Well.")
        _incident.write(live.layout.root, incident)
    shown = [_status.history_lines(_status.read(live.layout, last=last), last=last) for last in (3, 6)]
    assert [line.split()[1:3] for line in shown[0]] == [["published", "r1"], ["good", "r1"], ["incident", "new"]]
    assert shown[1][0].split()[1:3] == ["incident", "old"]


@pytest.mark.parametrize(
    ("owner", "says"),
    [
        (dataclasses.replace(ME, started=1), f"; its process {os.getpid()} is gone: the next deploy or rollback takes"),
        (ME, ""),
        (dataclasses.replace(ME, started=1, boot_id="another machine"), ""),
    ],
    ids=["gone", "there", "elsewhere"],
)
def test_whether_whoever_holds_the_lock_is_there(live: Any, owner: _lock.Owner, says: str) -> None:
    _lock.acquire(live.layout.lock, owner, ttl=900)
    (line,) = (line for line in lines(live) if line.startswith("  locked by guard@web1"))
    assert says in line
    assert ("gone" in line) is bool(says)
    left = _status.read(live.layout, guard=Path("/nowhere")).as_dict()["left"]
    assert bool(left) is bool(says)


def test_a_freeze_says_by_whom_and_since_when(live: Any) -> None:
    _lock.freeze(live.layout.root, "lunch", by="ann@web1")
    (line,) = (line for line in lines(live) if "FROZEN" in line)
    assert line.startswith("  FROZEN: lunch (frozen by ann@web1 since 20")
    told = _status.read(live.layout, guard=Path("/nowhere")).as_dict()["freeze"]
    assert (told["reason"], told["by"], told["at"] > 0) == ("lunch", "ann@web1", True)


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
    _registry.register(guard, "shop", live.layout.root)
    if verdict is not None:
        _alert_test.answer(guard, "1", [Verdict("chat", verdict, "" if verdict else "away")])
    status = _status.read(live.layout, guard=guard)
    assert str(status.guard).startswith(says)
    assert silent in status.silent
    assert any(line.startswith("  SILENT: ") for line in lines(live, guard)) is bool(silent)


def test_a_guard_that_does_not_know_the_app_is_a_reason_to_look(live: Any, tmp_path: Path) -> None:
    (tmp_path / "guard/apps").mkdir(parents=True)
    _registry.announce(tmp_path / "guard", _registry.Presence(ME))
    assert "  a guard runs here and does NOT know this app" in lines(live, tmp_path / "guard")
    assert not _status.read(live.layout, guard=tmp_path / "guard").good
