# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commit-confirmed: by when a published release has to be confirmed, told to the host before it is published.

Whoever publishes may die before the confirmation. The guard then takes the release back at the deadline; without a
guard the next run decides. The time is measured on the steady clock while the machine is up, since the other one may be
set; only over a reboot by that one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment, elapsed, moment_of
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout


@dataclass(frozen=True)
class Deadline:
    """``release`` has to be confirmed by ``until``, as the clock on the wall was when it was ``armed``."""

    release: str
    until: float
    armed: Moment
    by: str

    def is_over(self, now: Moment) -> bool:
        """Whether the time is up, whatever the clock on the wall has been set to since."""
        return elapsed(self.armed, now) > self.until - self.armed.wall


def arm(layout: Layout, release: str, *, seconds: float, by: str, now: Moment) -> None:
    """Set the deadline, ``seconds`` from ``now``."""
    write_atomic(_path(layout), json.dumps(asdict(Deadline(release, now.wall + seconds, now, by))) + "\n")


def disarm(layout: Layout) -> None:
    """Lift it; none being there is no harm."""
    _path(layout).unlink(missing_ok=True)


def armed(layout: Layout) -> Deadline | None:
    """The deadline that stands; ``None`` where none does, or nothing can be made of what was written down of it."""
    raw = read_json(_path(layout))
    try:
        armed_at = moment_of(raw["armed"]) if raw else None
        if raw is None or armed_at is None:
            return None
        return Deadline(str(raw["release"]), float(raw["until"]), armed_at, str(raw["by"]))
    except (LookupError, TypeError, ValueError):
        return None


def _path(layout: Layout) -> Path:
    return layout.root / "unconfirmed.json"
