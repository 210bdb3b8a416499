# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from dataclasses import dataclass

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.outside import Answer, Outside
from ansible_collections.nodeops.pm2.plugins.module_utils import _heartbeat
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._heartbeat import Pulse
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret


def at(seconds: float) -> Moment:
    return Moment(1_000_000 + seconds, seconds, "boot")


@dataclass(frozen=True)
class Look:
    """A look at the chain: good (``g``), critical (``c``), both (``b``), neither (``.``); upper case: nobody hears."""

    when: float
    how: str


def play(story: str, interval: float = 60.0) -> list[tuple[float, str]]:
    """``0g 60g``: what was told when."""
    pulse, told = Pulse(), []
    for word in story.split():
        look = Look(float(word[:-1]), word[-1])
        good, critical = look.how.lower() in "gb", look.how.lower() in "cb"
        what = _heartbeat.due(pulse, good=good, critical=critical, now=at(look.when), interval=interval)
        if what:
            told.append((look.when, what))
            pulse = _heartbeat.after(pulse, what, heard=look.how.islower(), now=at(look.when))
    return told


@pytest.mark.parametrize(
    ("story", "told"),
    [
        pytest.param("0g 30g 60g 61g", [(0, "good"), (60, "good")], id="once a minute"),
        pytest.param("0. 60. 90g", [(90, "good")], id="silent while something is wrong"),
        pytest.param("0g 5c 6c 70c", [(0, "good"), (5, "fail")], id="a failure at once, and once"),
        pytest.param("0g 5b", [(0, "good"), (5, "fail")], id="critical is never good"),
        pytest.param("0c 10g 60g", [(0, "fail"), (60, "good")], id="good again, not sooner than the service takes it"),
        pytest.param("0c 30. 60g 61c", [(0, "fail"), (60, "good"), (61, "fail")], id="the next failure"),
        pytest.param("0g 5C 6c 15c 16c", [(0, "good"), (5, "fail"), (15, "fail")], id="a failure that was not heard"),
        pytest.param("0G 9g 10g 60g 70g", [(0, "good"), (10, "good"), (70, "good")], id="a sign of life the same"),
    ],
)
def test_what_is_told(story: str, told: list[tuple[float, str]]) -> None:
    assert play(story) == told


def test_it_never_comes_oftener_than_any_service_takes_it() -> None:
    assert play("0g 1g 29g 30g", interval=1) == [(0, "good"), (30, "good")]


@pytest.mark.parametrize(
    ("url", "told", "path"),
    [
        ("/ping/hunter2", "good", "/ping/hunter2"),
        ("/ping/hunter2", "fail", "/ping/hunter2/fail"),
        ("/ping/hunter2/", "fail", "/ping/hunter2/fail"),
        ("/ping/hunter2?rid=1", "fail", "/ping/hunter2/fail?rid=1"),
    ],
)
def test_it_is_heard(outside: Outside, url: str, told: str, path: str) -> None:
    assert _heartbeat.send(Secret(outside.url + url), told, method="POST") == ""
    assert [(asked.method, asked.path) for asked in outside.of("ping")] == [("POST", path)]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(404), "the heartbeat was refused: status 404, there is no such check: correct its address"),
        (Answer(418), "the heartbeat was refused: 418"),
        (Answer(close="early"), "the heartbeat was not heard: connection closed without an answer"),
        (Answer(delay=1), "the heartbeat was not heard: no complete answer within 0.3 s"),
    ],
)
def test_why_it_is_not_heard_is_told_without_its_address(outside: Outside, answer: Answer, text: str) -> None:
    outside.script("ping", answer)
    assert _heartbeat.send(Secret(f"{outside.url}/ping/hunter2"), "good", timeout=0.3) == text


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(DeployError, match="not an address"):
        _heartbeat.send(Secret("hc-ping.com/hunter2"), "good")
