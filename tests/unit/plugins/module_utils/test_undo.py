# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Undoing: what is taken back, what is only cleared away, what is left alone, and when the app freezes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _deadline,
    _facts,
    _ledger,
    _lock,
    _phases,
    _proof,
    _switch,
    _undo,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

pytestmark = pytest.mark.usefixtures("world")

BAD = _undo.Failure("it crashed\nat once", "bad")


def undo(app: Any, release: str, failure: _undo.Failure = BAD, course: _phases.Course | None = None) -> _undo.Undone:
    return _undo.undo(app.layout, release, failure, by="ann", course=course or app.locked())


@pytest.fixture
def edge(app: Any) -> Any:
    """r1 is good, r2 is live in green and was never confirmed."""
    app.deployed("r1", "blue")
    app.put("r2", "green")
    app.note("staged:r2", "gated:r2", "published:r2")
    app.go_live("r2")
    _deadline.arm(app.layout, "r2", seconds=60, by="ann", now=Moment(0, 0, ""))
    return app


@pytest.mark.parametrize("warm", [True, False])
def test_what_is_live_and_unconfirmed_is_taken_back(edge: Any, world: Any, warm: bool) -> None:
    world.warm = {"blue"} if warm else set()
    assert undo(edge, "r2") == _undo.Undone("r1")
    start = [] if warm else ["start r1 in blue"]
    proofs = ["prove r1 in blue through itself x3", "prove r1 in blue through http://edge x1"]
    assert world.said == [*start, *proofs, "stop green"]
    assert (edge.live(), edge.events("r2")[-1], edge.events("r1")[-1]) == ("r1", "bad", "good")
    assert _deadline.armed(edge.layout) is None


def test_it_goes_back_as_the_release_before_was_proved(edge: Any, world: Any) -> None:
    edge.put("r3", "blue", front="http://newer-edge", consecutive=9)
    edge.note("good:r2", "published:r3")
    edge.go_live("r3")
    undo(edge, "r3")
    assert "prove r2 in green through itself x3" in world.said


def test_twice_does_no_harm(edge: Any, world: Any) -> None:
    course = edge.locked()
    undo(edge, "r2", course=course)
    world.said.clear()
    undone = undo(edge, "r2", course=course)
    assert (undone.live, undone.frozen) == ("r1", "")
    assert edge.live() == "r1"
    assert not any(word.startswith(("prove", "start")) for word in world.said)


@pytest.mark.parametrize("published", [True, False])
def test_whoever_lost_the_lock_undoes_nothing(edge: Any, world: Any, published: bool) -> None:
    edge.put("r3", "blue")
    edge.locked()
    before = edge.snapshot()
    with pytest.raises(_lock.Lost):
        undo(edge, "r2" if published else "r3", course=_phases.Course("the lease of a run that is over"))
    assert (edge.snapshot(), world.said) == (before, [])


