# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The road: in which order it is gone, and what is so when it ends early."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _deadline,
    _ledger,
    _lock,
    _phases,
    _process,
    _retire,
    _road,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

pytestmark = pytest.mark.usefixtures("world")


@pytest.fixture
def edge(app: Any) -> Any:
    """r1 and r2 were deployed; r2 is live in green."""
    app.deployed("r1", "blue")
    app.deployed("r2", "green")
    return app


@pytest.fixture
def restart(app: Any) -> Any:
    """The same without an edge."""
    app.strategy = "restart"
    app.deployed("r1", "main")
    app.deployed("r2", "main")
    return app


GATED = ["start r1 in blue", "prove r1 in blue through itself x3"]
THROUGH = "prove r1 in blue through http://edge x1"


@pytest.mark.parametrize(
    ("action", "warm", "said"),
    [
        pytest.param("deploy", False, [*GATED, THROUGH, "retire green"], id="deploy"),
        pytest.param("deploy", True, [*GATED, THROUGH, "retire green"], id="a deploy takes nothing that runs"),
        pytest.param("rollback", False, [*GATED, THROUGH, "retire green"], id="cold"),
        pytest.param("rollback", True, [*GATED[1:], THROUGH, "retire green"], id="warm"),
        pytest.param("take back", True, [*GATED[1:], THROUGH], id="what is taken back is not retired"),
    ],
)
def test_the_order_behind_an_edge(edge: Any, world: Any, action: str, warm: bool, said: list[str]) -> None:
    world.warm = {"blue"} if warm else set()
    journey = edge.journey("r1", "blue", run=_phases.Run(action, "ann"))
    _road.travel(journey, _road.ALL)
    assert world.said == said
    assert edge.live() == "r1"
    assert edge.events("r1")[-3:] == ["gated", "published", "good"]
    assert edge.events("r2")[-1] == ("rolled_back" if action == "rollback" else "good")
    assert (journey.changed, journey.switch > 0) == (True, True)


@pytest.mark.parametrize(
    ("slot", "said"),
    [
        pytest.param(
            "spare",
            [
                "start r1 in spare",
                "prove r1 in spare through itself x3",
                "start r1 in main",
                "prove r1 in main through http://edge x3",
                "retire spare",
            ],
            id="proved on the spare first",
        ),
        pytest.param(
            "main",
            ["start r1 in main", "prove r1 in main through http://edge x3", "retire spare"],
            id="the one process is down",
        ),
    ],
)
def test_the_order_without_an_edge(restart: Any, world: Any, slot: str, said: list[str]) -> None:
    _road.travel(restart.journey("r1", slot, run=_phases.Run("rollback", "ann")), _road.ALL)
    assert world.said == said
    assert restart.live() == "r1"


def test_a_deploy_is_watched_and_the_old_slot_stands_by(edge: Any, world: Any) -> None:
    edge.put("r3", "blue", standby=60)
    _road.travel(edge.journey("r3", "blue", soak=30), [*_road.PUBLISHED, *_road.GOOD])
    assert world.said == ["prove r3 in blue through http://edge x1 for 30 s", "retire green after 60 s"]


def test_what_served_somewhere_else_is_retired_too(app: Any, world: Any) -> None:
    app.strategy = "restart"
    app.deployed("r1", "main")
    app.strategy = "edge"
    app.put("r2", "blue")
    _road.travel(app.journey("r2", "blue"), ["publish", "retire"])
    assert world.said == ["retire green", "retire main", "retire spare"]


@pytest.mark.parametrize(
    ("refuse", "live", "phases"),
    [
        ("through itself", "r2", ["start", "gate"]),
        ("through http://edge", "r1", ["start", "gate", "publish", "soak"]),
        ("start", "r2", ["start"]),
    ],
)
def test_what_is_so_when_it_is_refused(edge: Any, world: Any, refuse: str, live: str, phases: list[str]) -> None:
    world.refuse = [refuse]
    journey = edge.journey("r1", "blue")
    with pytest.raises(DeployError, match="refused"):
        _road.travel(journey, _road.ALL)
    assert edge.live() == live
    assert edge.events("r2")[-1] == "good"
    assert list(journey.course.seconds) == phases
    assert journey.course.at == phases[-1]


def test_publishing_sets_a_deadline_that_confirming_lifts(edge: Any) -> None:
    edge.put("r3", "blue", confirm_timeout=120)
    journey = edge.journey("r3", "blue")
    _road.travel(journey, _road.PUBLISHED)
    deadline = _deadline.armed(edge.layout)
    assert deadline is not None
    assert (deadline.release, round(deadline.until - deadline.armed.wall)) == ("r3", 120)
    _road.travel(journey, _road.GOOD)
    assert _deadline.armed(edge.layout) is None


def test_what_the_host_took_back_is_not_confirmed(edge: Any, world: Any) -> None:
    journey = edge.journey("r1", "blue")
    with pytest.raises(DeployError, match="not live any more"):
        _road.travel(journey, _road.GOOD)
    assert edge.events("r1")[-1] == "good"
    assert "retire green" not in world.said


