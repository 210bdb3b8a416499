# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Moments, and how much time lies between them when the clock on the wall may jump.

Durations are measured on the kernel's steady clock, which runs from boot, never jumps and reads the same in every
process, so that a moment that one process wrote down is good for the next one. Across a boot there is only the wall
clock; where it has been turned back, no time has passed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import written
from ansible_collections.nodeops.pm2.plugins.module_utils._lock import this_boot


@dataclass(frozen=True)
class Moment:
    """A point in time.

    :param wall: seconds since the epoch, to be shown to people.
    :param steady: seconds on the steady clock of that boot.
    :param boot: boot id of the machine, which tells one boot's steady clock from another's.
    """

    wall: float
    steady: float
    boot: str

    @property
    def utc(self) -> str:
        """As the ledger writes it."""
        return written(self.wall)


def now() -> Moment:
    """The present moment."""
    return Moment(time.time(), time.monotonic(), this_boot())


def elapsed(since: Moment, until: Moment) -> float:
    """Seconds from ``since`` to ``until``; never less than 0."""
    if since.boot and since.boot == until.boot:
        return max(until.steady - since.steady, 0.0)
    return max(until.wall - since.wall, 0.0)


def span(seconds: float) -> str:
    """A length of time as people read it."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def moment_of(raw: Any) -> Moment | None:
    """A moment as ``asdict`` writes it; ``None`` where it is none."""
    try:
        return Moment(float(raw["wall"]), float(raw["steady"]), str(raw["boot"]))
    except (LookupError, TypeError, ValueError):
        return None
