# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Crash or operator: what the end of a process means. Pure: events in, crashes out.

PM2 marks no exit as wanted. But when somebody has it stop, restart, reload or delete a process, it tells the end of
that life twice: first as ``stopping``, when the process ends, and then as ``stopped``, when it has made sure. A process
that ends by itself is told once, as ``stopped``, or as ``errored`` when PM2 gives up.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._bus import DaemonGone, Died, Event, ProcessEvent, Thrown

# What PM2 names where there was no signal.
_NO_SIGNAL = "SIGINT"
# A worker's number is never used again, so that old ones would pile up over the years.
_REMEMBERED = 500


@dataclass(frozen=True)
class Crash:
    """A life that ended by itself.

    :param process: PM2 name.
    :param pm_id: the worker.
    :param code: exit code; 0 after a signal, and of every cluster worker.
    :param signal: what killed it, ``''`` where it ended otherwise.
    :param lived: seconds.
    :param final: whether PM2 will not start it again.
    :param at: seconds since the epoch, by PM2's clock.
    """

    process: str
    pm_id: str
    code: int
    signal: str
    lived: float
    final: bool
    at: float

    def __str__(self) -> str:
        # PM2 says 0 of every cluster worker, and of what a signal killed, so that 0 is not worth telling.
        how = f"ended with exit code {self.code}" if self.code else "ended by itself"
        how = f"was killed by {self.signal}" if self.signal else how
        return f"{self.process} {how} after {self.lived:.1f} s{', and PM2 leaves it at that' if self.final else ''}"


class Exits:
    """Remembers of each worker just what is needed to understand its next exit. One for each subscription to a bus."""

    def __init__(self) -> None:
        self._stopping: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._signals: dict[str, str] = {}

    def take(self, event: Event) -> Crash | None:
        """The crash that ``event`` tells of, where it does."""
        if isinstance(event, Died):
            self._signals[event.pm_id] = event.signal
        if not isinstance(event, ProcessEvent) or event.event != "exit":
            return None
        # A worker that a reload has replaced serves nobody any more, however it ends.
        if event.pm_id.startswith("_old_"):
            self._signals.pop(event.pm_id, None)
            return None
        if event.status == "stopping":
            _remember(self._stopping, event.pm_id, event.life)
            return None
        signal = self._signals.pop(event.pm_id, _NO_SIGNAL)
        # Stopping what waits to be started again makes PM2 tell the end of the last life once more.
        told_before = self._ended.get(event.pm_id) == event.life
        _remember(self._ended, event.pm_id, event.life)
        if told_before or self._stopping.pop(event.pm_id, None) == event.life:
            return None
        return Crash(
            process=event.process,
            pm_id=event.pm_id,
            code=event.exit_code or 0,
            signal="" if signal == _NO_SIGNAL else signal,
            lived=max(event.at - event.life / 1000, 0.0),
            final=event.final,
            at=event.at,
        )


class Survivors:
    """Exceptions that nobody caught, and processes that live on all the same, in no state that anybody has thought of.

    PM2's container does not end a process that has another handler, and such handlers rely on PM2: an app that starts
    Sentry's SDK itself survives each uncaught exception. No crash is ever told of it.

    :param patience: seconds in which a process may still end.
    """

    def __init__(self, patience: float = 5.0) -> None:
        self._patience = patience
        self._thrown: dict[str, tuple[float, Thrown]] = {}

    def take(self, event: Event, now: float) -> None:
        """Note what is thrown, and who ends; ``now`` is on a steady clock."""
        if isinstance(event, Thrown):
            self._thrown.setdefault(event.pm_id, (now, event))
        elif isinstance(event, ProcessEvent) and event.event == "exit":
            self._thrown.pop(event.pm_id, None)
        elif isinstance(event, DaemonGone):
            self._thrown.clear()

    def overdue(self, now: float) -> list[Thrown]:
        """What was survived; each is told once."""
        survived = {pm_id: thrown for pm_id, (at, thrown) in self._thrown.items() if now - at >= self._patience}
        for pm_id in survived:
            del self._thrown[pm_id]
        return list(survived.values())


def _remember(table: dict[str, int], pm_id: str, life: int) -> None:
    table[pm_id] = life
    if len(table) > _REMEMBERED:
        del table[next(iter(table))]
