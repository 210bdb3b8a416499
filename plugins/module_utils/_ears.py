# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Listening to the PM2 daemons of a host: one subscription for each home, renewed when its daemon comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

from ansible_collections.nodeops.pm2.plugins.module_utils import _process
from ansible_collections.nodeops.pm2.plugins.module_utils._axon import NotListening
from ansible_collections.nodeops.pm2.plugins.module_utils._bus import Bus, DaemonGone, ProcessEvent, Thrown
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._exits import Crash, Exits, Survivors


@dataclass(frozen=True)
class Commanded:
    """Somebody has PM2 stop, restart, reload or delete a process."""

    process: str


Heard = Union[Crash, Thrown, Commanded]
_RETRY = 0.5  # seconds


@dataclass
class Ear:
    """One PM2 home.

    :param gone: since when no daemon runs for it, on the steady clock; ``None`` while one does.
    :param keeper: the service that the daemon belongs to, or belonged to; ``''`` for none, ``None`` before one was met.
    :param problem: why it cannot be listened to although a daemon runs, ``''`` where it can.
    """

    home: Path
    gone: float | None = None
    keeper: str | None = None
    problem: str = ""
    _bus: Bus | None = None
    _exits: Exits = field(default_factory=Exits)
    _survivors: Survivors = field(default_factory=Survivors)
    _retry_at: float = 0.0

    @property
    def is_kept(self) -> bool:
        """Whether there may be a service that starts the daemon anew: ours and PM2's own are called so."""
        return self.keeper is None or self.keeper.startswith("pm2-")

    def fileno(self) -> int:
        """What select() is given, -1 where there is nothing to wait for."""
        return self._bus.fileno() if self._bus else -1

    def open(self, now: float) -> None:
        """Subscribe, where that is not done yet and it is time to try."""
        if self._bus is not None or now < self._retry_at:
            return
        try:
            self._bus = Bus(self.home)
            self._exits, self.gone, self.problem = Exits(), None, ""
            self.keeper = _process.service(self._bus.daemon)
        except NotListening:
            self.gone = now if self.gone is None else self.gone
            self._retry_at = now + _RETRY
        except DeployError as error:
            self._deafen(error, now)

    def read(self, now: float) -> list[Heard]:
        """The crashes, exceptions and commands that have been heard of since."""
        heard: list[Heard] = []
        try:
            events = self._bus.read() if self._bus else []
        except DeployError as error:
            self._deafen(error, now)
            return heard
        for event in events:
            self._survivors.take(event, now)
            crash = self._exits.take(event)
            heard += [crash] if crash else []
            heard += [event] if isinstance(event, Thrown) else []
            if isinstance(event, ProcessEvent) and (event.event, event.status) == ("exit", "stopping"):
                heard.append(Commanded(event.process))
            if isinstance(event, DaemonGone):
                self._bus, self.gone, self._retry_at = None, now, 0.0
        return heard

    def survived(self, now: float) -> list[Thrown]:
        """Exceptions that ended nothing, long enough ago to be sure; each is told once."""
        return self._survivors.overdue(now)

    def close(self) -> None:
        """Listen no more."""
        if self._bus:
            self._bus.close()
            self._bus = None

    def _deafen(self, error: DeployError, now: float) -> None:
        """It cannot be listened to; what else can be watched is watched, and it is tried again now and then."""
        self.close()
        self.problem, self._retry_at = str(error), now + 60.0
