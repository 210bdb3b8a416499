# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Retiring: drain the slot that no longer serves, then stop it; at once, or after it has stood by for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils import _facts, _lock, _process, _slot, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

POLL = 0.2  # seconds
LOOK = 5.0  # seconds between two looks while a slot stands by


@dataclass(frozen=True)
class Retired:
    """What came of it: whether anything was stopped, and why not or how."""

    changed: bool
    said: str


def idle(layout: Layout, slots: Sequence[Slot]) -> list[Slot]:
    """The slots that do not serve."""
    live = _state.live_slot(layout, slots)
    return [slot for slot in slots if slot.name != live]


def still_retires(layout: Layout, slots: Sequence[Slot], slot: Slot, before: _facts.ProcessFacts, pm2: Pm2) -> bool:
    """Whether the slot still is idle and still runs what was to be retired: a later deploy may have taken it."""
    return slot in idle(layout, slots) and _facts.read_facts(pm2, slot).pids == before.pids


def retire(
    layout: Layout,
    slots: Sequence[Slot],
    slot: Slot,
    pm2: Pm2,
    *,
    standby: float,
    drain_timeout: float,
    timeout: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Retired:
    """Stop what runs in ``slot`` now, after ``standby`` seconds and once its connections have ended.

    :param drain_timeout: seconds to wait for open connections after that.
    :param timeout: seconds it may take to stop.

    While it stands by, a deploy or a rollback may take the slot over or make it live again: then it is left alone.
    """
    before = _facts.read_facts(pm2, slot)
    if not before.pids:
        return Retired(_stop(layout, slot, pm2, timeout), f"{slot.process} was not running")
    waited = 0.0
    while waited < standby and still_retires(layout, slots, slot, before, pm2):
        sleep(min(LOOK, standby - waited))
        waited += LOOK
    open_connections = _drain(slot, drain_timeout, sleep)
    while True:
        with _lock.alone(layout.root):
            # During a deploy the slots are that deploy's to stop and start.
            busy = standby > 0 and _lock.held(layout.lock) is not None
            if not busy and not still_retires(layout, slots, slot, before, pm2):
                return Retired(False, f"{slot.process} is in use again")
            if not busy:
                _stop(layout, slot, pm2, timeout)
                cut = f", {open_connections} connections cut" if open_connections else ""
                return Retired(True, f"stopped {slot.process}{cut}")
        sleep(POLL)


def _drain(slot: Slot, timeout: float, sleep: Callable[[float], None]) -> int:
    for _ in range(int(timeout / POLL)):
        if not _process.established(slot.address):
            return 0
        sleep(POLL)
    return _process.established(slot.address)


def _stop(layout: Layout, slot: Slot, pm2: Pm2, timeout: float) -> bool:
    return _slot.stop(layout, slot, pm2, timeout=timeout)
