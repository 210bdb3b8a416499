# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What others do to the apps of a host, as they write it into ledgers: people are told each line of it once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ansible_collections.nodeops.pm2.plugins.module_utils import _notice
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import Entry
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice
from ansible_collections.nodeops.pm2.plugins.module_utils._vigil import GUARD

_REFUSALS = "/refused"  # beside the names of apps, none of which has a slash


class Teller(Protocol):
    """Who tells people."""

    def tell(self, notice: Notice, *, secrets: Sequence[str] = ()) -> str:
        """Tell it."""


class Chronicle:
    """Follows ledgers, and remembers on disk how far: a guard that was away catches up, and says nothing twice.

    :param path: of the memory.
    :param host: what people call this host.
    """

    def __init__(self, path: Path, teller: Teller, *, host: str) -> None:
        self._path, self._teller, self._host = path, teller, host
        self._heard = _remembered(path)

    def follow(self, app: str, entries: Sequence[Entry], *, secrets: Sequence[str]) -> Sequence[Entry]:
        """Tell what the ledger of an app has got since, but for what the guard did itself; all that it got."""
        news = self._news(app, entries)
        for entry in news:
            if not entry.by.startswith(GUARD):
                self._tell(app, entry, secrets)
        self._remember(app, entries)
        return news

    def follow_refusals(self, entries: Sequence[Entry], *, secrets: Mapping[str, Sequence[str]]) -> None:
        """Tell what has been refused since, see :func:`_registry.refusals`; ``secrets`` by app."""
        for entry in self._news(_REFUSALS, entries):
            app = str(entry.detail["app"])
            self._tell(app, entry, secrets.get(app, ()))
        self._remember(_REFUSALS, entries)

    def _tell(self, app: str, entry: Entry, secrets: Iterable[str]) -> None:
        notice = _notice.of_entry(entry, app=app, host=self._host, look=f"bluegreen history {app}")
        if notice:
            self._teller.tell(notice, secrets=list(secrets))

    def _news(self, name: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        return entries[self._heard.setdefault(name, len(entries)) :]

    def _remember(self, name: str, entries: Sequence[Entry]) -> None:
        """After it was told: whoever is killed in between says it once more."""
        if len(entries) > self._heard[name]:
            self._heard[name] = len(entries)
            write_atomic(self._path, json.dumps(self._heard), mode=0o600)


def _remembered(path: Path) -> dict[str, int]:
    """How much of each was told before; what cannot be read of that begins anew, and the watch goes on."""
    known = None
    with contextlib.suppress(OSError):
        known = read_json(path)
    return {name: heard for name, heard in known.items() if isinstance(heard, int)} if isinstance(known, dict) else {}
