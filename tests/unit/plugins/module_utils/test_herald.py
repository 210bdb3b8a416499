# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the guard tells reaches people whatever becomes of the guard, the disk and the services outside."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _alert_test, _clock, _heartbeat, _herald, _wait
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Message, Receipt
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._herald import Herald
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret

CRASH = Notice("crash_loop", "CRITICAL", "shop", "web1", release="r2", seen=("SyntaxError: x",))


@dataclass
class Chat:
    """A way to reach people that does as it is told."""

    name: str = "chat"
    is_sms: bool = False
    fate: str = "delivered"
    breaks: bool = False
    got: list[str] = field(default_factory=list)

    def send(self, message: Message, *, remarks: Sequence[str], timeout: float) -> Receipt:
        """Take it, or not."""
        assert timeout > 0
        if self.breaks:
            raise ValueError("no such thing was ever answered")
        self.got += ["\n".join([message.text.splitlines()[0], *remarks])] if self.fate == "delivered" else []
        return Receipt(self.fate, "" if self.fate == "delivered" else "away")


class Clock:
    """Time that is moved; a jump of the clock on the wall moves nothing else."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000_000.0, 100.0

    def now(self) -> Moment:
        return Moment(self.wall, self.steady, "boot")

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(_clock, "now", clock.now)
    return clock


Make = Callable[..., Herald]


@pytest.fixture
def herald_of(tmp_path: Path) -> Make:
    """A guard's mouth; one made later goes on where an earlier one was."""
    return lambda *channels, **more: Herald(tmp_path, channels, **{"least": "INFO", **more})


def deliver(herald: Herald) -> None:
    """One round of its thread."""
    herald._ended.set()
    herald._called.set()
    rounds = iter([False, True])
    herald._ended.is_set = lambda: next(rounds)  # type: ignore[method-assign]
    herald._run()


def test_it_is_told_once_counted_and_told_to_be_over(herald_of: Make, clock: Clock) -> None:
    chat = Chat()
    herald = herald_of(chat)
    identifier = herald.tell(CRASH)
    assert identifier
    assert herald.tell(CRASH) == "", "it was told just now"
    deliver(herald)
    assert chat.got == ["CRITICAL shop on web1: crash loop"]
    delivered = herald.delivered(identifier)
    assert delivered is not None
    assert delivered.steady == clock.steady
    herald.end("shop", "crash_loop")
    herald.settle()
    clock.passes(31)
    herald.settle()
    deliver(herald)
    assert chat.got[1:] == ["RESOLVED shop on web1: crash loop (2 times)"]


def test_a_guard_that_is_started_anew_repeats_nothing_and_tells_the_end(herald_of: Make, clock: Clock) -> None:
    chat = Chat()
    herald_of(chat).tell(CRASH)
    again = herald_of(chat)
    assert again.tell(CRASH) == ""
    deliver(again)
    assert len(chat.got) == 1, "the message that lay there"
    again.end("shop", "crash_loop")
    clock.passes(31)
    third = herald_of(chat)
    third.settle()
    deliver(third)
    assert "RESOLVED" in chat.got[-1]


@pytest.mark.parametrize("jump", [-86400.0, 86400.0])
def test_a_clock_that_jumps_doubles_nothing_and_loses_nothing(herald_of: Make, clock: Clock, jump: float) -> None:
    chat = Chat()
    herald = herald_of(chat)
    herald.tell(CRASH)
    clock.wall += jump
    assert herald.tell(CRASH) == ""
    herald.end("shop", "crash_loop")
    herald.settle()
    clock.passes(31)
    herald.settle()
    deliver(herald)
    assert [text.split()[0] for text in chat.got] == ["CRITICAL", "RESOLVED"]


def test_secrets_do_not_even_reach_the_disk(herald_of: Make, tmp_path: Path) -> None:
    herald = herald_of(Chat())
    herald.tell(
        Notice("crash_loop", "CRITICAL", "shop", "web1", seen=("Error: hunter22 was wrong",)), secrets=["hunter22"]
    )
    (message,) = (tmp_path / "spool").glob("*.json")
    assert "hunter22" not in message.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"x": 1}', '{"shop|crash_loop|r2": {"notice": {}}}', "\x00"])
