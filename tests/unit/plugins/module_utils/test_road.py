# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The road back: in which order it is gone, and what is so when it ends early."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _facts,
    _ledger,
    _lock,
    _manifest,
    _proof,
    _retire,
    _road,
    _slot,
    _state,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import link_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

BLUE = Slot("blue", "shop-blue", "127.0.0.1:3001", "/run/shop/blue.sock")
MAIN = Slot("main", "shop", "127.0.0.1:3000")
SPARE = Slot("spare", "shop-spare", "127.0.0.1:3001")


class World:
    """Everything outside the road: says what was asked of it, and refuses what it is told to."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warm = False
        self.refuse = ""

    def prove(self, params: dict[str, Any], *, check_mode: bool) -> None:
        assert not check_mode
        question = f"prove {params['slot']['name']} {params['through']}".strip()
        self.said.append(f"{question} x{params['consecutive']}")
        if self.refuse and self.refuse in question:
            raise DeployError("refused")

    def start(self, _layout: Layout, release: str, slot: Slot, _pm2: Pm2, *, timeout: float) -> _slot.Started:
        self.said.append(f"start {release} in {slot.name} ({timeout:g} s)")
        return _slot.Started((1,), _slot.LogMark("out", 0), _slot.LogMark("error", 7))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(_lock, "prove", lambda *_: None)
    monkeypatch.setattr(_proof, "run", world.prove)
    monkeypatch.setattr(_slot, "start", world.start)
    monkeypatch.setattr(_slot, "is_warm", lambda *_: world.warm)
    monkeypatch.setattr(_slot, "keep", lambda _: _slot.Started((1,), _slot.LogMark("o", 0), _slot.LogMark("e", 0)))
    monkeypatch.setattr(_facts, "read_facts", lambda *_: None)
    return world


@pytest.fixture
def journey(tmp_path: Path) -> _road.Journey:
    layout = Layout(tmp_path)
    for name in ("r1", "r2"):
        tree = layout.release(name)
        tree.private.mkdir(parents=True)
        link_atomic(tree.listen, BLUE.socket)
        _manifest.write(tree, _manifest.Manifest(name, "", "", {}))
    for name in ("r1", "r2"):
        for event in ("published", "good"):
            _ledger.append(layout.ledger, _ledger.Entry("t", event, name))
    link_atomic(layout.current, "releases/r2")
    return _road.Journey(
        layout=layout,
        pm2=Pm2(tmp_path / "pm2"),
        release="r1",
        slot=BLUE,
        serving=BLUE,
        front="http://edge",
        proof={"consecutive": 3, "smoke": []},
        left="r2",
        by="ann",
        reason="rollback",
        lease="id",
        timeout=30,
        hooks={},
        environment={"BLUEGREEN_RELEASE": "r1"},
    )


@pytest.mark.parametrize(
    ("slot", "serving", "warm", "steps"),
    [
        pytest.param(
            BLUE, BLUE, False, ["start r1 in blue (30 s)", "prove blue x3", "prove blue http://edge x1"], id="cold"
        ),
        pytest.param(BLUE, BLUE, True, ["prove blue x3", "prove blue http://edge x1"], id="warm"),
        pytest.param(
            SPARE,
            MAIN,
            False,
            [
                "start r1 in spare (30 s)",
                "prove spare x3",
                "start r1 in main (30 s)",
                "prove main http://edge x3",
            ],
            id="without an edge",
        ),
        pytest.param(
            MAIN, MAIN, False, ["start r1 in main (30 s)", "prove main http://edge x3"], id="the one process is down"
        ),
    ],
)
def test_the_order(
    journey: _road.Journey, world: World, slot: Slot, serving: Slot, warm: bool, steps: list[str]
) -> None:
    world.warm = warm
    _road.go(replace(journey, slot=slot, serving=serving))
    assert world.said == steps
    assert _state.live_release(journey.layout) == "r1"
    entries = _ledger.read(journey.layout.ledger)
    assert [_ledger.verdict(entries, release) for release in ("r1", "r2")] == ["good", "rolled_back"]


@pytest.mark.parametrize(("refuse", "live"), [("blue", "r2"), ("http://edge", "r1")])
def test_what_is_so_when_it_is_refused(journey: _road.Journey, world: World, refuse: str, live: str) -> None:
    world.refuse = refuse
    with pytest.raises(DeployError, match="refused"):
        _road.go(journey)
    assert _state.live_release(journey.layout) == live
    assert _ledger.verdict(_ledger.read(journey.layout.ledger), "r2") == "good"


def test_hooks_stand_around_their_phase_and_a_failing_one_ends_it(journey: _road.Journey, world: World) -> None:
    note = "import os, pathlib; pathlib.Path('note').write_text(os.environ['BLUEGREEN_RELEASE'])"
    hooks = {"before_publish": [[sys.executable, "-c", note], [sys.executable, "-c", "raise SystemExit('no')"]]}
    with pytest.raises(DeployError, match="A hook failed") as failed:
        _road.go(replace(journey, hooks=hooks))
    assert "no" in str(failed.value)
    assert (journey.layout.release("r1").path / "note").read_text() == "r1"
    assert _state.live_release(journey.layout) == "r2"
    assert world.said[-1] == "prove blue x3"


@pytest.mark.parametrize(("standby", "act"), [(0.0, "retire"), (60.0, "retire_later")])
def test_the_old_slot_retires_last(
    journey: _road.Journey, world: World, monkeypatch: pytest.MonkeyPatch, standby: float, act: str
) -> None:
    monkeypatch.setattr(_retire, act, lambda _layout, slot, _pm2, **_: world.said.append(f"{act} {slot.name}"))
    _road.go(replace(journey, retiring=SPARE, standby=standby))
    assert world.said[-1] == f"{act} spare"


def test_nothing_is_done_without_the_lock(
    journey: _road.Journey, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: Any) -> None:
        raise DeployError("must not go on")

    monkeypatch.setattr(_lock, "prove", lost)
    with pytest.raises(DeployError, match="must not go on"):
        _road.go(journey)
    assert world.said == []
