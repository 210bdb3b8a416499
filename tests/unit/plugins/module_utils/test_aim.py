# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._aim import before, existing
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import Entry
from ansible_collections.nodeops.pm2.plugins.module_utils._state import Release, State


def release(identifier: str, verdict: str, *, complete: bool = True) -> Release:
    return Release(identifier, complete, verdict, "", "", "", "", "")


def state(live: str = "", *, target: str = "", twin: str = "", empty: bool = False, verdict: str = "") -> State:
    """Three releases, of which ``live`` serves."""
    releases = (release("r1", "good"), release("r2", "bad"), release("half", "", complete=False))
    return State(live, "green" if live else "", verdict, "", target, target or twin, () if empty else releases, "", "")


@pytest.mark.parametrize(
    ("state", "wanted", "release"),
    [
        pytest.param(state("r2", target="r1"), "", "r1", id="the last good one"),
        pytest.param(state("r2", target="r1"), "r2", "r2", id="the live one"),
        pytest.param(state("r1"), "r2", "r2", id="a named one, whatever was decided on it"),
    ],
)
def test_where_a_rollback_goes(state: State, wanted: str, release: str) -> None:
    assert existing(state, wanted=wanted) == release


@pytest.mark.parametrize(
    ("state", "wanted", "words"),
    [
        pytest.param(state("r1"), "", ["no good release before the live one", "one of r1, r2", "live: r1"], id="none"),
        pytest.param(state("r2", twin="r1"), "", ["live: r2; r1 is the same as that"], id="the same once more"),
        pytest.param(state("r1"), "r9", ["no release r9 on this host", "one of r1, r2"], id="unknown"),
        pytest.param(state("r1"), "half", ["no release half"], id="unfinished"),
        pytest.param(state("r2", target="half"), "", ["no release half"], id="good, and gone from the disk"),
        pytest.param(state(empty=True), "", ["a release on disk", "live: nothing"], id="nothing was ever deployed"),
    ],
)
def test_where_there_is_nothing_to_go_to(state: State, wanted: str, words: list[str]) -> None:
    with pytest.raises(DeployError) as refused:
        existing(state, wanted=wanted)
    assert [word for word in words if word not in str(refused.value)] == []


@pytest.mark.parametrize(
    ("state", "came_after", "goal"),
    [
        pytest.param(state("r2", verdict="published"), "r1", "r1", id="it was published"),
        pytest.param(state("r2", verdict="good"), "r1", "r1", id="it was confirmed as well"),
        pytest.param(state("r2", verdict="published"), "", "", id="nothing was live before"),
        pytest.param(state("r2", verdict="good"), "", "r2", id="nothing was live before, and it is good"),
        pytest.param(state("r1", verdict="good"), "r1", "r1", id="it was taken back, or never got so far"),
        pytest.param(state("r3", verdict="good"), "r1", "r3", id="another deploy came later"),
        pytest.param(state(""), "", "", id="nothing is live"),
    ],
)
def test_where_the_app_was_before_a_deploy(state: State, came_after: str, goal: str) -> None:
    published = Entry("2026-11-24T03:12:11.000Z", "published", "r2", detail={"previous": came_after})
    assert before(state, "r2", [published]) == goal
