# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Commit-confirmed: by when a published release has to be confirmed, told to the host before it is published.

Whoever publishes may die before the confirmation. The guard then takes the release back at the deadline; without a
guard the next run decides. Times are seconds since the epoch, because they have to outlive a reboot.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout


@dataclass(frozen=True)
class Deadline:
    """``release`` has to be confirmed by ``until``; ``armed_at`` tells a clock that has jumped."""

    release: str
    until: float
    armed_at: float
    by: str

    def is_over(self, now: float) -> bool:
        """Whether the time is up."""
        return now > self.until


def arm(layout: Layout, release: str, *, seconds: float, by: str, now: float) -> None:
    """Set the deadline, ``seconds`` from ``now``."""
    write_atomic(_path(layout), json.dumps(asdict(Deadline(release, now + seconds, now, by))) + "\n")


def disarm(layout: Layout) -> None:
    """Lift it; none being there is no harm."""
    _path(layout).unlink(missing_ok=True)


def armed(layout: Layout) -> Deadline | None:
    """The deadline that stands; ``None`` where none does, or nothing can be made of what was written down of it."""
    raw = read_json(_path(layout))
    try:
        return (
            Deadline(str(raw["release"]), float(raw["until"]), float(raw["armed_at"]), str(raw["by"])) if raw else None
        )
    except (LookupError, TypeError, ValueError):
        return None


def _path(layout: Layout) -> Path:
    return layout.root / "unconfirmed.json"
