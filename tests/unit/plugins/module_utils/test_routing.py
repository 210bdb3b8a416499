# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _notice, _routing
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Message, Receipt
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice
from ansible_collections.nodeops.pm2.plugins.module_utils._routing import State

CRASH = Notice("crash_loop", "WARNING", "shop", "web1", "r2", since="then")


def at(seconds: float) -> Moment:
    return Moment(1_000_000 + seconds, seconds, "boot")


@dataclass(frozen=True)
class Step:
    """At a time: a notice comes (``+``), comes worse (``!``), its thing is over (``-``), or nothing happens (``.``)."""

    when: float
    what: str


def play(steps: Sequence[Step], notice: Notice = CRASH) -> list[tuple[float, str, int]]:
    """When which word was sent with which count; the state goes over the disk at every step."""
    state: State = {}
    sent = []
    for step in steps:
        now = at(step.when)
        messages: list[_routing.ToSend] = []
        if step.what in "+!":
            worse = replace(notice, severity="CRITICAL") if step.what == "!" else notice
            state, messages = _routing.tell(state, worse, now=now)
        elif step.what == "-":
            state = _routing.end(state, app=notice.app, kinds=[notice.kind], now=now)
        state, more = _routing.settle(state, now=now)
        sent += [(step.when, "over" if told.resolved else told.severity, told.count) for _id, told in messages + more]
        state = _routing.load(json.loads(json.dumps(_routing.dump(state))))
    return sent


def steps(text: str) -> list[Step]:
    """``0+ 10+ 300.``"""
    return [Step(float(word[:-1]), word[-1]) for word in text.split()]


@pytest.mark.parametrize(
    ("story", "sent"),
    [
        pytest.param("0+", [(0, "WARNING", 1)], id="the first one is sent"),
        pytest.param("0+ 10+ 299+", [(0, "WARNING", 1)], id="more are counted"),
        pytest.param("0+ 10+ 300.", [(0, "WARNING", 1), (300, "WARNING", 2)], id="and told when five minutes are over"),
        pytest.param("0+ 10+ 301+", [(0, "WARNING", 1), (301, "WARNING", 3)], id="or by the next one then"),
        pytest.param("0+ 300. 900.", [(0, "WARNING", 1)], id="nothing new is nothing to tell"),
        pytest.param("0+ 1! 2+ 3!", [(0, "WARNING", 1), (1, "CRITICAL", 2)], id="worse is told at once, and once"),
        pytest.param("0+ 5+ 10- 39. 40.", [(0, "WARNING", 1), (40, "over", 2)], id="over, when it stays so"),
        pytest.param("0+ 10- 20+ 45. 60- 90.", [(0, "WARNING", 1), (90, "over", 2)], id="not when it comes back"),
        pytest.param(
            "0+ 10- 40. 50+ 60- 100. 360.",
            [(0, "WARNING", 1), (40, "over", 1), (50, "WARNING", 2), (360, "over", 2)],
            id="back after it was told: told at once, and then not believed so soon",
        ),
        pytest.param(
            "0+ 10- 40. 341. 342+",
            [(0, "WARNING", 1), (40, "over", 1), (342, "WARNING", 1)],
            id="back much later is a new story",
        ),
        pytest.param("5- 50.", [], id="what never was is never over"),
        pytest.param("0+ 10- 20- 40. 50- 90.", [(0, "WARNING", 1), (40, "over", 1)], id="over is told once"),
    ],
)
def test_what_lasts_is_told_once_in_a_while_and_when_it_is_over(story: str, sent: list[tuple[float, str, int]]) -> None:
    assert play(steps(story)) == sent


@pytest.mark.parametrize(
    ("story", "sent"),
    [
        ("0+ 10- 50.", [(0, "WARNING", 1)]),
        ("0+ 10+ 300. 301+", [(0, "WARNING", 1), (300, "WARNING", 2)]),
        ("0+ 300. 301+", [(0, "WARNING", 1), (301, "WARNING", 1)]),
    ],
)
def test_what_recurs_is_counted_and_never_over(story: str, sent: list[tuple[float, str, int]]) -> None:
    assert play(steps(story), Notice("log_warning", "WARNING", "shop", "web1", "r2")) == sent


