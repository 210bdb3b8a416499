# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where a run goes, concluded from what is so; pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._state import State


def existing(state: State, *, wanted: str) -> str:
    """The release on disk to go to.

    :param wanted: its id; ``''``: the last good one before the live one.
    :raises DeployError: when there is nothing to go to.
    """
    release = wanted or state.rollback_target
    on_disk = [one.id for one in state.releases if one.complete]
    if release and release in on_disk:
        return release
    is_twin = state.came_from and not wanted
    twin = f"; {state.came_from} is the same as that, or as what was left as bad" if is_twin else ""
    raise DeployError(
        f"There is no release {release} on this host."
        if release
        else "There is no good release before the live one to go back to.",
        expected=f"one of {', '.join(on_disk)}" if on_disk else "a release on disk",
        seen=f"live: {state.live or 'nothing'}{twin}",
        remedy="Name one with -e bluegreen_release=ID, or deploy.",
        by_hand="Name one of them: bluegreen rollback ID. Or deploy.",
    )


def before(state: State, release: str, entries: Sequence[_ledger.Entry]) -> str:
    """What was live before ``release`` was published; ``''`` where nothing was.

    Where something else is live it is that: either ``release`` never got so far, or it is history. One that is good
    and came first of all stays, since there is nothing to go back to.
    """
    if state.live != release:
        return state.live
    came_after = _ledger.came_after(entries, release)
    return release if not came_after and state.verdict == "good" else came_after