def test_spoilt_memory_is_begun_anew(herald_of: Make, tmp_path: Path, text: str) -> None:
    (tmp_path / "spool").mkdir()
    for name in ("told.json", "lines.json", "spool/2026-half.json"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    chat = Chat()
    herald = herald_of(chat)
    assert herald.tell(CRASH)
    deliver(herald)
    assert len(chat.got) == 1
    assert json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))


def test_memory_that_cannot_be_read_is_no_reason_to_be_silent(herald_of: Make, tmp_path: Path) -> None:
    (tmp_path / "told.json").mkdir()
    herald_of(Chat())


def test_what_breaks_one_round_does_not_end_the_thread(herald_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = Chat(breaks=True)
    herald = herald_of(chat)
    herald.tell(CRASH)
    deliver(herald)
    assert "cannot be delivered: ValueError" in herald.said[0]
    chat.breaks = False
    with monkeypatch.context() as full:
        full.setattr(_herald, "deliver", lambda *_args, **_more: _raise(OSError(28, "No space left on device")))
        deliver(herald)
    assert "No space left" in herald.said[0]
    deliver(herald)
    assert (len(chat.got), herald.said) == (1, [])


def _raise(error: Exception) -> None:
    raise error


def test_what_a_full_disk_does_not_take_is_told_once_there_is_room(
    herald_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = Chat()
    herald = herald_of(chat)
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", lambda _descriptor: _raise(OSError(28, "No space left on device")))
        assert herald.tell(CRASH)
        herald.end("shop", "crash_loop")
        for _ in range(3):
            with pytest.raises(OSError, match="No space left"):
                herald.settle()
    assert herald.tell(CRASH) == "", "it is counted as told just now"
    herald.settle()
    deliver(herald)
    assert [text.splitlines()[0] for text in chat.got] == ["CRITICAL shop on web1: crash loop"]


def test_a_channel_that_was_mended_is_used_at_once(herald_of: Make, clock: Clock, tmp_path: Path) -> None:
    chat, other = Chat(fate="failed"), Chat("other")
    herald = herald_of(chat, other)
    herald.tell(CRASH)
    for _ in range(6):
        clock.passes(40)
        deliver(herald)
    assert herald.failing() == {"chat": "away"}
    chat.fate = "delivered"
    ask(tmp_path)
    deliver(herald)
    assert herald.failing() == {}
    assert chat.got[0].startswith("A test of the alerts of ")
    assert chat.got[1].startswith("CRITICAL shop on web1: crash loop\n(Sent ")
    tested = _alert_test.last(tmp_path)
    assert tested is not None
    assert tested.good


def ask(directory: Path) -> None:
    (directory / "alert-test.ask").write_text('{"id": "0123"}', encoding="utf-8")


def test_a_channel_that_fails_its_test_is_told_and_the_others_are_not_harmed(herald_of: Make, tmp_path: Path) -> None:
    herald = herald_of(Chat(fate="refused"), Chat("other"))
    ask(tmp_path)
    deliver(herald)
    tested = _alert_test.last(tmp_path)
    assert tested is not None
    assert [(one.channel, one.good, one.text) for one in tested.verdicts] == [
        ("chat", False, "away"),
        ("other", True, ""),
    ]
    assert not (tmp_path / "alert-test.ask").exists()


@pytest.mark.parametrize(
    ("good", "critical", "fails", "heard"),
    [
        (True, False, False, ["good"]),
        (False, False, False, []),
        (False, True, False, ["fail"]),
        (True, False, True, []),
    ],
)
def test_the_dead_mans_switch_hears_only_of_what_is_well(
    herald_of: Make,
    monkeypatch: pytest.MonkeyPatch,
    good: bool,
    critical: bool,
    fails: bool,
    heard: list[str],
) -> None:
    said: list[str] = []

    def send(_url: Secret, told: str) -> str:
        said.append(told)
        return ""

    monkeypatch.setattr(_heartbeat, "send", send)
    herald = herald_of(Chat(fate="failed" if fails else "delivered"), heartbeat=Secret("http://127.0.0.1/ping"))
    if fails:
        herald.tell(CRASH)
    herald.feel(good=good, critical=critical)
    deliver(herald)
    assert said == heard


def test_its_thread_delivers_when_it_is_called_and_ends_when_it_is_told(herald_of: Make) -> None:
    chat = Chat()
    herald = herald_of(chat)
    herald.start()
    herald.tell(CRASH)
    assert _wait.until(lambda: bool(chat.got), 10)
    herald.stop()
    assert not herald._thread.is_alive()