@pytest.mark.parametrize("kind", _notice.EVENTS)
def test_what_somebody_did_is_told_each_time_and_at_once(kind: str) -> None:
    sent = play(steps("0+ 10+ 20! 30- 60. 301. 302+ 700."), Notice(kind, "WARNING", "shop", "web1", "r2"))
    assert sent == [(0, "WARNING", 1), (10, "WARNING", 1), (20, "CRITICAL", 1), (302, "WARNING", 1)]


def test_each_event_has_an_id_of_its_own_and_the_same_one_when_it_is_told_again() -> None:
    done = Notice("rolled_back", "WARNING", "shop", "web1", "r2")
    at_once = {_routing.tell({}, done, now=at(seconds))[1][0][0] for seconds in (0, 1)}
    of_a_ledger = {_routing.tell({}, replace(done, since=since), now=at(0))[1][0][0] for since in ("then", "later")}
    assert len(at_once | of_a_ledger) == 4
    assert _routing.tell({}, replace(done, since="then"), now=at(900))[1][0][0] in of_a_ledger


def test_what_was_counted_says_when_it_was() -> None:
    crash = replace(CRASH, since="")
    state, _ = _routing.tell({}, crash, now=at(0))
    for seconds in (10, 40):
        state, _ = _routing.tell(state, crash, now=at(seconds))
    state, [(_id, told)] = _routing.settle(state, now=at(300))
    assert (told.count, told.since, told.last) == (3, "1970-01-12T13:46:40.000Z", "1970-01-12T13:47:20.000Z")
    _state, [(_id, later)] = _routing.tell(state, crash, now=at(900))
    assert (later.count, later.since, later.last) == (4, told.since, ""), "the last time is now"


BACK, FROZEN = "Rolled back to r1.", "The app was frozen."


def test_what_is_over_is_told_with_what_was_done_and_what_is_live_then() -> None:
    promise = replace(CRASH, done="It is being done now.", live="r2 in green", todo="wait", seen=("boom",))
    state, _ = _routing.tell({}, promise, now=at(0))
    for done in (BACK, FROZEN, FROZEN):
        state = _routing.did(state, app="shop", done=done)
    state = _routing.did(state, app="blog", done="Another matter.")
    state = _routing.load(json.loads(json.dumps(_routing.dump(state))))
    state = _routing.end(state, app="shop", kinds=["crash_loop"], now=at(40), live="r1 in blue")
    state = _routing.load(json.loads(json.dumps(_routing.dump(state))))
    _state, [(_id, told)] = _routing.settle(state, now=at(70))
    assert (told.resolved, told.done, told.live, told.todo) == (True, f"{BACK} {FROZEN}", "r1 in blue", "")
    assert told.seen == ("boom",)


def test_what_is_collected_says_what_was_done_by_then() -> None:
    promise = replace(CRASH, done="It is being done now.", live="r2 in green")
    state, _ = _routing.tell({}, promise, now=at(0))
    state = _routing.did(state, app="shop", done=BACK)
    state, _ = _routing.tell(state, replace(promise, live="r1 in blue"), now=at(10))
    state, [(_id, told)] = _routing.settle(state, now=at(300))
    assert (told.count, told.done, told.live) == (2, BACK, "r1 in blue")
    state, _ = _routing.tell({}, replace(promise, done="Nothing."), now=at(0))
    state, _ = _routing.tell(state, replace(promise, done="It waits."), now=at(10))
    assert _routing.settle(state, now=at(300))[1][0][1].done == "It waits."


def test_of_what_ended_by_itself_it_is_not_said_that_anything_was_done() -> None:
    state, _ = _routing.tell({}, replace(CRASH, done="It is being done now."), now=at(0))
    state = _routing.end(state, app="shop", kinds=["crash_loop"], now=at(40))
    assert _routing.settle(state, now=at(70))[1][0][1].done == "Nothing by the guard."


def test_what_ended_it_is_said_and_deeds_of_before_belong_to_another_story() -> None:
    state, _ = _routing.tell({}, replace(CRASH, kind="frozen"), now=at(0))
    state = _routing.did(state, app="shop", done=BACK)
    state = _routing.end(state, app="shop", kinds=["frozen"], now=at(40), done="It was lifted.")
    state, [(_id, told)] = _routing.settle(state, now=at(70))
    assert told.done == "It was lifted.", "a freeze is no trouble of which the app gets well"
    state, _ = _routing.tell(state, replace(CRASH, kind="frozen"), now=at(80))
    state = _routing.end(state, app="shop", kinds=["frozen"], now=at(90), done="It was lifted again.")
    assert _routing.settle(state, now=at(500))[1][0][1].done == "It was lifted again."


