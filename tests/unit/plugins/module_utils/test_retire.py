# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Retiring on a clock that the test moves, with a slot, a lock and connections of its own."""

from __future__ import annotations

import ast
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _facts, _ledger, _lock, _process, _retire, _slot
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

FACTS = ProcessFacts("shop-blue", True, "online", "fork", (7,), 0, None, 5.0, {}, (7,), True, True, "", "")
SLOT = Slot("blue", "shop-blue", "127.0.0.1:3001", "/run/shop/blue.sock")
PM2 = Pm2(Path("/nowhere"))
OWNER = _lock.Owner("bob@ci", "deploy", 7, "another machine", 7)


class Host:
    """A host on a clock: what the slot runs, whether it is live, and its connections may change at a moment.

    :param changes: acts by the second at which they take place.
    :param connections_until: the second at which the last open connection ends.
    """

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout = Layout(root)
        self.now = 0.0
        self.facts = FACTS
        self.live = False
        self.connections_until = 0.0
        self.changes: dict[float, Callable[[], None]] = {}
        self.stopped: list[float] = []
        monkeypatch.setattr(_facts, "read_facts", lambda _pm2, _slot: self.facts)
        monkeypatch.setattr(_slot, "is_live", lambda _layout, _slot: self.live)
        monkeypatch.setattr(_slot, "stop", self.stop)
        monkeypatch.setattr(_process, "established", lambda _address: int(self.now < self.connections_until))

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        assert self.now < 1000, "it would wait for ever"
        self.now += seconds
        for moment in [moment for moment in self.changes if moment <= self.now]:
            self.changes.pop(moment)()

    def stop(self, _layout: Layout, slot: Slot, _pm2: Pm2, *, timeout: float) -> bool:
        assert (slot, timeout) == (SLOT, 3)
        self.stopped.append(round(self.now, 3))
        return True

    def retire(self, *, standby: float = 0.0, drain_timeout: float = 0.0) -> bool:
        return _retire.retire(
            self.layout, SLOT, PM2, standby=standby, drain_timeout=drain_timeout, timeout=3, sleep=self.sleep
        )

    def take_over(self) -> None:
        """A deploy starts another process in the slot."""
        self.facts = dataclasses.replace(FACTS, pids=(8,))

    def come_and_go(self) -> None:
        """A rollback makes the slot live again, and a deploy idle, between two looks at it."""
        published = _ledger.Entry("2026-01-02T00:00:00.000Z", "published", "r1", SLOT.name)
        _ledger.append(self.layout.ledger, published)

    def go_live(self) -> None:
        """A rollback makes the slot live again."""
        self.live = True


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("standby", "drain_timeout", "connections_until", "stopped"),
    [
        pytest.param(0, 0, 50, 0, id="at once"),
        pytest.param(0, 10, 0, 0, id="nobody is connected"),
        pytest.param(0, 10, 3, 3, id="drained"),
        pytest.param(0, 10, 50, 10, id="not drained in time"),
        pytest.param(12, 0, 0, 12, id="after standing by, to the second"),
        pytest.param(12, 10, 15, 15, id="drained after standing by"),
    ],
)
def test_a_slot_is_stopped_when_nobody_needs_it(
    host: Host, standby: float, drain_timeout: float, connections_until: float, stopped: float
) -> None:
    host.connections_until = connections_until
    assert host.retire(standby=standby, drain_timeout=drain_timeout)
    assert host.stopped == [pytest.approx(stopped, abs=1.5 * _retire.POLL)]


@pytest.mark.parametrize("change", [Host.take_over, Host.go_live, Host.come_and_go])
@pytest.mark.parametrize("moment", [7.0, 31.0])
def test_what_was_taken_over_is_left_alone(host: Host, change: Callable[[Host], None], moment: float) -> None:
    """While it stands by, and while it drains."""
    host.connections_until = 100
    host.changes[moment] = lambda: change(host)
    assert not host.retire(standby=30, drain_timeout=5)
    assert host.stopped == []


def test_it_stops_standing_by_when_it_was_taken_over(host: Host) -> None:
    host.changes[5.0] = host.take_over
    assert not host.retire(standby=600)
    assert host.now < 20


@pytest.mark.parametrize("taken_over", [False, True])
def test_a_deploy_is_waited_for_and_may_have_taken_the_slot(host: Host, taken_over: bool) -> None:
    lease, _said = _lock.acquire(host.layout.lock, OWNER, ttl=900)

    def end() -> None:
        if taken_over:
            host.take_over()
        _lock.release(host.layout.lock, lease.id)

    host.changes[40.0] = end
    assert host.retire(standby=30) is not taken_over
    assert host.stopped == ([] if taken_over else [pytest.approx(40)])


def test_the_deploy_that_retires_at_once_holds_the_lock_itself(host: Host) -> None:
    _lock.acquire(host.layout.lock, OWNER, ttl=900)
    assert host.retire()
    assert host.stopped == [0]


def test_nobody_can_take_the_lock_while_the_slot_is_stopped(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[str] = []
    alone = _lock.alone

    def watched(root: Path) -> Any:
        inside.append("locked")
        return alone(root)

    def stop(*_given: Any, **_options: Any) -> bool:
        inside.append("stopped")
        return True

    monkeypatch.setattr(_lock, "alone", watched)
    monkeypatch.setattr(_slot, "stop", stop)
    assert host.retire(standby=1)
    assert inside == ["locked", "stopped"]


def test_later_means_in_a_process_that_holds_nothing_of_the_caller(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()

    def retire(_layout: Layout, slot: Slot, _pm2: Pm2, **waits: float) -> bool:
        streams = {os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)}
        os.write(writer, repr([slot.name, waits, os.getcwd(), streams, os.getsid(0)]).encode())
        raise OSError("nobody hears of it")

    monkeypatch.setattr(_retire, "retire", retire)
    _retire.retire_later(host.layout, SLOT, PM2, standby=30, drain_timeout=2, timeout=3)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        told = stream.read().decode()
    *rest, session = ast.literal_eval(told)
    assert rest == ["blue", {"standby": 30, "drain_timeout": 2, "timeout": 3}, "/", {"/dev/null"}]
    assert session != os.getsid(0)
    assert os.waitpid(session, 0) == (session, 0), "whoever leads it is our child, and has ended"
