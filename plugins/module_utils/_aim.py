# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a run goes from what is so: which release, in which slot, leaving which; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._state import State


@dataclass(frozen=True)
class Target:
    """What a deploy or a rollback is about.

    :param slot: where the release is started, or where it serves already.
    :param previous: the live release, which is left; ``''`` where nothing is live.
    :param live: whether the release is live already, so that there is nothing to do but look.
    :param proven: whether its verdict was ``good`` before this run.
    """

    release: str
    slot: Slot
    previous: str
    live: bool
    proven: bool


def aim(state: State, slots: Sequence[Slot], *, release: str, existing: bool) -> Target:
    """Conclude.

    :param release: id of the release to go to; ``''``: the last good one before the live one.
    :param existing: whether it has to be on disk, as for a rollback.
    :raises DeployError: when there is nothing to go to.
    """
    wanted = release or state.rollback_target
    on_disk = [one.id for one in state.releases if one.complete]
    if not wanted or (existing and wanted not in on_disk):
        raise DeployError(
            f"There is no release {wanted} on this host."
            if wanted
            else "There is no good release before the live one to go back to.",
            expected=f"one of {', '.join(on_disk)}" if on_disk else "a release on disk",
            seen=f"live: {state.live or 'nothing'}",
            remedy="Name one with -e bluegreen_release=ID, or deploy.",
        )
    live = wanted == state.live
    name = state.live_slot if live else state.idle_slot
    found = state.release(wanted)
    return Target(
        release=wanted,
        slot=next(slot for slot in slots if slot.name == name),
        previous=state.live,
        live=live,
        proven=found is not None and found.verdict == "good",
    )
