# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import itertools

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _wait


class Clock:
    """A steady clock that runs while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("becomes_true_at", "seconds", "came", "asked_until"),
    [(0, 0, True, 0), (0, 5, True, 0), (1, 5, True, 1), (9, 5, False, 5), (1, 0, False, 0), (1, -1, False, 0)],
)
def test_it_is_waited_for_as_long_as_that_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, becomes_true_at: float, seconds: float, came: bool, asked_until: float
) -> None:
    clock, asked = Clock(), itertools.count()
    monkeypatch.setattr(_wait, "time", clock)

    def done() -> bool:
        next(asked)
        return clock.now >= 100.0 + becomes_true_at

    assert _wait.until(done, seconds) is came
    assert clock.now - 100.0 == pytest.approx(asked_until, abs=0.06)
    assert next(asked) >= 1, "it is asked once, whatever the time"
