# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes messages out of the spool to people: what is due, on channels that want to hear, within a budget of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import (
    DELIVERED,
    INFO,
    REFUSED,
    UNKNOWN,
    Channel,
    Receipt,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment, elapsed
from ansible_collections.nodeops.pm2.plugins.module_utils._lines import GIVEN_UP, Line, Lines
from ansible_collections.nodeops.pm2.plugins.module_utils._routing import channels_for
from ansible_collections.nodeops.pm2.plugins.module_utils._spool import (
    TRYING,
    WAITING,
    Delivery,
    Entry,
    Spool,
    again,
)

TIMEOUT = 10.0
_LONGEST_HOLD, _LONGEST_REFUSAL = 300.0, 3600.0
_KEPT, _LATE = 120.0, 120.0


def deliver(
    spool: Spool,
    lines: Lines,
    channels: Sequence[Channel],
    *,
    clock: Callable[[], Moment],
    timeout: float = TIMEOUT,
    budget: float = 60.0,
) -> list[str]:
    """Make every attempt that is due, the gravest message first, and write down what became of each.

    :param timeout: seconds that one attempt may take, and ``budget`` seconds after which none is begun any more.
    :returns: a sentence on every attempt that failed, and on every file that cannot be read.
    """
    began = clock()
    entries, broken = spool.entries()
    said = [f"{path} is no message; it is passed over." for path in broken]
    by_name = {channel.name: channel for channel in channels}
    for found in entries if by_name else ():
        entry = _addressed(found, channels, lines)
        for name, channel in by_name.items():
            now = clock()
            if elapsed(began, now) > budget:
                return said
            if name in entry.deliveries and is_due(entry.deliveries[name], lines.of(name), now=now):
                entry, receipt = _attempt(spool, lines, entry, channel, now=now, timeout=timeout)
                failed = receipt.fate != DELIVERED
                said += [f"{entry.message.id} by {name}: {receipt.fate}, {receipt.text}"] if failed else []
        if entry.done and elapsed(entry.put, clock()) > _KEPT:
            spool.remove(entry)
    return said


def is_due(delivery: Delivery, line: Line, *, now: Moment) -> bool:
    """Whether the message waits for an attempt, and neither it nor the channel is to be left alone."""
    held = any(one.tried is not None and elapsed(one.tried, now) < one.wait for one in (delivery, line))
    return delivery.state != DELIVERED and not held


def after(line: Line, receipt: Receipt, *, now: Moment) -> Line:
    """How a channel is after an attempt. That one message was refused says nothing about it."""
    if receipt.fate == DELIVERED:
        return Line(tried=now, good=now)
    if receipt.fate == REFUSED and not receipt.wait:
        return replace(line, text=receipt.text)
    failures = line.failures + 1
    wait = max(min(2.0 ** min(failures - 1, 20), _LONGEST_HOLD), receipt.wait)
    return Line(failures, now, wait, receipt.text, line.good)


def settled(delivery: Delivery, receipt: Receipt, *, now: Moment) -> Delivery:
    """How far a message is after an attempt."""
    if receipt.fate == DELIVERED:
        return Delivery(DELIVERED, delivery.attempts, tried=now)
    refused = min(30.0 * 2 ** min(delivery.attempts, 20), _LONGEST_REFUSAL) if receipt.fate == REFUSED else 0.0
    doubtful = delivery.doubtful or receipt.fate == UNKNOWN
    return Delivery(WAITING, delivery.attempts, doubtful, now, refused, receipt.text)


def remarks_on(entry: Entry, delivery: Delivery, *, now: Moment) -> list[str]:
    """What people have to know about the delivery itself."""
    late = elapsed(entry.put, now)
    remarks = [f"(Sent {late / 60:.0f} min late: it could not be delivered before.)"] if late > _LATE else []
    return remarks + (["(Perhaps sent before: nobody confirmed it.)"] if again(delivery) else [])


def _attempt(
    spool: Spool, lines: Lines, entry: Entry, channel: Channel, *, now: Moment, timeout: float
) -> tuple[Entry, Receipt]:
    before = entry.deliveries[channel.name]
    remarks = remarks_on(entry, before, now=now)
    trying = replace(before, state=TRYING, attempts=before.attempts + 1, doubtful=again(before), tried=now, wait=0.0)
    spool.save(_with(entry, channel.name, trying))
    receipt = channel.send(entry.message, remarks=remarks, timeout=timeout)
    entry = _with(entry, channel.name, settled(trying, receipt, now=now))
    spool.save(entry)
    lines.note(channel.name, after(lines.of(channel.name), receipt, now=now))
    return entry, receipt


def _addressed(entry: Entry, channels: Sequence[Channel], lines: Lines) -> Entry:
    """The message with the channels it should go to by now.

    Those that are gone from the settings do not hold it up, and where all are, others take their place. Where no chat
    could be reached, an SMS goes out for it.
    """
    known = {channel.name for channel in channels}
    deliveries = {name: one for name, one in entry.deliveries.items() if name in known or one.state == DELIVERED}
    if not deliveries:
        deliveries = {name: Delivery() for name in channels_for(entry.message.severity, channels)}
    chats = [channel.name for channel in channels if not channel.is_sms and channel.name in deliveries]
    lost = [name for name in chats if deliveries[name].state != DELIVERED and lines.of(name).failures >= GIVEN_UP]
    if chats and lost == chats and entry.message.severity != INFO:
        texts = {channel.name: Delivery() for channel in channels if channel.is_sms}
        deliveries = {**texts, **deliveries}
    return replace(entry, deliveries=deliveries)


def _with(entry: Entry, name: str, delivery: Delivery) -> Entry:
    return replace(entry, deliveries={**entry.deliveries, name: delivery})
