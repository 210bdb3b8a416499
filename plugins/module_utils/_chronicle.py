# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What others do to the apps of a host, as they write it into ledgers: people are told each line of it once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ansible_collections.nodeops.pm2.plugins.module_utils import _news
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import Entry
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Sight
from ansible_collections.nodeops.pm2.plugins.module_utils._vigil import GUARD


class Teller(Protocol):
    """Who tells people."""

    def tell(self, notice: Notice, *, secrets: Sequence[str] = ()) -> str:
        """Tell it."""

    def end(self, app: str, *kinds: str, done: str = "", live: str = "") -> None:
        """Tell that it is over."""


class Chronicle:
    """Follows ledgers, and remembers on disk how far: a guard that was away catches up, and says nothing twice.

    :param path: of the memory.
    :param host: what people call this host.
    """

    def __init__(self, path: Path, teller: Teller, *, host: str) -> None:
        self._path, self._teller, self._host = path, teller, host
        self._heard = _remembered(path)

    def follow(self, app: str, entries: Sequence[Entry], *, sight: Sight, secrets: Callable[[], Sequence[str]]) -> None:
        """Tell what the ledger of an app has got since, but for what the guard did itself.

        What was there when it was seen for the first time is no news. It is remembered after it was told: whoever is
        killed in between says it once more.
        """
        heard = self._heard.get(app, len(entries))
        for index, entry in enumerate(entries[heard:], start=heard):
            if not entry.by.startswith(GUARD):
                self.tell(app, entries[: index + 1], sight=sight, secrets=secrets)
            if entry.event == "unfrozen":
                self._teller.end(app, "frozen", done=f"The freeze was lifted by {entry.by}.", live=sight.place)
        # One that was made anew begins anew; one that is gone for a moment does not.
        if app not in self._heard or (entries and self._heard[app] != len(entries)):
            self._heard[app] = len(entries)
            write_atomic(self._path, json.dumps(self._heard), mode=0o600)

    def tell(
        self, app: str, entries: Sequence[Entry], *, sight: Sight | None, secrets: Callable[[], Sequence[str]]
    ) -> None:
        """Tell the last one of ``entries``, where people care; ``secrets`` are asked for where they do."""
        notice = _news.of(entries, app=app, host=self._host, sight=sight)
        if notice:
            self._teller.tell(notice, secrets=secrets())


def _remembered(path: Path) -> dict[str, int]:
    """How much of each was told before; what cannot be read of that begins anew, and the watch goes on."""
    known = None
    with contextlib.suppress(OSError):
        known = read_json(path)
    return {name: heard for name, heard in known.items() if isinstance(heard, int)} if isinstance(known, dict) else {}