def test_whoever_loses_the_lock_on_the_way_back_does_not_freeze_the_app(
    edge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = edge.locked()

    def taken_over(*_: Any, **__: Any) -> dict[str, Any]:
        _lock.release(edge.layout.lock, course.lease)
        edge.locked()
        _lock.prove(edge.layout.lock, course.lease)
        return {}

    monkeypatch.setattr(_proof, "run", taken_over)
    with pytest.raises(_lock.Lost):
        undo(edge, "r2", course=course)
    assert (_lock.frozen(edge.layout.root), edge.events("r2")[-1]) == ("", "published")


def test_a_first_release_leaves_nothing_live(app: Any, world: Any) -> None:
    app.put("r1", "blue")
    app.note("staged:r1", "published:r1")
    app.go_live("r1")
    assert undo(app, "r1") == _undo.Undone("")
    assert (app.live(), world.said, app.events("r1")[-1]) == ("", ["stop blue"], "bad")


def test_what_was_confirmed_is_left_alone(app: Any, world: Any) -> None:
    app.deployed("r1", "blue")
    assert undo(app, "r1") == _undo.Undone("r1", changed=False)
    assert (world.said, app.events("r1")[-1]) == ([], "good")


@pytest.mark.parametrize(
    ("slot", "stopped"), [("green", ["stop green"]), ("", []), ("blue", [])], ids=["started", "never", "now live"]
)
def test_what_was_not_published_is_cleared_away(app: Any, world: Any, slot: str, stopped: list[str]) -> None:
    app.deployed("r1", "blue")
    app.put("r2", slot)
    undone = undo(app, "r2", _undo.Failure("another host failed", "aborted"))
    assert (undone.live, world.said, app.live()) == ("r1", stopped, "r1")
    assert app.events("r2") == ["aborted"]


def test_another_release_that_stands_by_in_its_old_slot_goes_on(
    app: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.deployed("r1", "blue")
    app.put("r2", "green")
    elsewhere = {7: str(app.layout.release("r0").path)}
    facts = _facts.ProcessFacts("", True, "online", "fork", (7,), 0, None, 9.0, elsewhere, (7,), True, True, "", "")
    monkeypatch.setattr(_facts, "read_facts", lambda *_: facts)
    undo(app, "r2")
    assert world.said == []


@pytest.mark.parametrize(
    ("verdicts", "live"),
    [
        pytest.param([], "r2", id="to how it was, where the deploy failed"),
        pytest.param(["good:r3", "bad:r3"], "r1", id="to something else, where the release has died"),
        pytest.param(["good:r3", "bad:r3", "bad:r1"], "r2", id="to the same, where there is nothing else"),
    ],
)
def test_the_same_release_once_more_is_taken_back(app: Any, verdicts: list[str], live: str) -> None:
    for release, slot, content in (("r1", "green", "one"), ("r2", "blue", "two"), ("r3", "green", "two")):
        _ledger.append(app.layout.ledger, _ledger.Entry("t", "staged", release, detail={"content": content}))
        app.put(release, slot)
        app.note(f"published:{release}", *([f"good:{release}"] if release != "r3" else verdicts))
    app.go_live("r3")
    assert undo(app, "r3") == _undo.Undone(live)


def test_a_good_release_keeps_its_name_when_a_rollback_to_it_fails_before_publish(app: Any) -> None:
    app.deployed("r1", "green")
    app.deployed("r2", "blue")
    undo(app, "r1")
    assert app.events("r1")[-1] == "good"


def test_a_second_failure_freezes_the_app(edge: Any, world: Any) -> None:
    world.refuse = ["prove r1"]
    undone = undo(edge, "r2")
    assert "r2 failed (it crashed) and could not be taken back (refused: prove r1" in undone.frozen
    assert (undone.live, edge.live(), edge.events("r2")[-2:]) == ("r2", "r2", ["bad", "frozen"])
    assert "could not be taken back" in _lock.frozen(edge.layout.root)
    assert "stop green" not in world.said, "what still is live must go on, however bad"
    with pytest.raises(DeployError, match="it crashed") as refused:
        _undo.refuse_frozen(undone, BAD)
    assert refused.value.facts["frozen"] == undone.frozen
    assert "bluegreen unfreeze" in refused.value.at_hand()
    assert "-e " not in refused.value.at_hand()


@pytest.mark.parametrize(("irreversible", "frozen"), [("r2", True), ("r1", False), ("", False)])
def test_nothing_goes_back_by_itself_before_what_cannot_be_undone(
    app: Any, world: Any, irreversible: str, frozen: bool
) -> None:
    for release, slot in (("r1", "blue"), ("r2", "green")):
        app.put(release, slot)
        _switch.publish(app.layout, release, app.place(slot), by="", reason="", reversible=release != irreversible)
        app.note("good:r1")
    undone = undo(app, "r2")
    assert bool(undone.frozen) is frozen
    assert app.live() == ("r2" if frozen else "r1")
    assert ("from before r2" in undone.frozen) is frozen
    assert (world.said == []) is frozen


@pytest.mark.parametrize(
    ("previous", "said"),
    [
        (True, ["start r1 in main", "prove r1 in main through http://edge x3", "stop spare"]),
        (False, ["stop main", "stop spare"]),
    ],
)
def test_without_an_edge_the_process_is_put_back_first(app: Any, world: Any, previous: bool, said: list[str]) -> None:
    app.strategy = "restart"
    if previous:
        app.deployed("r1", "main")
    app.put("r2", "main")
    app.note("staged:r2", "gated:r2", "published:r2")
    app.go_live("r2")
    undo(app, "r2")
    assert world.said == said
    assert app.live() == ("r1" if previous else "")


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (DeployError("no", facts={"verdict": "refused"}), "bad"),
        (DeployError("a hook failed"), "aborted"),
        (OSError("disk full"), "aborted"),
    ],
)
def test_only_the_gate_proves_a_release_bad(error: Exception, verdict: str) -> None:
    assert _undo.failure_of(error).verdict == verdict
