# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who watches a host, and whether they were proved to reach people: read from what the guard says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _alert_test, _registry
from ansible_collections.nodeops.pm2.plugins.module_utils._alert_test import Tested


@dataclass(frozen=True)
class Way:
    """A way to reach people.

    :param proved: whether the last test was delivered by it.
    :param at: when that was, UTC, ISO 8601; empty where it was never tried.
    """

    name: str
    proved: bool = False
    at: str = ""


@dataclass(frozen=True)
class Watcher:
    """The guard of a host.

    :param running: whether its very process runs.
    :param pid: 0 where this user may not know.
    :param watches: whether it knows this app.
    :param problems: what it cannot do, a sentence each.
    """

    running: bool
    pid: int = 0
    watches: bool = True
    channels: tuple[Way, ...] = ()
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.pid:
            return f"whether a guard runs is not known: {'; '.join(self.problems)}"
        if not self.running:
            return f"the guard does NOT run (its last process was {self.pid})"
        if not self.watches:
            return "a guard runs here and does NOT know this app"
        ways = ", ".join(one.name for one in self.channels) or "nobody"
        tried = min((one.at for one in self.channels), default="")
        proved = f", tried {tried}" if all(one.proved for one in self.channels) else ", NOT proved to work"
        return f"watched by a guard that tells {ways}{proved if self.channels else ''}"


def read(directory: Path, root: Path) -> Watcher | None:
    """Who watches the app at ``root``; ``None`` where no guard ever was."""
    try:
        there = _registry.present(directory)
        if there is None:
            return None
        watches = root.resolve() in {path.resolve() for path in _registry.apps(directory).values()}
        ways = ways_of(there.channels, _alert_test.last(directory))
        return Watcher(there.alive, there.owner.pid, watches, ways, there.problems)
    except PermissionError as error:
        return Watcher(False, problems=(f"this user may not read {error.filename}",))


def ways_of(channels: Sequence[str], tested: Tested | None) -> tuple[Way, ...]:
    """The channels, each with what the last test said of it."""
    verdicts = {one.channel: one.good for one in tested.verdicts} if tested else {}
    at = tested.at if tested else ""
    return tuple(Way(name, verdicts.get(name, False), at if name in verdicts else "") for name in channels)
