# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was decided is done by the road of a deploy, and told as it went."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _deadline, _judgement, _ledger, _lock, _reaction
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._judgement import Decision
from ansible_collections.nodeops.pm2.plugins.module_utils._reaction import Deed
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Eyes, Sight

GUARD = "guard@web1"
ROLL_BACK = Decision(_judgement.ROLL_BACK, "crash_loop", "CRITICAL", "It crashes: 3 in 60 s", quench=True)
TAKE_BACK = Decision(_judgement.TAKE_BACK, "unconfirmed", "CRITICAL", "Release r2 was not confirmed in time")
QUENCH = Decision(_judgement.QUENCH, "crash_loop", "CRITICAL", "It crashes: 3 in 60 s", quench=True)
KEEP_TRYING = Decision(_judgement.KEEP_TRYING, "lost", "CRITICAL", "PM2 does not know it any more")
FREEZE = Decision(_judgement.FREEZE, "crash_loop", "CRITICAL", "It crashes, and was restored", quench=True)


@pytest.fixture(params=["edge", "restart"])
def two(request: pytest.FixtureRequest, app: Any, world: Any) -> Any:
    """r2 is live after r1, behind an edge or without one."""
    assert world.said == []
    app.strategy = request.param
    slots = ("blue", "green") if request.param == "edge" else ("main", "main")
    for release, slot in zip(("r1", "r2"), slots):
        app.deployed(release, slot)
    return app


def serving(app: Any) -> str:
    """The slot that r2 serves in."""
    return "green" if app.strategy == "edge" else "main"


def sight(app: Any) -> Sight:
    return Eyes(app.layout).look(now=Moment(2e9, 0, ""))


def act(app: Any, decision: Decision) -> Deed:
    deed = _reaction.carry_out(app.layout, sight(app), decision, by=GUARD)
    assert not app.layout.lock.exists() or app.layout.lock.is_dir()
    return deed


def free(app: Any) -> bool:
    return _lock.held(app.layout.lock) is None


def test_a_rollback_stops_the_loop_marks_the_release_and_goes_the_road(two: Any, world: Any) -> None:
    deed = act(two, ROLL_BACK)
    assert (deed.target, deed.failed, two.live()) == ("r1", False, "r1")
    assert deed.done == "Rolled back to r1."
    assert deed.live.startswith("r1 in ")
    assert world.said[0] == f"stop {serving(two)}, even live"
    assert any(said.startswith("prove r1") for said in world.said)
    assert _ledger.verdict(_ledger.read(two.layout.ledger), "r2") == "bad"
    assert {entry.by for entry in _ledger.read(two.layout.ledger) if entry.by} == {GUARD}
    assert free(two)


def test_what_is_not_confirmed_is_taken_back_from_whoever_holds_the_lock(two: Any, world: Any) -> None:
    two.note("published:r2")
    _deadline.arm(two.layout, "r2", seconds=1, by="ann", now=Moment(0, 0, ""))
    owner = _lock.Owner("ann@laptop", "deploy", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
    lease, _said = _lock.acquire(two.layout.lock, owner, ttl=1e10)
    deed = act(two, TAKE_BACK)
    assert (deed.target, two.live()) == ("r1", "r1")
    assert two.events("r2")[-1] == "aborted"
    assert _deadline.armed(two.layout) is None
    assert not _lock.release(two.layout.lock, lease.id), "the run that was late is told at its next step"
    assert world.said


def test_what_was_confirmed_in_the_meantime_stays(two: Any, world: Any) -> None:
    deed = act(two, TAKE_BACK)
    assert deed == Deed("Nothing: it was confirmed in the meantime.", f"r2 in {serving(two)}")
    assert (two.live(), world.said) == ("r2", [])


def test_a_loop_is_stopped_and_that_is_in_the_ledger(two: Any, world: Any) -> None:
    deed = act(two, QUENCH)
    assert deed.done == "Its process was stopped, so that it does not loop."
    assert (two.live(), deed.target, deed.failed) == ("r2", "", False)
    assert world.said == [f"stop {serving(two)}, even live"]
    entry = _ledger.read(two.layout.ledger)[-1]
    assert (entry.event, entry.release, entry.slot, entry.by) == ("quenched", "r2", serving(two), GUARD)
    assert (entry.reason, free(two)) == ("It crashes: 3 in 60 s", True)


def test_it_is_started_again_where_it_served(two: Any, world: Any) -> None:
    assert act(two, KEEP_TRYING).done == "It was started again."
    assert world.said == [f"start r2 in {serving(two)}, even live"]
    assert (two.live(), free(two)) == ("r2", True)


@pytest.mark.parametrize("quench", [True, False])
def test_a_freeze_holds_everybody_off(two: Any, world: Any, quench: bool) -> None:
    deed = act(two, Decision(_judgement.FREEZE, "crash_loop", "CRITICAL", "It crashes again", quench=quench))
    assert "app was frozen" in deed.done
    assert ("was stopped" in deed.done, deed.frozen, deed.failed) == (quench, True, False)
    assert _lock.frozen(two.layout.root) == "It crashes again"
    assert bool(world.said) is quench
    assert two.live() == "r2"
    again = act(two, ROLL_BACK)
    assert again.failed
    assert "The app is frozen" in again.done
    assert two.live() == "r2"


@pytest.mark.parametrize("decision", [ROLL_BACK, QUENCH, KEEP_TRYING, FREEZE], ids=lambda one: one.action)
def test_who_works_on_it_is_left_alone(two: Any, world: Any, decision: Decision) -> None:
    owner = _lock.Owner("ann@laptop", "deploy", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
    _lock.acquire(two.layout.lock, owner, ttl=900)
    before = two.snapshot()
    deed = act(two, decision)
    assert deed.failed
    assert "Another deploy holds" in deed.done
    assert (two.snapshot(), world.said) == (before, [])


def test_a_way_back_that_is_broken_too_freezes_the_app(two: Any, world: Any) -> None:
    world.refuse = ["prove r1"]
    deed = act(two, ROLL_BACK)
    assert deed.failed
    assert deed.done.startswith("It could not be taken back, so the app was frozen: ")
    assert _lock.frozen(two.layout.root)
    assert free(two)
    assert act(two, ROLL_BACK).failed, "and nothing goes back and forth"


@pytest.mark.parametrize("decision", [ROLL_BACK, QUENCH, KEEP_TRYING, FREEZE], ids=lambda one: one.action)
def test_what_cannot_be_done_is_a_deed_as_well(two: Any, world: Any, decision: Decision) -> None:
    world.refuse = ["stop", "start"]
    deed = act(two, decision)
    assert deed.failed
    assert "could not be" in deed.done
    assert deed.live == f"r2 in {serving(two)}"
    assert free(two), "whoever comes next must not find it locked"


@pytest.mark.parametrize("decision", [QUENCH, KEEP_TRYING, FREEZE], ids=lambda one: one.action)
def test_where_nothing_is_live_nothing_is_done(app: Any, world: Any, decision: Decision) -> None:
    deed = act(app, decision)
    assert deed.failed
    assert "Nothing is live" in deed.done
    assert (deed.live, world.said) == ("nothing", [])