def test_hooks_stand_around_their_phase_and_a_failing_one_ends_it(edge: Any, world: Any) -> None:
    note = "import os, pathlib; pathlib.Path('note').write_text(os.environ['BLUEGREEN_RELEASE'])"
    hooks = {"before_publish": [[sys.executable, "-c", note], [sys.executable, "-c", "raise SystemExit('no')"]]}
    with pytest.raises(DeployError, match="A hook failed") as failed:
        _road.travel(edge.journey("r1", "blue", run=_phases.Run("deploy", "ann", hooks)), _road.ALL)
    assert "no" in str(failed.value)
    assert (edge.layout.release("r1").path / "note").read_text() == "r1"
    assert edge.live() == "r2"
    assert world.said[-1] == "prove r1 in blue through itself x3"


def test_nothing_is_done_without_the_lock(edge: Any, world: Any) -> None:
    journey = edge.journey("r1", "blue")
    _lock.release(edge.layout.lock, journey.course.lease)
    with pytest.raises(DeployError, match="must not go on"):
        _road.travel(journey, _road.ALL)
    assert world.said == []


@pytest.mark.parametrize(
    ("hears", "events"),
    [
        pytest.param([], ["gated"], id="before the switch"),
        pytest.param([True], ["gated", "published"], id="before it is good"),
    ],
)
def test_what_nobody_waits_for_is_not_decided(edge: Any, hears: list[bool], events: list[str]) -> None:
    asked, before = iter([*hears, False]), len(edge.events("r1"))
    journey = edge.journey("r1", "blue", run=_phases.Run("deploy", "ann", is_wanted=lambda: next(asked)))
    with pytest.raises(DeployError, match="nobody waits"):
        _road.travel(journey, _road.ALL)
    assert edge.events("r1")[before:] == events
    assert edge.live() == ("r1" if hears else "r2")


def test_pruning_is_a_deploys(edge: Any) -> None:
    edge.put("bad")
    edge.note("staged:bad", "bad:bad")
    course = edge.locked()
    _road.travel(edge.journey("r2", "green", course, run=_phases.Run("rollback", "ann")), ["prune"])
    assert edge.on_disk() == ["bad", "r1", "r2"]
    journey = edge.journey("r2", "green", course)
    _road.travel(journey, ["prune"])
    assert edge.on_disk() == ["r1", "r2"]
    assert edge.events("bad")[-1] == "pruned"
    assert journey.notes == {"prune": "1 pruned"}


@pytest.mark.parametrize(
    ("action", "ago", "waited"),
    [
        pytest.param("deploy", 0.0, 0.6, id="just switched away"),
        pytest.param("rollback", 0.2, 0.4, id="a moment ago"),
        pytest.param("deploy", 5.0, 0.0, id="they have had their time"),
        pytest.param("take back", 0.0, 0.0, id="a bad release is left at once"),
    ],
)
def test_who_is_still_connected_to_the_slot_before_last_has_time_to_end(
    app: Any, monkeypatch: pytest.MonkeyPatch, action: str, ago: float, waited: float
) -> None:
    app.deployed("r1", "blue")
    app.deployed("r2", "green")
    app.put("r3", drain_timeout=0.6)
    at = datetime.fromtimestamp(time.time() - ago, timezone.utc).isoformat(timespec="milliseconds")
    _ledger.append(app.layout.ledger, _ledger.Entry(at, "published", "r2"))
    monkeypatch.setattr(_process, "established", lambda _address: 1)
    began = time.monotonic()
    _road.travel(app.journey("r3", "blue", run=_phases.Run(action, "ann")), ["start"])
    assert time.monotonic() - began == pytest.approx(waited, abs=_retire.POLL + 0.1)


def test_who_loses_the_lock_while_connections_end_starts_nothing(
    edge: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.put("r3")
    _ledger.append(edge.layout.ledger, _ledger.Entry(_ledger.now(), "published", "r2"))
    course = edge.locked()

    def taken_over(_address: str) -> int:
        _lock.release(edge.layout.lock, course.lease)
        return 1

    monkeypatch.setattr(_process, "established", taken_over)
    with pytest.raises(_lock.Lost):
        _road.travel(edge.journey("r3", "blue", course), ["start"])
    assert world.said == []


def test_the_hook_before_confirm_can_still_take_the_release_back(edge: Any) -> None:
    hooks = {"before_confirm": [[sys.executable, "-c", "raise SystemExit('not this one')"]]}
    run = _phases.Run("deploy", "ann", hooks)
    journey = edge.journey("r1", "blue", run=run)
    with pytest.raises(DeployError, match="not this one"):
        _road.travel(journey, _road.PUBLISHED)
    before = edge.events("r1")
    _road.travel(journey, _road.GOOD)
    assert edge.events("r1")[len(before) :] == ["good"], "it has been asked"
