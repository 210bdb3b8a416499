# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Messages on their way, on disk: one file each, written whole, so that neither a kill nor a dead network loses one.

Before an attempt is made it is noted, and what has become of it afterwards. A note that was never answered is an
attempt that may have succeeded: it is made again, and says so. A message that was delivered stays for a while, so that
whoever comes to it a second time finds it. The spool is bounded; what it drops is told in a message of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import DELIVERED, SEVERITIES, WARNING, Message
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment, moment_of
from ansible_collections.nodeops.pm2.plugins.module_utils._io import is_leftover, read_json, write_atomic

LIMIT = 200
WAITING, TRYING = "waiting", "trying"
_FULL = "spool_full"


@dataclass(frozen=True)
class Delivery:
    """How far a message is on one channel.

    :param state: :data:`WAITING`, :data:`TRYING` or ``delivered``.
    :param doubtful: an earlier attempt may have succeeded.
    :param wait: seconds to wait after ``tried``.
    :param text: what came of the last attempt.
    """

    state: str = WAITING
    attempts: int = 0
    doubtful: bool = False
    tried: Moment | None = None
    wait: float = 0.0
    text: str = ""


@dataclass(frozen=True)
class Entry:
    """A message and how far it is on each of its channels.

    :param put: when it came into the spool.
    """

    message: Message
    put: Moment
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether every channel has it."""
        return all(delivery.state == DELIVERED for delivery in self.deliveries.values())

    @property
    def file(self) -> str:
        """Its file's name; they sort by time."""
        return f"{self.message.at.replace(':', '')}-{self.message.id}.json"


class Spool:
    """The spool in a directory, which only its owner may read.

    :param limit: messages that it holds at most.
    """

    def __init__(self, directory: Path, *, limit: int = LIMIT) -> None:
        self.directory = directory
        self._limit = limit
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def put(self, message: Message, channels: Iterable[str], *, now: Moment) -> bool:
        """Take a message on its way to ``channels``; ``False`` where it is here already, or there is no channel."""
        deliveries = {name: Delivery() for name in channels}
        if not deliveries or any(self.directory.glob(f"*-{message.id}.json")):
            return False
        self.save(Entry(message, now, deliveries))
        self._make_room(now)
        return True

    def entries(self) -> tuple[list[Entry], list[Path]]:
        """All messages, the gravest first and of those the oldest; and the files that cannot be read."""
        found, broken = [], []
        for path in sorted(self.directory.glob("*.json")):
            if is_leftover(path.name) or not path.is_file():
                continue
            entry = _parse(read_json(path))
            if entry is None:
                broken.append(path)
            else:
                found.append(entry)
        return sorted(found, key=lambda entry: -SEVERITIES.index(entry.message.severity)), broken

    def save(self, entry: Entry) -> None:
        """Write down how far a message is."""
        write_atomic(self.directory / entry.file, json.dumps(asdict(entry), ensure_ascii=False), mode=0o600)

    def remove(self, entry: Entry) -> None:
        """Forget a message."""
        (self.directory / entry.file).unlink(missing_ok=True)

    def _make_room(self, now: Moment) -> None:
        """Drop what is delivered, then the oldest of the least grave, until the limit is kept; and tell."""
        entries = [entry for entry in self.entries()[0] if entry.message.kind != _FULL]
        surplus = len(entries) - self._limit
        if surplus <= 0:
            return
        order = sorted(
            entries, key=lambda entry: (not entry.done, SEVERITIES.index(entry.message.severity), entry.message.at)
        )
        dropped = [entry for entry in order[:surplus] if not entry.done]
        # First the message that tells of them: when this is cut short, it tells of some that are still here.
        if dropped:
            self._tell_of(dropped, now)
        for entry in order[:surplus]:
            self.remove(entry)

    def _tell_of(self, dropped: list[Entry], now: Moment) -> None:
        before = [entry for entry in self.entries()[0] if entry.message.kind == _FULL]
        # One that may have been sent is no longer changed.
        open_ones = [entry for entry in before if all(_is_untouched(one) for one in entry.deliveries.values())]
        facts = open_ones[0].message.facts if open_ones else {}
        counts = {severity: int(facts.get(severity, 0)) for severity in SEVERITIES}
        for entry in dropped:
            counts[entry.message.severity] += 1
        first = str(facts.get("first") or dropped[0].message.at)
        last = max(entry.message.at for entry in dropped)
        names = {name: Delivery() for entry in dropped for name in entry.deliveries}
        message = _full(first, last, counts, number=len(before) - len(open_ones))
        for entry in open_ones:
            self.remove(entry)
        self.save(Entry(message, now, {**names, **(open_ones[0].deliveries if open_ones else {})}))


def again(delivery: Delivery) -> bool:
    """Whether an attempt would be one that may double an earlier one."""
    return delivery.doubtful or delivery.state == TRYING


def _is_untouched(delivery: Delivery) -> bool:
    return delivery.state == WAITING and not delivery.doubtful


def _full(first: str, last: str, counts: Mapping[str, int], *, number: int) -> Message:
    listed = ", ".join(f"{count} {severity}" for severity, count in counts.items() if count)
    text = (
        f"{WARNING}: {sum(counts.values())} messages were dropped ({listed}), because too many could not be delivered."
    )
    when = f"They came up between {first} and {last}. Look into the incidents and the ledger of each app."
    return Message(
        id=f"dropped-{number}-{first.replace(':', '')}",
        at=first,
        severity=WARNING,
        kind=_FULL,
        text=f"{text}\n{when}",
        short=text,
        facts={**counts, "first": first, "last": last},
    )


def _parse(raw: Any) -> Entry | None:
    try:
        message = Message(**raw["message"])
        put = moment_of(raw["put"])
        deliveries = {name: _parse_delivery(entry) for name, entry in raw["deliveries"].items()}
        return Entry(message, put, deliveries) if put and message.severity in SEVERITIES else None
    except (AttributeError, LookupError, TypeError):
        return None


def _parse_delivery(raw: Mapping[str, Any]) -> Delivery:
    return replace(Delivery(**raw), tried=moment_of(raw["tried"]))
