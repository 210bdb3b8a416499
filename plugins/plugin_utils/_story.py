# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a run is told as: which phase a task belongs to, and what became of a host. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_IN_ROLE = re.compile(r"/roles/bluegreen/tasks/(?:\w+/)?(\w+)\.ya?ml:\d+$")
# Tables of contents: what stands in them belongs to the phases that they list.
_CONTENTS = ("main",)
_ENTRIES = ("check", "rollback", "status")
_WORDS = {"inspect": "check"}


class Failure(NamedTuple):
    """Why a host failed, and at which phase or task."""

    at: str
    reason: str
    is_phase: bool = True


@dataclass
class Step:
    """One line of the story: a phase of role ``bluegreen``, or a task that belongs to none.

    :param title: the phase's word, or the task's name.
    :param begun: seconds on the clock of the run.
    :param seconds: how long it took.
    :param hosts: hosts that did something in it.
    :param changed: of those, the ones it changed.
    :param failed: of those, the ones it failed on.
    :param notes: short remarks, each once.
    :param said: lines that are told below its own.
    :param phases: the phases that a task went through in one go, in their order; they are told in its place.
    """

    title: str
    is_phase: bool
    begun: float
    seconds: float = 0.0
    hosts: dict[str, None] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    failed: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    phases: dict[str, Step] = field(default_factory=dict)
    is_told: bool = False

    def take_in(self, host: str, result: Mapping[str, Any]) -> None:
        """Add the phases that ``host`` went through; of several hosts the slowest counts."""
        notes = result.get("notes") or {}
        for name, seconds in (result.get("phases") or {}).items():
            phase = self.phases.setdefault(name, Step(name, True, self.begun))
            phase.hosts[host] = None
            phase.seconds = max(phase.seconds, float(seconds))
            if name in notes:
                phase.notes[str(notes[name])] = None
        if result.get("failed") and result.get("phase") in self.phases:
            self.phases[result["phase"]].failed[host] = None

    @property
    def worth_a_line(self) -> bool:
        """A phase always tells something; any other task only what it changed or said."""
        return bool(self.hosts if self.is_phase else self.changed or self.said)

    def line(self) -> str:
        """Title, seconds, and what there is to remark."""
        remarks = list(self.notes) if len(self.notes) == 1 else []
        if len(self.hosts) > 1:
            remarks.insert(0, f"{len(self.hosts)} hosts")
        if self.failed:
            remarks.append(f"{len(self.failed)} failed" if len(self.hosts) > 1 else "failed")
        return self.head(self.seconds, ", ".join(remarks))

    def head(self, seconds: float, remark: str) -> str:
        """A line on this step."""
        width = 12 if self.is_phase else 48
        return f"  {self.title:<{width}} {seconds:7.1f} s  {remark}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        """For machines."""
        lists = {name: list(getattr(self, name)) for name in ("hosts", "changed", "failed", "notes", "said")}
        kind = "phase" if self.is_phase else "task"
        return {kind: self.title, "seconds": round(self.seconds, 3), **lists}


@dataclass
class HostStory:
    """What is known of one host.

    :param live: the release that is live, as last seen.
    :param slot: the slot it is live in.
    :param published: the release this run published, empty where it published none.
    :param confirmed: the release this run declared good.
    :param failures: in order.
    """

    live: str = ""
    slot: str = ""
    published: str = ""
    confirmed: str = ""
    frozen: str = ""
    failures: list[Failure] = field(default_factory=list)
    unreachable: bool = False
    changes: int = 0

    def learn(self, result: Mapping[str, Any]) -> None:
        """Take in one result, good or bad, of a run that is no dry one."""
        app = result.get("app")
        if isinstance(app, Mapping):
            self.live, self.slot = str(app.get("live", "")), str(app.get("live_slot", ""))
            self.frozen = str(app.get("frozen", ""))
        phases = result.get("phases") or {}
        if "publish" in phases:
            self.published = str(result.get("release", ""))
        if "confirm" in phases and not result.get("failed"):
            self.confirmed = str(result.get("release", ""))

    def cause(self) -> Failure:
        """The failure that decided: the last one before the run began to undo."""
        before = [failure for failure in self.failures if failure.at != "abort"]
        return (before or self.failures or [Failure("", "", is_phase=False)])[-1]

    def outcome(self, *, failed: bool, check_mode: bool) -> tuple[str, str]:
        """One word or two, and the rest of the sentence."""
        where = f"{self.live} live in {self.slot}" if self.slot else f"{self.live} live" if self.live else ""
        if not failed and not self.unreachable:
            return self._good(check_mode=check_mode), where
        cause = self.cause()
        told = (cause.reason.split("\n", 1)[0], self._last_seen() if self.unreachable else where)
        return self._bad(cause), "  ".join(part for part in told if part)

    def _last_seen(self) -> str:
        """What is known of a host that nobody reaches; what was begun there is for the next run to finish or undo."""
        known = f"{self.live} was live when last heard of; " if self.live else ""
        if self.published and self.published != self.confirmed:
            known = f"{self.published} was published there and not confirmed; "
        return f"{known}run again when the host is back"

    def _good(self, *, check_mode: bool) -> str:
        if check_mode:
            return "would pass"
        return "good" if self.confirmed else "unchanged" if self.live and not self.changes else "done"

    def _bad(self, cause: Failure) -> str:
        at = f" at {cause.at}" if cause.at else ""
        if self.unreachable:
            return f"unreachable{at}"
        if self.frozen:
            return f"frozen{at}"
        is_bystander = cause.at == "abort"
        if self.published:
            return f"{'taken back' if self.live != self.published else 'failed'}{'' if is_bystander else at}"
        if is_bystander:
            return "aborted"
        return f"refused{at}" if cause.is_phase else f"failed{at}"


def phase_of(paths: Sequence[str]) -> str | None:
    """Which phase a task belongs to.

    :param paths: ``file:line`` of the task and of every include and import that led to it, the outermost first.
    :returns: ``None`` outside role ``bluegreen``; ``''`` where the task only leads from phase to phase.
    """
    names = [match[1] for match in map(_IN_ROLE.search, paths) if match]
    if not names:
        return None
    inner = [name for name in names if name not in _CONTENTS]
    phases = [name for name in inner if name not in _ENTRIES] or inner
    return _WORDS.get(phases[0], phases[0].replace("_", " ")) if phases else ""
