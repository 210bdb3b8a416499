# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each way to reach people fares, on disk, for the guard that delivers and for whoever asks whether it could."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Channel
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment, moment_of
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic

# A chat that has failed so often is not there when it is needed.
GIVEN_UP = 2


@dataclass(frozen=True)
class Line:
    """How a channel is.

    :param failures: in a row.
    :param tried: when it was last used, and ``wait``: the seconds it is left alone since.
    :param text: why it failed.
    :param good: when it last delivered.
    """

    failures: int = 0
    tried: Moment | None = None
    wait: float = 0.0
    text: str = ""
    good: Moment | None = None


class Lines:
    """The state of all channels, on disk: a guard that starts anew obeys what was asked of the one before it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = _lines_of(read_json(path))

    def of(self, name: str) -> Line:
        """The state of one; of one that is new, that it is well."""
        return self._lines.get(name, Line())

    def failing(self, channels: Sequence[Channel]) -> dict[str, str]:
        """Why, by name, for each of ``channels`` whose last attempt failed."""
        return {channel.name: self.of(channel.name).text for channel in channels if self.of(channel.name).failures}

    def note(self, name: str, line: Line) -> None:
        """Write down the state of one."""
        self._lines[name] = line
        raw = {name: asdict(line) for name, line in self._lines.items()}
        write_atomic(self._path, json.dumps(raw), mode=0o600)


def _lines_of(raw: Any) -> dict[str, Line]:
    found = {}
    for name, entry in raw.items() if isinstance(raw, dict) else ():
        try:
            found[name] = replace(Line(**entry), tried=moment_of(entry["tried"]), good=moment_of(entry["good"]))
        except (LookupError, TypeError):
            continue
    return found
