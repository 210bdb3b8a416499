# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How an act begins: whose lock is taken over, and what an interrupted run left is finished or undone."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _begin, _ledger, _lock, _phases
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

ME = _lock.Owner("me@here", "deploy of shop", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
DEAD = dataclasses.replace(ME, who="gone@here", started=1)


def test_a_lock_is_taken_given_back_and_taken_over(app: Any) -> None:
    course = _phases.Course()
    _begin.take_lock(app.layout, _begin.Claim(ME), course)
    assert course.lease
    assert course.found == []
    with pytest.raises(DeployError, match="Another deploy holds"):
        _begin.take_lock(app.layout, _begin.Claim(DEAD), _phases.Course())
    _begin.give_back(app.layout, course)
    assert course.lease == ""

    _begin.take_lock(app.layout, _begin.Claim(DEAD), _phases.Course())
    _begin.take_lock(app.layout, _begin.Claim(ME), course)
    assert "Took over the lock of gone@here" in course.found[0]


def test_a_frozen_app_is_entered_by_whoever_says_so(app: Any) -> None:
    _lock.freeze(app.layout.root, "nothing worked")
    with pytest.raises(DeployError, match="nothing worked"):
        _begin.take_lock(app.layout, _begin.Claim(ME), _phases.Course())
    _begin.take_lock(app.layout, _begin.Claim(ME, unfreeze=True), _phases.Course())
    assert app.events() == ["unfrozen:"]


def tidy_up(app: Any) -> tuple[bool, list[str]]:
    course = app.locked()
    changed = _begin.tidy_up(app.layout, by="ann", course=course)
    assert course.seconds == {}, "the phases of another deploy are none of this one"
    return changed, course.found


@pytest.fixture
def interrupted(app: Any) -> Any:
    """r2 was published over r1, and its deploy died."""
    app.deployed("r1", "blue")
    app.put("r2", "green", duration=20)
    app.note("staged:r2", "gated:r2", "published:r2")
    app.go_live("r2")
    return app


def test_there_is_nothing_to_tidy_up(app: Any, world: Any) -> None:
    app.deployed("r1", "blue")
    before = app.snapshot()
    assert tidy_up(app) == (False, [])
    assert (app.snapshot(), world.said) == (before, [])


def test_a_live_release_that_was_never_confirmed_gets_its_soak(interrupted: Any, world: Any) -> None:
    changed, found = tidy_up(interrupted)
    assert changed
    assert found == ["r2 is live but was never confirmed: its soak is done now, and decides."]
    assert [entry.reason for entry in _ledger.read(interrupted.layout.ledger) if entry.event == "recovered"] == found
    assert world.said == ["prove r2 in green through http://edge x1 for 20 s"]
    assert (interrupted.live(), interrupted.events("r2")[-1]) == ("r2", "good")


def test_one_that_fails_it_is_taken_back(interrupted: Any, world: Any) -> None:
    world.refuse = ["prove r2"]
    _changed, found = tidy_up(interrupted)
    assert "r2 failed its soak: refused: prove r2" in found[1]
    assert found[2] == "Took it back; live is r1."
    assert (interrupted.live(), interrupted.events("r2")[-1]) == ("r1", "bad")


def test_nobody_goes_on_when_that_fails_too(interrupted: Any, world: Any) -> None:
    world.refuse = ["prove"]
    with pytest.raises(DeployError, match="Taking it back failed as well"):
        tidy_up(interrupted)
    assert _lock.frozen(interrupted.layout.root)


def test_taking_back_a_bad_one_is_finished_without_asking_it_again(interrupted: Any, world: Any) -> None:
    interrupted.note("bad:r2")
    _changed, found = tidy_up(interrupted)
    assert found == [
        "r2 was found bad, and taking it back was cut short: that is done now.",
        "Took it back; live is r1.",
    ]
    assert not any("prove r2" in said for said in world.said)
    assert (interrupted.live(), interrupted.events("r2")[-1]) == ("r1", "bad")


def test_a_bad_one_that_a_person_has_looked_at_is_deployed_over(interrupted: Any, world: Any) -> None:
    interrupted.note("bad:r2", "frozen:", "unfrozen:")
    assert tidy_up(interrupted) == (False, [])
    assert (interrupted.live(), world.said) == ("r2", [])


def test_without_an_edge_its_restart_may_be_missing_too(app: Any, world: Any) -> None:
    app.strategy = "restart"
    app.put("r1")
    app.note("published:r1")
    app.go_live("r1")
    tidy_up(app)
    assert world.said == ["start r1 in main", "prove r1 in main through http://edge x3"]
    assert app.events("r1")[-1] == "good"
