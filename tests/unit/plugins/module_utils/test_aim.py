# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._aim import Target, aim
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._state import Release, State

BLUE = Slot("blue", "shop-blue", "127.0.0.1:3001", "/run/shop/blue.sock")
GREEN = Slot("green", "shop-green", "127.0.0.1:3002", "/run/shop/green.sock")


def release(identifier: str, verdict: str, *, complete: bool = True) -> Release:
    return Release(identifier, complete, verdict, "", "", "", "", "")


def state(live: str = "", *, target: str = "") -> State:
    """Three releases, of which ``live`` serves in green."""
    releases = (release("r1", "good"), release("r2", "bad"), release("half", "", complete=False))
    serving, idle = ("green", "blue") if live else ("", "blue")
    return State(live, serving, idle, "", "", target, releases, "", "")


@pytest.mark.parametrize(
    ("state", "wanted", "existing", "target"),
    [
        pytest.param(state(), "r3", False, Target("r3", BLUE, "", False, False), id="first deploy"),
        pytest.param(state("r1"), "r3", False, Target("r3", BLUE, "r1", False, False), id="the next"),
        pytest.param(state("r1"), "r2", False, Target("r2", BLUE, "r1", False, False), id="one that was bad"),
        pytest.param(state("r2"), "r1", False, Target("r1", BLUE, "r2", False, True), id="one that was good"),
        pytest.param(state("r1"), "half", False, Target("half", BLUE, "r1", False, False), id="one that is unfinished"),
        pytest.param(state("r1"), "r1", False, Target("r1", GREEN, "r1", True, True), id="live and good"),
        pytest.param(state("r2"), "r2", False, Target("r2", GREEN, "r2", True, False), id="live and never confirmed"),
        pytest.param(state("r2", target="r1"), "", True, Target("r1", BLUE, "r2", False, True), id="roll back"),
        pytest.param(state("r1"), "r2", True, Target("r2", BLUE, "r1", False, False), id="roll back to a named one"),
    ],
)
def test_where_a_run_goes(state: State, wanted: str, existing: bool, target: Target) -> None:
    assert aim(state, [BLUE, GREEN], release=wanted, existing=existing) == target


@pytest.mark.parametrize(
    ("state", "wanted", "words"),
    [
        pytest.param(state("r1"), "", "no good release before the live one", id="nothing to go back to"),
        pytest.param(state("r1"), "r9", "no release r9 on this host", id="never seen"),
        pytest.param(state("r1"), "half", "no release half on this host", id="unfinished"),
    ],
)
def test_a_rollback_goes_only_to_what_is_there(state: State, wanted: str, words: str) -> None:
    with pytest.raises(DeployError, match=words) as refused:
        aim(state, [BLUE, GREEN], release=wanted, existing=True)
    assert (refused.value.expected, refused.value.seen) == ("one of r1, r2", "live: r1")


def test_with_nothing_on_disk_no_release_is_offered() -> None:
    empty = State("", "", "blue", "", "", "", (), "", "")
    with pytest.raises(DeployError) as refused:
        aim(empty, [BLUE, GREEN], release="", existing=True)
    assert (refused.value.expected, refused.value.seen) == ("a release on disk", "live: nothing")
