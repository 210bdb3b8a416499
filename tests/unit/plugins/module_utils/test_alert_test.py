# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A question in the guard's directory, and its answer."""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _alert_test, _lock, _registry
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Verdict
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

ME = _lock.Owner("guard@web1", "watching", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
GOOD, BAD = Verdict("chat", good=True), Verdict("sms", good=False, text="no credit")


@pytest.fixture
def guarded(tmp_path: Path) -> Path:
    """Where a guard that runs keeps its things."""
    _registry.announce(tmp_path, _registry.Presence(ME, ("chat",)))
    return tmp_path


def answering(directory: Path, *verdicts: Verdict) -> threading.Thread:
    """A guard that answers the next question."""

    def answer() -> None:
        while not (identifier := _alert_test.asked(directory)):
            pass
        _alert_test.answer(directory, identifier, verdicts)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    return thread


def test_the_answer_is_to_this_question(guarded: Path) -> None:
    _alert_test.answer(guarded, "an earlier one", [BAD])
    thread = answering(guarded, GOOD)
    tested = _alert_test.ask(guarded, timeout=10)
    thread.join(10)
    assert (tested.verdicts, tested.good) == ((GOOD,), True)
    assert _alert_test.asked(guarded) == ""
    assert _alert_test.last(guarded) == tested


@pytest.mark.parametrize(
    ("verdicts", "good"), [((), False), ((GOOD,), True), ((BAD,), False), ((GOOD, BAD), False)], ids=repr
)
def test_good_is_when_every_channel_delivered_and_there_is_one(verdicts: tuple[Verdict, ...], good: bool) -> None:
    assert _alert_test.Tested("", verdicts).good is good


def test_without_a_guard_nobody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match="No guard runs"):
        _alert_test.ask(tmp_path, timeout=0)
    _registry.announce(tmp_path, _registry.Presence(dataclasses.replace(ME, started=1)))
    with pytest.raises(DeployError, match=f"its last process, {os.getpid()}, is gone"):
        _alert_test.ask(tmp_path, timeout=0)
    assert not (tmp_path / "alert-test.ask").exists()


def test_a_guard_that_does_not_answer_is_told(guarded: Path) -> None:
    _alert_test.answer(guarded, "an earlier one", [GOOD])
    with pytest.raises(DeployError, match="has not answered"):
        _alert_test.ask(guarded, timeout=0.1)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"id": ""}', '{"at": "x", "verdicts": [{"way": 1}]}', "7"])
def test_spoilt_files_ask_and_answer_nothing(guarded: Path, text: str) -> None:
    for name in ("alert-test.ask", "alert-test.json"):
        (guarded / name).write_text(text, encoding="utf-8")
    assert _alert_test.asked(guarded) == ""
    assert _alert_test.last(guarded) is None


def test_whoever_asks_may_be_another_and_the_answer_is_nobody_elses_business(guarded: Path) -> None:
    _alert_test.answer(guarded, "1", [GOOD])
    with pytest.raises(DeployError):
        _alert_test.ask(guarded, timeout=0)
    modes = {name: (guarded / name).stat().st_mode & 0o777 for name in ("alert-test.json", "alert-test.ask")}
    assert modes == {"alert-test.json": 0o600, "alert-test.ask": 0o644}


def test_the_message_says_that_nothing_is_wrong() -> None:
    message = _alert_test.message("0123")
    assert (message.id, message.severity, message.kind) == ("test-0123", "INFO", "test")
    assert "Nothing is wrong" in message.text
    assert len(message.short) <= 160
