# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person at the host's shell gets, by words and by exit codes."""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _alert_test,
    _cli,
    _facts,
    _incident,
    _ledger,
    _lock,
    _registry,
    _service,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Verdict
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment

ME = _lock.Owner("ann@laptop", "deploy of shop", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))


class Shell:
    """The command, on a host with a guard that knows the app."""

    def __init__(self, app: Any, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.app, self.directory, self._capsys = app, directory, capsys
        (directory / "apps").mkdir(parents=True)
        self.settings = directory / "guard.json.settings"
        self.settings.write_text(json.dumps({"directory": str(directory)}), encoding="utf-8")
        _registry.register(directory, "shop", app.layout.root)
        self.announce()

    def announce(self, *channels: str) -> None:
        """A guard that runs."""
        _registry.announce(self.directory, _registry.Presence(ME, channels))

    def says(self, *arguments: str, ends: int = 0) -> str:
        """What it prints, by whichever stream."""
        assert _cli.main(["--settings", str(self.settings), *arguments]) == ends
        said = self._capsys.readouterr()
        return said.out + said.err


@pytest.fixture
def shell(
    app: Any, world: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    assert world
    app.deployed("r1", "blue")
    app.deployed("r2", "green")
    monkeypatch.setattr(_facts, "runs_release", lambda *_: True)
    return Shell(app, tmp_path / "guard", capsys)


def test_status_is_for_people_and_for_machines(shell: Shell) -> None:
    said = shell.says("status")
    assert "shop on " in said
    assert "r2 is live in green" in said
    assert "verdict good, rollback goes to r1" in said
    told = json.loads(shell.says("--json", "status"))
    assert (told["good"], told["state"]["live"], told["silent"], told["guard"]["watches"]) == (True, "r2", "", True)


@pytest.mark.parametrize(
    "arguments", [["status", "--json"], ["--json", "status", "shop"], ["status", "--app", "shop", "--json"]]
)
def test_options_stand_before_the_command_or_after_it(shell: Shell, arguments: list[str]) -> None:
    assert json.loads(shell.says(*arguments))["app"] == "shop"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda shell: shell.app.note("bad:r2"), "verdict bad (never confirmed)"),
        (lambda shell: _lock.freeze(shell.app.layout.root, "lunch"), "FROZEN: lunch"),
        (lambda shell: shell.announce("chat"), "SILENT: It was never tried"),
        (lambda shell: (shell.directory / "guard.json").unlink(), "SILENT: The guard of this host has never run."),
        (lambda shell: (shell.directory / "guard.json").write_text("{}", encoding="utf-8"), "SILENT:"),
    ],
)
def test_status_calls_for_a_look(shell: Shell, spoil: Any, says: str) -> None:
    spoil(shell)
    assert says in shell.says("status", ends=_cli.LOOK)


