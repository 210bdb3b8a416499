# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Follows the error logs of many processes and tells which new lines matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._log import BUILT_IN, ErrorLog, Finding, Pattern, find

# An app that floods its log must not keep the guard from everything else: about 20 ms of work a look and log.
_PER_LOOK = 64 * 1024
_FAR_BEHIND = 1024 * 1024
# How a process died, not why.
_NO_CAUSE = frozenset({"unhandled_rejection", "connection_refused"})


@dataclass(frozen=True)
class Watched:
    """A log and the patterns that are looked for in it."""

    path: Path
    patterns: Sequence[Pattern] = BUILT_IN


class Logs:
    """Logs by process. What stood in a log before it was first looked at does not matter."""

    def __init__(self) -> None:
        self._watched: dict[str, tuple[Watched, ErrorLog]] = {}

    def watch(self, logs: Mapping[str, Watched]) -> None:
        """Follow these from now on, and no others; a log that is followed already is followed on from where it was."""
        known = self._watched
        self._watched = {
            process: known[process]
            if process in known and known[process][0] == watched
            else (watched, ErrorLog(watched.path))
            for process, watched in logs.items()
        }

    def look(self) -> list[tuple[str, Finding]]:
        """Process and finding for each new line that matters; hints are left out, because they only explain."""
        found: list[tuple[str, Finding]] = []
        for process, (watched, log) in self._watched.items():
            found += [(process, finding) for finding in _look(watched, log) if finding.severity != "hint"]
        return found

    def forget(self, process: str) -> None:
        """What a process wrote until now does not matter any more."""
        if process in self._watched:
            self._watched[process][1].forget()

    def tail(self, process: str, lines: int = 15) -> list[str]:
        """The last lines of a process that matter, since it is watched or was last forgotten, fit to be shown."""
        return self._watched[process][1].tail(lines) if process in self._watched else []


def only_connection_refused(lines: Iterable[str], patterns: Sequence[Pattern] = BUILT_IN) -> bool:
    """Whether a refused connection is the only thing that ``lines`` complain of: older code would not cure that.

    That a rejection was not handled tells how a process ended, not why; every other error is a reason of its own.
    """
    rules = {finding.rule for finding in find(lines, patterns)}
    return "connection_refused" in rules and rules <= _NO_CAUSE


def _look(watched: Watched, log: ErrorLog) -> list[Finding]:
    behind = log.behind
    flood = []
    if behind > _FAR_BEHIND:
        log.skip(behind - _PER_LOOK)
        flood = [
            Finding("log_flood", "warning", f"{behind // 1024} KiB in {log.path} were too much to be looked through")
        ]
    return [*flood, *find(log.new_lines(limit=_PER_LOOK), watched.patterns)]
