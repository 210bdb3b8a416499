# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of an incident: what happened when, what was seen, and what came of it; so that times are facts.

One file each in ``<root>/incidents``, beside the ledger, written whole each time it is known better.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment, elapsed, moment_of
from ansible_collections.nodeops.pm2.plugins.module_utils._io import is_leftover, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._log import clean

# In the order they come: the first crash, bad answer or loss; the rule that decided; the message that was handed to a
# channel; the loop stopped; the other release published; and the first good answer after it.
STEPS = ("first_seen", "detected", "alerted", "quenched", "rolled_back", "healthy")
_KEPT_LINES = 40
# Records on disk; those of an app that is in trouble every day for a quarter.
_KEPT_RECORDS = 100


@dataclass(frozen=True)
class Evidence:
    """What was seen; without secrets, and of the environment the names only.

    :param findings: why it was judged so, the most telling first.
    :param crashes: a sentence each.
    :param stderr: its last lines.
    :param process: the process facts of that moment.
    :param environment: names of the variables that the process had.
    """

    findings: tuple[str, ...] = ()
    crashes: tuple[str, ...] = ()
    stderr: tuple[str, ...] = ()
    process: Mapping[str, Any] = field(default_factory=dict)
    environment: tuple[str, ...] = ()


@dataclass(frozen=True)
class Incident:
    """One incident.

    :param kind: as in its alert, such as ``crash_loop``.
    :param reason: the sentence of the rule that decided.
    :param times: moments by step, see :data:`STEPS`; those that have come.
    :param outcome: what came of it, a sentence; empty while it is open.
    :param target: the release that was published instead, ``''`` for none.
    """

    id: str
    app: str
    host: str
    release: str
    commit: str
    kind: str
    reason: str
    times: Mapping[str, Moment] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    outcome: str = ""
    target: str = ""

    @property
    def open(self) -> bool:
        """Whether nothing has come of it yet."""
        return not self.outcome


def incident_id(moment: str, kind: str) -> str:
    """A name that sorts by time.

    :param moment: UTC, ISO 8601 with milliseconds.
    """
    return f"{re.sub(r'[-:]', '', moment[:23]).replace('.', '')}Z-{kind}"


def reached(incident: Incident, step: str, now: Moment) -> Incident:
    """The incident with a step that has come; one that came before stays as it was."""
    if step not in STEPS:
        raise ValueError(step)
    return replace(incident, times={step: now, **incident.times})


def evidence_of(
    *,
    findings: Iterable[str] = (),
    crashes: Iterable[str] = (),
    stderr: Iterable[str] = (),
    process: Mapping[str, Any] | None = None,
    environment: Iterable[str] = (),
    secrets: Sequence[str] = (),
) -> Evidence:
    """Evidence fit to be kept: cleaned of secrets, and bounded."""

    def shown(lines: Iterable[str]) -> tuple[str, ...]:
        return tuple(clean(line, secrets=secrets) for line in list(lines)[-_KEPT_LINES:])

    names = tuple(sorted(set(environment)))
    return Evidence(shown(findings), shown(crashes), shown(stderr), dict(process or {}), names)


def seconds(incident: Incident) -> dict[str, float]:
    """How long after the first sign each step came; none where that is not known."""
    first = incident.times.get("first_seen") or incident.times.get("detected")
    if first is None:
        return {}
    return {step: round(elapsed(first, incident.times[step]), 3) for step in STEPS[1:] if step in incident.times}


def time_to_detect(incident: Incident) -> float | None:
    """Seconds from the first sign to the rule that decided."""
    return seconds(incident).get("detected")


def time_to_recover(incident: Incident) -> float | None:
    """Seconds from the first sign to the first good answer after it."""
    return seconds(incident).get("healthy")


def write(root: Path, incident: Incident) -> Path:
    """Write the record down, whole; where it lies. The oldest ones go when there are too many."""
    directory = root / "incidents"
    directory.mkdir(mode=0o755, exist_ok=True)
    path = directory / f"{incident.id}.json"
    write_atomic(path, json.dumps({**asdict(incident), "seconds": seconds(incident)}, indent=2) + "\n")
    for old in sorted(directory.glob("*.json"))[:-_KEPT_RECORDS]:
        old.unlink(missing_ok=True)
    return path


def read(root: Path, *, last: int = 20) -> tuple[list[Incident], list[str]]:
    """The last incidents, oldest first; and the names of files that are none: half-written, or of another kind."""
    try:
        names = sorted(path.name for path in (root / "incidents").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return [], []
    found, broken = [], []
    for name in [name for name in names if not is_leftover(name)][-last:]:
        incident = _read_one(root / "incidents" / name)
        if incident is None or f"{incident.id}.json" != name:
            broken.append(name)
        else:
            found.append(incident)
    return found, broken


def _read_one(path: Path) -> Incident | None:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        times = {step: moment_of(raw["times"][step]) for step in STEPS if step in raw["times"]}
        lists = {name: tuple(map(str, raw["evidence"][name])) for name in _LISTS}
        names = [name for name in Incident.__dataclass_fields__ if name not in ("times", "evidence")]
        return Incident(
            **{name: str(raw[name]) for name in names},
            times={step: moment for step, moment in times.items() if moment is not None},
            evidence=Evidence(**lists, process=dict(raw["evidence"]["process"])),
        )
    except (AttributeError, LookupError, OSError, TypeError, ValueError):
        return None


_LISTS = ("findings", "crashes", "stderr", "environment")


def oneline(incident: Incident) -> str:
    """An incident in one line, for ``status`` and ``history``."""
    took = seconds(incident)
    words = [("detected", "detected after"), ("alerted", "alerted after"), ("healthy", "healthy again after")]
    told = ", ".join(f"{word} {took[step]:.1f} s" for step, word in words if step in took)
    return f"{incident.id} {incident.release or '-'}: {incident.reason}{f' ({told})' if told else ''}" + (
        f" {incident.outcome}" if incident.outcome else " (open)"
    )
