# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many crashes in how long are too many. Pure.

Times are seconds on the steady clock (see :mod:`_clock`): a wall clock that is set meanwhile neither makes a loop of
two crashes that are hours apart, nor hides one. Crashes before the last boot do not count: the host has come up anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


@dataclass(frozen=True)
class Window:
    """``count`` crashes within ``seconds`` are too many."""

    count: int
    seconds: float

    def __str__(self) -> str:
        minutes, rest = divmod(self.seconds, 60)
        return f"{self.count} in {f'{self.seconds:g} s' if rest or minutes < 2 else f'{minutes:g} min'}"


# The first finds a loop that turns fast and the second one that takes its time to boot; the third one is for what PM2
# never counts: 106 restarts, evenly over three hours, are one in 102 s.
WINDOWS: tuple[Window, ...] = (Window(3, 60), Window(3, 300), Window(6, 3600))


def exceeded(crashes: Iterable[float], windows: Sequence[Window], *, now: float, since: float = 0.0) -> Window | None:
    """The shortest of ``windows`` that holds too many of ``crashes`` now; ``None`` where none does.

    :param since: what was not later than this is over and done with: the end of the last rollback.
    """
    counted = [crash for crash in crashes if since < crash <= now]
    for window in sorted(windows, key=lambda window: window.seconds):
        if sum(crash > now - window.seconds for crash in counted) >= window.count:
            return window
    return None


def still_needed(crashes: Iterable[float], windows: Sequence[Window], *, now: float) -> list[float]:
    """The crashes that any of ``windows`` still looks at, oldest first."""
    longest = max((window.seconds for window in windows), default=0.0)
    return sorted(crash for crash in crashes if now - longest < crash <= now)


def windows_of(options: Iterable[Mapping[str, Any]]) -> tuple[Window, ...]:
    """The typed form of the option: ``count`` and ``seconds`` each.

    :raises DeployError: for windows that could never be exceeded, or always are.
    """
    windows = tuple(Window(int(option["count"]), float(option["seconds"])) for option in options)
    wrong = [window for window in windows if window.count < 1 or window.seconds <= 0]
    if wrong or not windows:
        raise DeployError(
            "These crash windows make no sense.",
            expected="at least one, with a count of 1 or more and more than 0 seconds",
            seen=", ".join(f"count {window.count}, seconds {window.seconds:g}" for window in wrong) or "none",
            remedy="Correct guard_crash_windows, or leave it out: 3 in 60 s, 3 in 5 min, 6 in 1 h.",
        )
    return windows
