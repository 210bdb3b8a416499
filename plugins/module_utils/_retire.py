# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Retiring: drain the slot that no longer serves, then stop it; at once, or after it has stood by for a while."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from ansible_collections.nodeops.pm2.plugins.module_utils import _detach, _facts, _ledger, _lock, _process, _slot
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

POLL = 0.2  # seconds
LOOK = 5.0  # seconds between two looks while a slot stands by


def retire(
    layout: Layout,
    slot: Slot,
    pm2: Pm2,
    *,
    standby: float,
    drain_timeout: float,
    timeout: float,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Stop what runs in ``slot`` now, after ``standby`` seconds and once its connections have ended.

    :param drain_timeout: seconds to wait for open connections after that.
    :param timeout: seconds it may take to stop.
    :returns: whether anything was stopped.

    While it stands by, a deploy or a rollback may take the slot over or make it live again: then it is left alone.
    """
    before, used = _facts.read_facts(pm2, slot), last_used(layout, slot)
    waited = 0.0
    while waited < standby and still_retires(layout, slot, before, pm2, used=used):
        sleep(min(LOOK, standby - waited))
        waited += LOOK
    drain(slot, drain_timeout, sleep=sleep)
    while True:
        with _lock.alone(layout.root):
            # During a deploy the slots are that deploy's to stop and start.
            busy = standby > 0 and _lock.held(layout.lock) is not None
            if not busy:
                retires = still_retires(layout, slot, before, pm2, used=used)
                return retires and _slot.stop(layout, slot, pm2, timeout=timeout)
        sleep(POLL)


def retire_later(layout: Layout, slot: Slot, pm2: Pm2, *, standby: float, drain_timeout: float, timeout: float) -> None:
    """The same in a process of its own."""
    _detach.detach(
        functools.partial(retire, layout, slot, pm2, standby=standby, drain_timeout=drain_timeout, timeout=timeout)
    )


def still_retires(layout: Layout, slot: Slot, before: _facts.ProcessFacts, pm2: Pm2, *, used: str) -> bool:
    """Whether the slot still is idle and runs what was to be retired: a later deploy may have taken it.

    :param used: when it was last used, as it was seen in the beginning. A slot that was live in between and is idle
        again retires anew, with all its time to stand by and to drain: whoever left it then sees to that.
    """
    idle = not _slot.is_live(layout, slot) and last_used(layout, slot) == used
    return idle and _facts.read_facts(pm2, slot).pids == before.pids


def last_used(layout: Layout, slot: Slot) -> str:
    """When a release was last published in ``slot``; ``''`` where none ever was."""
    moments = [one.at for one in _ledger.read(layout.ledger) if one.event == "published" and one.slot == slot.name]
    return moments[-1] if moments else ""


def drain(
    slot: Slot,
    timeout: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    on_tick: Callable[[], None] = lambda: None,
) -> float:
    """Wait until nobody is connected to ``slot`` any more, at most ``timeout`` seconds; how many it took.

    :param on_tick: called before every look.
    """
    waited = 0.0
    while waited < timeout and _process.established(slot.address):
        on_tick()
        sleep(POLL)
        waited += POLL
    return waited
