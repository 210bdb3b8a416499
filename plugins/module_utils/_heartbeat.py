# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The dead man's switch: a service outside misses us when we are gone. It hears of us only while the chain is good.

What is good is the caller's to say: connected to PM2's bus, every app healthy, the last delivery fine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment, elapsed
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Question, ask, parse_url
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret

GOOD, FAIL, NOTHING = "good", "fail", ""
# Healthchecks.io takes one a minute, Better Stack one in 30 s.
INTERVAL, LEAST_INTERVAL = 60.0, 30.0
_RETRY = 10.0


@dataclass(frozen=True)
class Pulse:
    """What the service outside heard last, ``good``, ``fail`` or nothing, when, and when it did not hear us since."""

    told: str = NOTHING
    at: Moment | None = None
    unheard: Moment | None = None


def due(pulse: Pulse, *, good: bool, critical: bool, now: Moment, interval: float = INTERVAL) -> str:
    """What to tell now. Pure.

    A failure is told at once, but once: after it nothing is, until all is good again. What is not good and not critical
    either is told by silence.

    :param critical: whether something is CRITICAL now.
    :param interval: seconds between two signs of life; less than 30 count as 30.
    """
    if pulse.unheard is not None and elapsed(pulse.unheard, now) < _RETRY:
        return NOTHING
    if critical:
        return NOTHING if pulse.told == FAIL else FAIL
    rested = pulse.at is None or elapsed(pulse.at, now) >= max(interval, LEAST_INTERVAL)
    return GOOD if good and rested else NOTHING


def after(pulse: Pulse, told: str, *, heard: bool, now: Moment) -> Pulse:
    """What the service has heard by now."""
    return Pulse(told, now) if heard else replace(pulse, unheard=now)


def send(url: Secret, told: str, *, method: str = "GET", timeout: float = 5.0) -> str:
    """Tell the service outside; why it has not heard, ``''`` where it has. The address, a secret, is not in it.

    :param told: ``good``, or ``fail``, which goes to the address with ``/fail`` behind its path, as both services want.
    """
    target, path = parse_url(url.reveal())
    place, mark, query = path.partition("?")
    place = f"{place.rstrip('/')}/fail" if told == FAIL else place
    answer = ask(target, Question(f"{place}{mark}{query}", method), timeout=timeout)
    if answer.error:
        return f"the heartbeat was not heard: {answer.error}"
    return (
        "" if 200 <= answer.status < 300 else f"the heartbeat was refused: {_WORDS.get(answer.status, answer.status)}"
    )


_WORDS: Mapping[int, str] = {
    401: "status 401, its address is not right",
    404: "status 404, there is no such check: correct its address",
    409: "status 409, the check is not unique or was deleted",
    429: "status 429, it comes too often",
}
