# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The controller's side of a release, against a host that answers by the book, on a clock that the test moves."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.action import ActionBase

from ansible_collections.nodeops.pm2.plugins.action import deploy, release
from ansible_collections.nodeops.pm2.plugins.module_utils import _lock
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _owned

US = _lock.Owner("ann@laptop", "deploy", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
GONE = replace(US, started=1)  # our pid, and another process's start
ELSEWHERE = replace(GONE, boot_id="another machine")
NO_BOOT_ID = replace(GONE, boot_id="")
TAKEN = {"changed": False, "lease": "ours"}


def refusal(owner: _lock.Owner, lease: str = "theirs") -> dict[str, Any]:
    holder = _lock.Lease(lease, owner, 0.0, 0.0, 900.0)
    return {"failed": True, "msg": f"held by {owner.who}", "holder": asdict(holder)}


class Host(release.ActionModule):
    """Answers with what is given, in turn and then the last for ever; time passes only while it is slept."""

    def __init__(self, answers: list[dict[str, Any]], **args: Any) -> None:
        self._task, self._display = SimpleNamespace(args={"root": "/srv/shop", **args}), self
        self._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="/tmp/ansible"))
        self.answers = answers
        self.asked: list[dict[str, Any]] = []
        self.shown: list[str] = []
        self.now = 0.0

    def _execute_module(self, *, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        assert task_vars == {"a": 1}
        self.asked.append(dict(module_args))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _remove_tmp_path(self, _path: str) -> None:
        """Nothing was made."""

    def display(self, text: str, color: str) -> None:
        assert color
        self.shown.append(text)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def run(monkeypatch: pytest.MonkeyPatch, host: Host) -> dict[str, Any]:
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp, _task_vars: {})
    with monkeypatch.context() as clock:
        clock.setattr("time.monotonic", lambda: host.now)
        clock.setattr("time.sleep", host.sleep)
        return host.run(task_vars={"a": 1})


@pytest.mark.parametrize(
    ("args", "what"),
    [({"app": "shop"}, "rollback of shop"), ({}, "rollback of /srv/shop")],
)
def test_the_owner_is_the_process_whose_death_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, args: dict[str, str], what: str
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    monkeypatch.setattr("socket.gethostname", lambda: "laptop")
    host = Host([TAKEN], **args)
    assert run(monkeypatch, host) == TAKEN
    (asked,) = host.asked
    owner = _lock.owner_from(asked.pop("owner"))
    assert owner == _lock.Owner("ann@laptop", what, os.getppid(), _lock.this_boot(), _lock.started(os.getppid()))
    assert _lock.is_alive(owner)
    assert asked == {"root": "/srv/shop", **args}


def test_a_held_lock_tells_a_deploy_from_a_rollback() -> None:
    assert (deploy.ActionModule.ACTION, release.ActionModule.ACTION) == ("deploy", "rollback")


@pytest.mark.parametrize(
    ("wait", "asked", "seconds"),
    [
        pytest.param(None, 1, 0.0, id="by default it does not wait"),
        pytest.param("5", 4, 6.0, id="not shorter than asked for"),
        pytest.param(60, 31, 60.0, id="a minute"),
    ],
)
def test_a_held_lock_is_waited_for(monkeypatch: pytest.MonkeyPatch, wait: Any, asked: int, seconds: float) -> None:
    host = Host([refusal(ELSEWHERE)], **({} if wait is None else {"wait": wait}))
    result = run(monkeypatch, host)
    assert result["failed"]
    assert (len(host.asked), host.now) == (asked, seconds)
    assert host.shown == ["waiting for the lock: held by ann@laptop"] * (asked - 1)


def test_it_takes_the_lock_as_soon_as_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host([refusal(ELSEWHERE), refusal(ELSEWHERE, "next"), TAKEN], wait=60)
    assert run(monkeypatch, host)["lease"] == "ours"
    assert host.now == 2 * _owned.POLL


@pytest.mark.parametrize("failure", [{"failed": True, "msg": "The app is frozen."}, {"unreachable": True}])
def test_any_other_failure_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, failure: dict[str, Any]) -> None:
    host = Host([failure], wait=60)
    run(monkeypatch, host)
    assert (len(host.asked), host.now) == (1, 0.0)


def test_an_owner_that_is_seen_dead_here_is_named_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host([refusal(GONE), TAKEN])
    assert run(monkeypatch, host)["lease"] == "ours"
    assert [asked.get("proven_dead") for asked in host.asked] == [None, "theirs"]
    assert host.now == 0.0


def test_a_second_dead_owner_is_named_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host([refusal(GONE), refusal(GONE, "next"), TAKEN])
    assert run(monkeypatch, host)["lease"] == "ours"
    assert [asked.get("proven_dead") for asked in host.asked] == [None, "theirs", "next"]


def test_a_host_that_does_not_believe_it_is_not_told_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host([refusal(GONE)])
    assert run(monkeypatch, host)["failed"]
    assert len(host.asked) == 2


@pytest.mark.parametrize(
    ("owner", "here"), [(US, US.boot_id), (ELSEWHERE, US.boot_id), (NO_BOOT_ID, US.boot_id), (NO_BOOT_ID, "")]
)
def test_nobody_else_is_ever_declared_dead(monkeypatch: pytest.MonkeyPatch, owner: _lock.Owner, here: str) -> None:
    monkeypatch.setattr(_lock, "this_boot", lambda: here)
    host = Host([refusal(owner)])
    assert run(monkeypatch, host)["failed"]
    assert [asked.get("proven_dead") for asked in host.asked] == [None]
