# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard as a process: what it says of itself, what it survives, and what a guard before it left."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _begin, _lock, _notify, _registry, _service
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice

ME = _lock.Owner("guard@web1", "watching", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
GONE = dataclasses.replace(ME, started=1)


class Mouth:
    """A herald that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Notice] = []
        self.felt: list[bool] = []
        self.done: list[str] = []
        self.is_critical = False

    def tell(self, notice: Notice) -> str:
        """Keep it."""
        self.told.append(notice)
        return ""

    def did(self, app: str, done: str) -> None:
        """Keep it."""
        assert app == "shop"
        self.done.append(done)

    def feel(self, *, good: bool, critical: bool) -> None:
        """Keep it."""
        assert not critical
        self.felt.append(good)


def guard_that(turn: Any) -> Any:
    return SimpleNamespace(turn=turn, host="web1", acting=0.0, by="guard@web1", herald=Mouth())


def test_what_the_host_refuses_is_told_once_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)

    def full() -> None:
        raise OSError(28, "No space left on device")

    mouth: Any = Mouth()
    said = ""
    for _ in range(3):
        said = _service._turn(guard_that(full), mouth, said)
    assert "No space left" in said
    assert [(one.kind, one.severity, one.app) for one in mouth.told] == [("guard_blind", "WARNING", "guard")]
    assert mouth.felt == [False, False, False], "a dead man's switch must not hear that all is well"
    assert _service._turn(guard_that(lambda: None), mouth, said) == ""


def test_who_cannot_tell_it_goes_on_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)

    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    mouth: Any = Mouth()
    mouth.tell = refuse
    assert "No space left" in _service._turn(guard_that(refuse), mouth, "")


@pytest.mark.parametrize(
    ("problems", "kind", "severity"),
    [((), "guard_started", "INFO"), ((DeployError("No token."),), "guard_blind", "WARNING")],
)
def test_it_says_that_it_is_there_and_what_it_cannot_do(
    tmp_path: Path, problems: tuple[DeployError, ...], kind: str, severity: str
) -> None:
    guard = guard_that(None)
    channels: Any = [SimpleNamespace(name="telegram")]
    _service._announce(tmp_path, guard, channels, problems, version="v1")
    there = _registry.present(tmp_path)
    assert there is not None
    assert (there.alive, there.channels, there.problems, there.version) == (
        True, ("telegram",), tuple(map(str, problems)), "v1",
    )  # fmt: skip
    (notice,) = guard.herald.told
    assert (notice.kind, notice.severity) == (kind, severity)


@pytest.mark.parametrize(("apps", "says"), [(["shop"], "It watches 1 app."), (["blog", "shop"], "It watches 2 apps.")])
def test_it_says_how_many_apps_it_watches(tmp_path: Path, apps: list[str], says: str) -> None:
    (tmp_path / "apps").mkdir()
    for app in apps:
        _registry.register(tmp_path, app, tmp_path / app)
    guard = guard_that(None)
    _service._announce(tmp_path, guard, [], (), version="v1")
    assert guard.herald.told[0].done == says


def test_two_would_do_everything_twice(tmp_path: Path) -> None:
    _service._refuse_second(tmp_path)
    assert (tmp_path / "apps").is_dir()
    parent = os.getppid()
    other = dataclasses.replace(ME, pid=parent, started=_lock.started(parent))
    _registry.announce(tmp_path, _registry.Presence(other))
    with pytest.raises(DeployError, match=f"pid {parent}"):
        _service._refuse_second(tmp_path)
    for left in (GONE, ME, dataclasses.replace(other, boot_id="another boot")):
        _registry.announce(tmp_path, _registry.Presence(left))
        _service._refuse_second(tmp_path)
    (tmp_path / "guard.json").write_text("{}", encoding="utf-8")
    _service._refuse_second(tmp_path)


def test_another_program_setting_or_credential_makes_another_guard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, settings, credentials = tmp_path / "bluegreen", tmp_path / "guard.json", tmp_path / "credentials"
    credentials.mkdir()
    monkeypatch.setattr(sys, "argv", [str(program)])
    seen = {_service.version(settings)}
    for path in (program, settings, credentials / "telegram_token"):
        path.write_text("1", encoding="utf-8")
        seen.add(_service.version(settings))
        assert _service.version(settings) in seen
    assert len(seen) == 4
    assert all(len(one) == 16 for one in seen)


def test_none_that_runs_is_stopped(tmp_path: Path) -> None:
    assert not _service.stop(tmp_path)
    _registry.announce(tmp_path, _registry.Presence(GONE))
    assert not _service.stop(tmp_path)


def test_the_same_one_is_not_started_again_and_one_without_settings_not_at_all(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    with pytest.raises(DeployError, match="no settings"):
        _service.start(settings, {}, log=tmp_path / "log")
    settings.write_text(json.dumps({"directory": str(tmp_path)}), encoding="utf-8")
    _registry.announce(tmp_path, _registry.Presence(ME, version=_service.version(settings)))
    assert not _service.start(settings, {}, log=tmp_path / "log")
    assert not (tmp_path / "log").exists()


@pytest.fixture
def watched(app: Any, tmp_path: Path) -> tuple[Any, Path]:
    """An app that a guard before this one knew."""
    directory = tmp_path / "guard"
    (directory / "apps").mkdir(parents=True)
    _registry.register(directory, "shop", app.layout.root)
    _registry.register(directory, "gone", tmp_path / "gone")
    app.deployed("r1", "blue")
    app.put("r2", "green")
    app.note("staged:r2", "gated:r2", "published:r2")
    app.go_live("r2")
    return app, directory


@pytest.mark.parametrize(
    ("owner", "decided"),
    [
        (GONE, True),
        (ME, False),  # it lives
        (dataclasses.replace(GONE, who="ann@laptop"), False),  # a deploy's affair
    ],
)
def test_what_a_guard_was_killed_in_is_finished(
    watched: tuple[Any, Path], world: Any, caplog: pytest.LogCaptureFixture, owner: _lock.Owner, decided: bool
) -> None:
    app, directory = watched
    _lock.acquire(app.layout.lock, owner, ttl=900)
    guard = guard_that(None)
    _service._recover(directory, guard)
    assert caplog.records == []
    assert (app.events("r2")[-1] == "good") is decided
    assert bool(world.said) is decided
    assert [(one.kind, one.severity, one.app) for one in guard.herald.told] == decided * [
        ("recovered", "WARNING", "shop")
    ]
    assert bool(guard.herald.done) is decided
    assert (_lock.held(app.layout.lock) is None) is decided


@pytest.mark.parametrize(("frozen", "kind"), [(False, "not_done"), (True, "frozen")])
def test_what_cannot_be_finished_is_told_and_does_not_keep_it_from_watching(
    watched: tuple[Any, Path], monkeypatch: pytest.MonkeyPatch, frozen: bool, kind: str
) -> None:
    app, directory = watched
    _lock.acquire(app.layout.lock, GONE, ttl=900)

    def refuse(*_args: Any, **_more: Any) -> bool:
        if frozen:
            _lock.freeze(app.layout.root, "nothing worked")
        raise DeployError("Taking it back failed as well.")

    monkeypatch.setattr(_begin, "tidy_up", refuse)
    guard = guard_that(None)
    _service._recover(directory, guard)
    assert _lock.held(app.layout.lock) is None
    (told,) = guard.herald.told
    assert (told.kind, told.severity, told.live, bool(told.todo)) == (kind, "CRITICAL", "r2 in green", frozen)
    assert "Taking it back failed as well." in told.done
    assert guard.herald.done == []


def test_the_service_manager_hears_of_a_loop_that_turns_and_of_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    guard = guard_that(None)
    told: list[float] = []

    class Manager:
        """Waits for three signs."""

        beat = 1.0

        def tell(self, *lines: str) -> bool:
            """Note when it was told."""
            assert lines == (_notify.WATCHDOG,)
            told.append(now[0])
            return True

    manager: Any = Manager()
    pulse = _service._Pulse(guard, manager)

    def sleep(_seconds: float) -> None:
        now[0] += 10.0
        if now[0] >= 1100.0:
            manager.beat = 0.0
        guard.acting = 1040.0 if 1050 <= now[0] < 1080 else 0.0

    monkeypatch.setattr(time, "sleep", sleep)
    pulse.run()
    assert told == [1000.0, 1010.0, 1050.0, 1060.0, 1070.0], "while it turns, and while it does something, not too long"
