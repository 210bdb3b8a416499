# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app as it is seen from elsewhere: the questions of its users, asked by somebody who sees no process and no log.

What is seen from one place outside is worth an alert. It is no verdict on a release: the place may have no way to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import WARNING
from ansible_collections.nodeops.pm2.plugins.module_utils._expect import judge_answer
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice
from ansible_collections.nodeops.pm2.plugins.module_utils._plan import Probe
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer

DONE = "Nothing was rolled back: the hosts judge a release, and from here the way to them may be broken."


@dataclass(frozen=True)
class Terms:
    """How long to ask.

    :param consecutive: good answers of the first question that are needed in a row.
    :param interval: seconds between two of them.
    :param deadline: seconds in which they have to come.
    """

    consecutive: int
    interval: float
    deadline: float


@dataclass
class Seen:
    """What came of it: good where there is no reason against it.

    :param reasons: a sentence each.
    :param smoke: the questions that were asked once, with the status of their answers and the seconds these took.
    """

    reasons: list[str] = field(default_factory=list)
    asked: int = 0
    seconds: float = 0.0
    smoke: list[dict[str, Any]] = field(default_factory=list)


def look(
    health: Probe,
    smoke: Sequence[Probe],
    terms: Terms,
    *,
    ask: Callable[[Probe], Answer],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Seen:
    """Ask for health until it is there or time is up, then everything else once."""
    seen, began, streak = Seen(), clock(), 0
    while streak < terms.consecutive:
        reasons = [reason.text for reason in judge_answer(ask(health), health.expectation)]
        seen.asked += 1
        streak = 0 if reasons else streak + 1
        if reasons and clock() - began >= terms.deadline:
            seen.reasons = [f"{health.name}: {'; '.join(reasons)}"]
            break
        if streak < terms.consecutive:
            sleep(terms.interval)
    for probe in () if seen.reasons else smoke:
        answer = ask(probe)
        seen.asked += 1
        seen.smoke.append({"name": probe.name, "status": answer.status, "seconds": round(answer.seconds, 3)})
        seen.reasons += [f"{probe.name}: {reason.text}" for reason in judge_answer(answer, probe.expectation)]
    seen.seconds = round(clock() - began, 3)
    return seen


def notice(seen: Seen, *, app: str, release: str, place: str, url: str) -> Notice:
    """What people are told.

    :param place: where it was asked from.
    """
    return Notice("health_lost", WARNING, app, place, release, seen=(f"Asked {url}", *seen.reasons), done=DONE)
