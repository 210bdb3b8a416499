# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The acts: each stretch of a deploy, the abort and the rollback, and what is so after each."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _app,
    _begin,
    _deploy,
    _lock,
    _phases,
    _proof,
    _switch,
    _undo,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

pytestmark = pytest.mark.usefixtures("world")

DEPLOY = _phases.Run("deploy", "ann")
ME = _lock.Owner("me@here", "rollback of shop", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))


@pytest.fixture
def edge(app: Any) -> Any:
    """r1 is good, r2 is live in green and good."""
    app.deployed("r1", "blue")
    app.deployed("r2", "green")
    return app


def resumed(app: Any, release: str, course: _phases.Course) -> Any:
    return _deploy.resumed(app.layout, release, DEPLOY, course)


def test_a_deploy_in_its_stretches(edge: Any, world: Any) -> None:
    course = edge.locked()
    record = _app.require(edge.put("r3"))
    journey = _deploy.aimed(edge.layout, "r3", record, DEPLOY, course)
    assert (journey.slot.name, journey.previous) == ("blue", "r2")
    _deploy.gate(journey)
    assert (edge.live(), edge.events("r3")) == ("r2", ["gated"])

    _deploy.publish(resumed(edge, "r3", course))
    assert (edge.live(), edge.events("r3")) == ("r3", ["gated", "published"])

    last = resumed(edge, "r3", course)
    assert last.previous == "r2"
    _deploy.confirm(last)
    assert (edge.events("r3")[-1], edge.events("r2")[-1]) == ("good", "good")
    assert world.said[-1] == "retire green"
    assert course.lease == ""
    assert not edge.layout.lock.exists()


def test_what_was_published_in_an_earlier_wave_is_watched_while_others_publish(edge: Any, world: Any) -> None:
    course = edge.locked()
    edge.put("r3", "blue", duration=7)
    edge.note("gated:r3")
    _deploy.publish(resumed(edge, "r3", course))
    published = edge.events()
    world.said.clear()
    _deploy.publish(resumed(edge, "r3", course))
    assert (edge.events(), world.said) == (published, ["prove r3 in blue through http://edge x1 for 7 s"])
    assert list(course.seconds) == ["publish", "soak"]


def test_a_gated_release_goes_the_rest_of_the_way_at_once(edge: Any) -> None:
    course = edge.locked()
    edge.put("r3", "blue")
    edge.note("staged:r3", "gated:r3")
    _deploy.confirm(resumed(edge, "r3", course))
    assert list(course.seconds) == ["publish", "soak", "confirm", "retire", "prune"]
    assert (edge.live(), edge.events("r3")[-1]) == ("r3", "good")


def test_what_was_taken_back_is_not_published_again(edge: Any) -> None:
    course = edge.locked()
    edge.put("r3", "blue")
    edge.note("gated:r3", "published:r3", "bad:r3")
    with pytest.raises(DeployError, match="not live any more"):
        _deploy.confirm(resumed(edge, "r3", course))
    assert edge.live() == "r2"


def test_a_release_that_is_live_already_is_looked_at_and_no_more(edge: Any, world: Any) -> None:
    course = edge.locked()
    before = edge.events()
    journey = _deploy.aimed(edge.layout, "r2", _app.require(edge.layout.release("r2")), DEPLOY, course)
    _deploy.gate(journey)
    assert world.said == ["prove r2 in green through itself x3"]
    _deploy.publish(resumed(edge, "r2", course))
    _deploy.confirm(resumed(edge, "r2", course))
    assert (edge.events(), journey.changed, len(world.said)) == (before, False, 1)


def test_a_release_that_never_started_does_not_go_on(edge: Any) -> None:
    edge.put("r3")
    with pytest.raises(DeployError, match="never started"):
        resumed(edge, "r3", edge.locked())


def test_without_an_edge_the_spare_is_where_it_was_gated(app: Any, world: Any) -> None:
    app.strategy = "restart"
    app.deployed("r1", "main")
    app.put("r2")
    app.note("gated:r2")
    journey = resumed(app, "r2", app.locked())
    assert (journey.slot.name, journey.serving.name) == ("spare", "main")
    _deploy.confirm(journey)
    assert world.said == ["start r2 in main", "prove r2 in main through http://edge x3", "retire spare"]


def test_an_abort_needs_the_lock_and_gives_it_back(edge: Any, world: Any) -> None:
    edge.put("r3", "blue")
    course = edge.locked()
    failure = _undo.Failure("no", "aborted")
    with pytest.raises(DeployError, match="must not go on"):
        _deploy.abort(edge.layout, "r3", failure, by="ann", course=_phases.Course("another"))
    _deploy.abort(edge.layout, "r3", failure, by="ann", course=course)
    assert (edge.events("r3"), world.said, edge.layout.lock.exists()) == (["aborted"], ["stop blue"], False)


def roll_back(app: Any, wanted: str = "") -> _phases.Course:
    course = _phases.Course()
    run = _phases.Run("rollback", "ann")
    try:
        _deploy.roll_back(app.layout, wanted, _begin.Claim(ME), run, course)
    finally:
        assert not app.layout.lock.exists()
    return course


@pytest.mark.parametrize("wanted", ["", "r1"])
def test_a_rollback(edge: Any, world: Any, wanted: str) -> None:
    course = roll_back(edge, wanted)
    assert list(course.seconds) == ["lock", "start", "gate", "publish", "soak", "confirm", "retire"]
    assert (edge.live(), edge.events("r2")[-1]) == ("r1", "rolled_back")
    assert world.said[-1] == "retire green"