def test_where_nothing_was_deployed_somebody_should_look(shell: Shell, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "nothing is live" in shell.says("status", "--root", str(empty), ends=_cli.LOOK)


def test_history_tells_events_and_as_many_as_are_wanted(shell: Shell) -> None:
    said = shell.says("history", "shop").splitlines()
    assert [line.split()[1:3] for line in said][-2:] == [["published", "r2"], ["good", "r2"]]
    assert len(shell.says("history", "--last", "3").splitlines()) == 3
    times = {"first_seen": Moment(1_700_000_000.0, 1.0, "boot")}
    _incident.write(
        shell.app.layout.root, _incident.Incident("i1", "shop", "web1", "r1", "", "ended", "It ended", times)
    )
    assert "i1" not in shell.says("history", "--last", "3"), "it was long ago"


def test_a_freeze_and_its_lifting_are_in_the_ledger(shell: Shell) -> None:
    assert "Frozen: we are at lunch" in shell.says("freeze", "we are at lunch")
    said = shell.says("rollback", ends=_cli.FAILED)
    assert f"seen: frozen by {getpass.getuser()}@{os.uname().nodename} since 20" in said
    assert " UTC: we are at lunch\n" in said
    assert "bluegreen rollback --unfreeze" in said
    assert "-e " not in said
    assert "not frozen any more" in shell.says("unfreeze")
    assert "It was not frozen" in shell.says("unfreeze")
    entries = _ledger.read(shell.app.layout.ledger)[-2:]
    assert [(entry.event, entry.reason) for entry in entries] == [("frozen", "we are at lunch"), ("unfrozen", "")]
    assert all("@" in entry.by for entry in entries)


def test_rollback_goes_to_the_last_good_one_or_to_a_named_one(shell: Shell) -> None:
    assert "r1 is live and good (" in shell.says("rollback")
    assert shell.app.live() == "r1"
    told = json.loads(shell.says("--json", "rollback", "r2"))
    assert (told["release"], told["previous"], shell.app.live()) == ("r2", "r1", "r2")
    said = shell.says("rollback", "r9", ends=_cli.FAILED)
    assert "There is no release r9 on this host." in said
    assert "bluegreen rollback ID" in said
    assert "-e " not in said


def test_a_rollback_that_fails_is_undone_and_told(shell: Shell, world: Any) -> None:
    world.refuse = ["prove r1"]
    assert "Live is r2." in shell.says("rollback", ends=_cli.FAILED)
    assert shell.app.live() == "r2"


def test_who_holds_the_lock_is_left_alone(shell: Shell) -> None:
    _lock.acquire(shell.app.layout.lock, ME, ttl=900)
    said = shell.says("rollback", ends=_cli.BUSY)
    assert "ann@laptop" in said
    assert "bluegreen status shows who it is" in said
    assert "bluegreen_lock_wait" not in said


def test_an_app_has_to_be_named_where_there_are_several(shell: Shell) -> None:
    _registry.register(shell.directory, "blog", Path("/srv/blog"))
    assert "--app with one of blog, shop" in shell.says("status", ends=_cli.FAILED)
    assert "There is no app nobody here." in shell.says("--app", "nobody", "status", ends=_cli.FAILED)
    assert "r2 is live" in shell.says("--app", "shop", "status")


@pytest.mark.parametrize("settings", ["", "{", "[]"])
def test_settings_that_cannot_be_read_hinder_nobody_who_names_the_root(shell: Shell, settings: str) -> None:
    shell.settings.write_text(settings, encoding="utf-8")
    assert "r2 is live" in shell.says("status", "--root", str(shell.app.layout.root))


@pytest.mark.parametrize(
    ("verdicts", "code", "says"),
    [
        ((Verdict("chat", good=True),), 0, "chat: delivered"),
        ((Verdict("chat", good=False, text="token"),), _cli.LOOK, "chat: token"),
        ((), _cli.LOOK, "There is no channel"),
    ],
)
def test_every_channel_is_tried(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, verdicts: tuple[Verdict, ...], code: int, says: str
) -> None:
    tested = _alert_test.Tested("2026-11-24T03:00:00.000Z", verdicts)
    monkeypatch.setattr(_alert_test, "ask", lambda _directory, *, timeout: tested if timeout == 7 else None)
    assert says in shell.says("alert-test", "--timeout", "7", ends=code)
    told = json.loads(shell.says("--json", "alert-test", "--timeout", "7", ends=code))
    assert told["verdicts"] == [asdict(one) for one in verdicts]


def test_without_a_guard_no_channel_can_be_tried(shell: Shell) -> None:
    (shell.directory / "guard.json").unlink()
    assert "No guard runs" in shell.says("alert-test", ends=_cli.FAILED)


@pytest.mark.parametrize(
    ("arguments", "called", "says"),
    [
        (["guard", "--detach", "/srv/log"], "start", "runs already"),
        (["guard", "--stop"], "stop", "none ran"),
    ],
)
def test_it_is_the_guard_as_well(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, arguments: list[str], called: str, says: str
) -> None:
    calls: list[str] = []
    for name in ("start", "stop", "run"):
        monkeypatch.setattr(_service, name, lambda *_args, _name=name, **_more: calls.append(_name))
    assert says in shell.says(*arguments)
    assert calls == [called]


def refusing(error: OSError) -> Any:
    """Whatever it is called with."""

    def refuse(*_args: Any, **_more: Any) -> None:
        raise error

    return refuse


def test_what_the_host_refuses_is_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for filename in ("frozen.json", str(shell.directory), "/proc/1/environ", None):
        error = PermissionError(13, "Permission denied", filename)
        monkeypatch.setattr(_lock, "freeze", refusing(error))
        assert "The host refused to do it" in shell.says("freeze", "why", ends=_cli.FAILED)
    monkeypatch.setattr(_lock, "freeze", refusing(OSError(28, "No space left on device", "/var/lib/x")))
    assert "The host refused to do it" in shell.says("freeze", "why", ends=_cli.FAILED)


def test_who_is_not_the_deploy_user_is_told_who_is(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = shell.directory / "apps"
    monkeypatch.setattr(_registry, "apps", refusing(PermissionError(13, "Permission denied", str(hidden))))
    owners = {shell.directory: "deploy"}

    def owner(path: Path) -> str:
        if path == hidden:
            raise PermissionError(13, "Permission denied", str(path))
        return owners.get(path, "root")

    monkeypatch.setattr(Path, "owner", owner)
    monkeypatch.setattr(getpass, "getuser", lambda: "bob")
    said = shell.says("status", "--app", "my shop", ends=_cli.FAILED)
    assert said.startswith("This is not for bob to do.\n  expected: the user deploy, to whom it belongs\n")
    assert f"do: sudo -u deploy bluegreen --settings {shell.settings} status --app 'my shop'\n" in said
    monkeypatch.setattr(_registry, "apps", refusing(OSError(28, "No space left on device", str(hidden))))
    assert "The host refused to do it" in shell.says("status", ends=_cli.FAILED)
    monkeypatch.setattr(_registry, "apps", refusing(PermissionError(13, "Permission denied", str(hidden))))
    for caller in ("deploy", "root"):
        owners[shell.directory] = caller
        monkeypatch.setattr(getpass, "getuser", lambda: "deploy")
        assert "The host refused to do it" in shell.says("status", ends=_cli.FAILED)


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["freeze"], ["history", "--last", "many"], ["guard", "--stop", "--detach", "x"]]
)
def test_a_wrong_command_line_has_a_code_of_its_own(shell: Shell, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        shell.says(*arguments)
    assert ended.value.code == _cli.USAGE


def test_every_exit_code_is_told_by_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _cli.main(["--help"])
    said = capsys.readouterr().out
    assert all(f"\n  {code}  " in said for code in (_cli.DONE, _cli.FAILED, _cli.USAGE, _cli.LOOK, _cli.BUSY))