def test_nothing_is_over_while_the_app_is_not_well_whichever_release_it_was() -> None:
    state, _ = _routing.tell({}, CRASH, now=at(0))
    state = _routing.end(state, app="shop", kinds=["crash_loop"], now=at(5))
    state = _routing.lasts(state, app="blog")
    assert _routing.settle(state, now=at(40))[1], "another app's trouble"
    state = _routing.lasts(state, app="shop")
    assert _routing.settle(state, now=at(40))[1] == []
    state = _routing.end(state, app="shop", kinds=["crash_loop"], now=at(50))
    assert _routing.settle(state, now=at(79))[1] == []
    assert len(_routing.settle(state, now=at(80))[1]) == 1


def test_apps_kinds_and_releases_are_told_apart() -> None:
    state: State = {}
    others: list[dict[str, Any]] = [{}, {"app": "blog"}, {"kind": "health_lost"}, {"release": "r3"}]
    for changes in others:
        state, messages = _routing.tell(state, replace(CRASH, **changes), now=at(0))
        assert len(messages) == 1
    state = _routing.end(state, app="shop", kinds=["crash_loop"], now=at(10))
    _state, messages = _routing.settle(state, now=at(50))
    assert [notice.release for _id, notice in messages] == ["r2", "r3"]


def test_a_guard_that_was_killed_comes_to_the_same_id_and_a_later_message_to_another() -> None:
    state, [(first, _)] = _routing.tell({}, CRASH, now=at(0))
    assert _routing.tell({}, CRASH, now=at(0.5))[1][0][0] == first
    ids = {first, _routing.tell({}, CRASH, now=at(900))[1][0][0]}
    ids.add(_routing.tell(state, replace(CRASH, severity="CRITICAL"), now=at(1))[1][0][0])
    ids.add(_routing.tell(state, CRASH, now=at(301))[1][0][0])
    ids.add(_routing.settle(_routing.end(state, app="shop", kinds=["crash_loop"], now=at(2)), now=at(60))[1][0][0])
    assert len(ids) == 5
    closed, _ = _routing.settle(_routing.end(state, app="shop", kinds=["crash_loop"], now=at(2)), now=at(60))
    assert _routing.tell(closed, CRASH, now=at(70))[1][0][0] not in ids


def test_what_nobody_ends_is_forgotten_one_day() -> None:
    state, _ = _routing.tell({}, CRASH, now=at(0))
    assert _routing.settle(state, now=at(6 * 86400))[0]
    assert not _routing.settle(state, now=at(8 * 86400))[0]


@pytest.mark.parametrize("raw", [None, [], "x", {"a": 1}, {"a": {}}, {"a": {"notice": {"seen": 1}}}])
def test_a_state_that_cannot_be_read_is_empty(raw: Any) -> None:
    assert _routing.load(raw) == {}


@dataclass(frozen=True)
class Mute:
    name: str
    is_sms: bool

    def send(self, message: Message, *, remarks: Sequence[str], timeout: float) -> Receipt:
        raise NotImplementedError


CHAT, SMS = Mute("chat", False), Mute("sms", True)


@pytest.mark.parametrize(
    ("severity", "channels", "least", "names"),
    [
        ("INFO", [CHAT, SMS], "INFO", ["chat"]),
        ("WARNING", [CHAT, SMS], "INFO", ["chat"]),
        ("CRITICAL", [CHAT, SMS], "INFO", ["chat", "sms"]),
        ("INFO", [CHAT, SMS], "WARNING", []),
        ("WARNING", [CHAT, SMS], "WARNING", ["chat"]),
        ("WARNING", [CHAT, SMS], "CRITICAL", []),
        ("CRITICAL", [CHAT, SMS], "CRITICAL", ["chat", "sms"]),
        ("INFO", [SMS], "INFO", []),
        ("WARNING", [SMS], "INFO", ["sms"]),
        ("CRITICAL", [SMS], "INFO", ["sms"]),
        ("CRITICAL", [], "INFO", []),
    ],
)
def test_an_sms_is_for_what_is_critical(severity: str, channels: list[Mute], least: str, names: list[str]) -> None:
    assert _routing.channels_for(severity, channels, least=least) == names