def test_a_person_may_go_back_before_what_cannot_be_undone_and_hears_of_it(app: Any) -> None:
    app.deployed("r1", "blue")
    app.put("r2", "green")
    _switch.publish(app.layout, "r2", app.place("green"), by="", reason="", reversible=False)
    app.note("good:r2")
    course = roll_back(app)
    assert app.live() == "r1"
    assert "not declared safe to roll back" in course.found[0]
    assert roll_back(app, "r2").found == []


def test_a_rollback_to_what_is_live_only_looks(edge: Any, world: Any) -> None:
    before = edge.events()
    roll_back(edge, "r2")
    assert (edge.events(), world.said) == (before, ["prove r2 in green through http://edge x3"])


def test_a_rollback_to_nowhere_touches_nothing(app: Any) -> None:
    with pytest.raises(DeployError, match="no good release before"):
        roll_back(app)
    assert list(app.layout.root.iterdir()) == []


@pytest.mark.parametrize(
    ("refuse", "said"),
    [
        ("prove r1 in blue through itself", "stop blue"),
        ("prove r1 in blue through http://edge", "stop blue"),
    ],
)
def test_a_rollback_that_fails_leaves_what_was_live(edge: Any, world: Any, refuse: str, said: str) -> None:
    world.refuse = [refuse]
    with pytest.raises(DeployError, match=r"refused(.|\n)*Live is r2\.") as failed:
        roll_back(edge)
    assert failed.value.facts["verdict"] == "refused"
    assert (edge.live(), world.said[-1]) == ("r2", said)


def test_a_rollback_that_lost_the_lock_leaves_everything_to_whoever_has_it(
    edge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: list[_phases.Course] = []

    def taken_over(*_: Any, **__: Any) -> dict[str, Any]:
        _lock.release(edge.layout.lock, course.lease)
        began.append(edge.locked())
        _lock.prove(edge.layout.lock, course.lease)
        return {}

    monkeypatch.setattr(_proof, "run", taken_over)
    course = _phases.Course()
    with pytest.raises(_lock.Lost):
        _deploy.roll_back(edge.layout, "", _begin.Claim(ME), _phases.Run("rollback", "ann"), course)
    assert len(began) == 1
    _lock.prove(edge.layout.lock, began[0].lease)
    assert (edge.live(), _lock.frozen(edge.layout.root)) == ("r2", "")


def test_a_rollback_does_not_wait_for_the_verdict_on_what_it_leaves(edge: Any, world: Any) -> None:
    cut_short(edge)
    assert "r3 is live and was never confirmed." in roll_back(edge).found
    assert (edge.live(), edge.events("r3")[-1]) == ("r2", "rolled_back")
    assert not [said for said in world.said if "prove r3" in said]


def test_a_rollback_to_an_unconfirmed_release_is_its_soak(edge: Any) -> None:
    cut_short(edge)
    roll_back(edge, "r3")
    assert (edge.live(), edge.events("r3")[-1]) == ("r3", "good")


def cut_short(app: Any, *events: str, reversible: bool = True) -> None:
    """r3 was published after what is live, and its deploy ended somewhere later."""
    app.put("r3", "blue")
    app.note("gated:r3")
    _switch.publish(app.layout, "r3", app.place("blue"), by="", reason="", reversible=reversible)
    app.note(*events)


def take_back(app: Any, release: str = "r3") -> tuple[Any, _phases.Course]:
    course = _phases.Course()
    try:
        journey = _deploy.take_back(app.layout, release, _begin.Claim(ME), _phases.Run("rollback", "ann"), course)
    finally:
        assert not app.layout.lock.exists()
    return journey, course


def test_a_deploy_that_was_cut_short_after_the_switch_is_taken_back(edge: Any, world: Any) -> None:
    cut_short(edge)
    journey, course = take_back(edge)
    assert (journey.release, journey.changed, edge.live(), edge.events("r3")[-1]) == ("r2", True, "r2", "aborted")
    assert "r3 was live and never confirmed. Took it back; live is r2." in course.found
    assert world.said[-1] == "prove r2 in green through http://edge x3"
    world.said.clear()
    again, course = take_back(edge)
    assert (again.changed, course.found, world.said) == (False, [], ["prove r2 in green through http://edge x3"])


def test_one_that_was_confirmed_on_this_host_is_rolled_back_with_the_others(edge: Any) -> None:
    cut_short(edge, "good:r3")
    journey, _course = take_back(edge)
    assert (journey.release, edge.live(), edge.events("r3")[-1]) == ("r2", "r2", "rolled_back")


def test_one_that_never_published_is_only_cleared_away(edge: Any) -> None:
    edge.put("r3", "blue")
    edge.note("staged:r3", "gated:r3")
    journey, course = take_back(edge)
    assert (journey.release, edge.live(), edge.events("r3")[-1]) == ("r2", "r2", "aborted")
    assert course.found == ["Marked r3 aborted: its deploy was interrupted before publish."]


def test_a_deploy_that_came_later_is_left_alone(edge: Any) -> None:
    cut_short(edge, "good:r3")
    edge.deployed("r4", "green")
    journey, _course = take_back(edge)
    assert (journey.release, journey.changed, edge.live()) == ("r4", False, "r4")


def test_before_the_first_deploy_nothing_was_live(app: Any) -> None:
    cut_short(app)
    journey, course = take_back(app)
    assert (journey, app.live(), app.events("r3")[-1]) == (None, "", "aborted")
    assert course.found == ["r3 was live and never confirmed. Took it back; live is nothing."]


@pytest.mark.parametrize("events", [(), ("good:r3",)])
def test_nothing_goes_back_by_itself_before_what_cannot_be_undone(edge: Any, events: tuple[str, ...]) -> None:
    cut_short(edge, *events, reversible=False)
    with pytest.raises(DeployError, match="not safe to roll back"):
        take_back(edge)
    assert edge.live() == "r3"
