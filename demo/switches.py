# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publishing back and forth under load, and what the clients notice of it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils import _state, _switch
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from load import Answer, Load, Result

PAUSE = 0.1  # seconds before and after each switch
PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class Switches:
    """What was seen.

    :param late: switches after which the first request that was sent was not answered by the new release.
    :param seconds: how long each switch took.
    """

    load: Result
    late: int
    seconds: tuple[float, ...]


def back_and_forth(layout: Layout, slots: Sequence[Slot], url: str, *, publishes: int, clients: int) -> Switches:
    """Publish the releases that run in two slots in turn, the idle one first, while keep-alive clients ask."""
    state = _state.read(layout, now=time.time())
    running = {one.slot: one.id for one in state.releases if one.verdict == "good"}
    order = sorted(slots, key=lambda slot: slot.name == state.live_slot)
    seconds, late = [], 0
    with Load(url, clients=clients) as load:
        for slot in itertools.islice(itertools.cycle(order), publishes):
            time.sleep(PAUSE)
            seconds.append(_switch.publish(layout, running[slot.name], slot, by="load", reason="switching"))
            switched = time.time()
            late += first_after(load, switched).release != running[slot.name]
    return Switches(load.result(), late, tuple(seconds))


def first_after(load: Load, moment: float) -> Answer:
    """The first answered request that was sent at ``moment`` or later, waited for where the machine is busy."""
    while True:
        time.sleep(PAUSE)
        answer = load.first_after(moment)
        if answer:
            return answer
        if time.time() > moment + PATIENCE:
            raise TimeoutError(f"No client has been answered for {PATIENCE:g} s.")
