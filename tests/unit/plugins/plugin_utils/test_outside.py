# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The app from elsewhere: how long it is asked, what is found, and what people are told; on the test's own clock."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._expect import Expectation
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import message_of
from ansible_collections.nodeops.pm2.plugins.module_utils._plan import Probe
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer, Question
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _outside

HEALTH = Probe("health", Question("/health"), Expectation())
FRONT = Probe("front page", Question("/"), Expectation(body="shop"))
GOOD, BAD, NONE = Answer(200, body="shop"), Answer(503), Answer(error="connection refused")


class Place:
    """Gets the given answers in turn and then the last for ever; each takes a tenth of a second."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.now = 100.0

    def ask(self, probe: Probe) -> Answer:
        self.asked.append(probe.name)
        self.now += 0.1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def look(self, *smoke: Probe, consecutive: int = 1) -> _outside.Seen:
        terms = _outside.Terms(consecutive, interval=1.0, deadline=5.0)
        return _outside.look(HEALTH, smoke, terms, ask=self.ask, clock=lambda: self.now, sleep=self.sleep)


@pytest.mark.parametrize(
    ("answers", "asked", "reasons"),
    [
        pytest.param([GOOD], 2, [], id="well"),
        pytest.param([NONE, BAD, GOOD], 4, [], id="well in the end"),
        pytest.param([BAD], 6, ["health: status 503, expected 200"], id="never well"),
        pytest.param([NONE], 6, ["health: connection refused"], id="no way there"),
        pytest.param(
            [GOOD, BAD],
            2,
            ["front page: status 503, expected 200", "front page: the body does not match 'shop'"],
            id="one page",
        ),
    ],
)
def test_what_is_seen(answers: list[Answer], asked: int, reasons: list[str]) -> None:
    place = Place(*answers)
    seen = place.look(FRONT)
    assert (seen.asked, seen.reasons) == (asked, reasons)
    assert seen.seconds == pytest.approx(place.now - 100.0)
    assert [one["name"] for one in seen.smoke] == (["front page"] if "front page" in place.asked else [])


def test_good_answers_have_to_come_in_a_row() -> None:
    place = Place(GOOD, BAD, GOOD)
    assert place.look(consecutive=2).asked == 4


def test_people_are_told_what_it_means_and_what_it_does_not() -> None:
    seen = Place(BAD).look()
    told: dict[str, Any] = {"app": "shop", "release": "r2", "place": "runner-7", "url": "https://shop.example.com"}
    message = message_of(_outside.notice(seen, **told), identifier="m1", at="2026-11-24T03:12:11.000Z")
    assert message.severity == "WARNING"
    assert message.text.startswith("WARNING shop on runner-7: no good answer\nRelease: r2\n")
    for words in ("Asked https://shop.example.com", "health: status 503, expected 200", "Nothing was rolled back"):
        assert words in message.text
