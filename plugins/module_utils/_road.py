# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The road: every phase that takes a release from an archive to its verdict, in order.

A deploy travels it in stretches, because all hosts of a fleet wait for one another before the switch. A rollback, a
take-back and the guard travel it in one go. There is no other way to become live.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _app,
    _clock,
    _deadline,
    _facts,
    _ledger,
    _lock,
    _phases,
    _proof,
    _prune,
    _retire,
    _slot,
    _state,
    _switch,
    _verdict,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot

# Nothing live has been touched at the end of the first stretch; at the end of the second one it has not been confirmed.
GATED = ("stage", "start", "gate")
PUBLISHED = ("publish", "restart", "soak")
GOOD = ("confirm", "retire", "prune")
ALL = (*GATED, *PUBLISHED, *GOOD)
# Users notice the one, and nothing undoes the other.
_DECISIVE = ("publish", "confirm")

# What stands before confirm may still take the release back, and on every host: it is heard at the end of the soak,
# since hosts confirm without waiting for one another.
_HOOKS = {("after", "soak"): ("after_soak", "before_confirm"), ("before", "confirm"): ()}


class Staged(Protocol):
    """What came of putting a release on disk."""

    @property
    def changed(self) -> bool:
        """Whether it was not there."""

    @property
    def sentence(self) -> str:
        """What was done, for people."""


@dataclass
class Journey:
    """What goes where.

    :param app: how the release is run and proved.
    :param slot: where it is started first: the idle slot or the spare. The serving one, where that is down already and
        nothing is lost by switching first.
    :param previous: what was live before, ``''`` where nothing was.
    :param soak: seconds it is watched live before it is confirmed.
    :param stage: puts it on disk; ``None`` where it is there.
    :param changed: whether anything on the host was changed.
    :param switch: seconds the switch took.
    :param answered_at: when it first answered at the front door, in seconds since the epoch.
    """

    layout: Layout
    release: str
    app: _app.App
    slot: Slot
    previous: str
    run: _phases.Run
    course: _phases.Course
    soak: float = 0.0
    stage: Callable[[], Staged] | None = None
    changed: bool = False
    switch: float = 0.0
    answered_at: float = 0.0
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def serving(self) -> Slot:
        """Where it serves in the end."""
        return self.app.serving(self.slot)

    @property
    def is_down(self) -> bool:
        """Whether the one process there is without an edge is down already, so that the switch comes first."""
        return not self.app.has_edge and self.slot == self.serving

    @property
    def environment(self) -> dict[str, str]:
        """What hooks get to know."""
        return {
            "BLUEGREEN_APP": self.app.name,
            "BLUEGREEN_ACTION": self.run.action,
            "BLUEGREEN_RELEASE": self.release,
            "BLUEGREEN_SLOT": self.slot.name,
            "BLUEGREEN_PREVIOUS": self.previous,
        }


def travel(journey: Journey, phases: Iterable[str]) -> None:
    """Go through ``phases``, as far as they apply.

    :raises DeployError: where it ends early; what is to be undone then is told by what is live.
    """
    for name in phases:
        if _applies(name, journey):
            with journey.course.phase(name):
                _lock.prove(journey.layout.lock, journey.course.lease)
                if name in _DECISIVE:
                    _phases.refuse_unwanted(journey.run, name)
                _run_hooks(journey, name, "before")
                _ACTS[name](journey)
                _run_hooks(journey, name, "after")


def _run_hooks(journey: Journey, name: str, when: str) -> None:
    """Before it is staged there is no release to run them in."""
    none_yet = (when, name) == ("before", "stage")
    where = journey.layout.root if none_yet else journey.layout.release(journey.release).path
    for hook in _HOOKS.get((when, name), (f"{when}_{name}",)):
        _phases.run_hooks(journey.run, hook, where=where, environment=journey.environment)


def watch(journey: Journey) -> None:
    """Soak once more what was published before, while others publish. Its hooks have run."""
    with journey.course.phase("soak"):
        _lock.prove(journey.layout.lock, journey.course.lease)
        _soak(journey)


def _applies(name: str, journey: Journey) -> bool:
    return {
        "stage": journey.stage is not None,
        "start": not journey.is_down,
        "gate": not journey.is_down,
        "restart": not journey.app.has_edge,
        "retire": journey.run.action != "take back",
        "prune": journey.run.action == "deploy",
    }.get(name, True)


def _stage_it(journey: Journey) -> None:
    if journey.stage is not None:
        staged = journey.stage()
        journey.changed |= staged.changed
        journey.notes["stage"] = staged.sentence


def _start(journey: Journey) -> None:
    """In the idle slot, from nothing; on the way back it is left as it is where it still runs there."""
    tree, slot = journey.layout.release(journey.release), journey.slot
    facts = _facts.read_facts(journey.app.pm2, slot)
    if journey.run.action != "deploy" and _slot.is_warm(facts, tree, slot):
        _slot.keep(facts).remember(tree)
        journey.notes["start"] = "warm"
        return
    journey.changed = True
    _let_go(journey, slot)
    _slot.start(journey.layout, journey.release, slot, journey.app.pm2, timeout=journey.app.stop_timeout)


def _let_go(journey: Journey, slot: Slot) -> None:
    """Whoever is still connected to what served there before has the time to end that a retiring slot gives them."""
    if journey.run.action == "take back" or not journey.app.has_edge or not journey.previous:
        return
    left = _ledger.seconds(_ledger.since(_ledger.read(journey.layout.ledger), journey.previous))
    remaining = min(left + journey.app.drain_timeout - time.time(), journey.app.drain_timeout)
    lock, lease = journey.layout.lock, journey.course.lease
    waited = _retire.drain(slot, remaining, on_tick=lambda: _lock.prove(lock, lease))
    if waited:
        journey.notes["start"] = f"after {waited:.1f} s for open connections"


def _gate(journey: Journey) -> None:
    prove(journey, journey.slot, through="", duration=0.0)
    passed = _ledger.Entry(_ledger.now(), "gated", journey.release, journey.slot.name, journey.run.by)
    _ledger.append(journey.layout.ledger, passed)


def _publish(journey: Journey) -> None:
    layout, run = journey.layout, journey.run
    _deadline.arm(layout, journey.release, seconds=journey.app.confirm_timeout, by=run.by, now=_clock.now())
    journey.switch = _switch.publish(
        layout, journey.release, journey.slot, by=run.by, reason=run.action, reversible=journey.app.reversible
    )
    journey.changed = True
    journey.notes["publish"] = f"switched in {1000 * journey.switch:.2f} ms"


def _restart(journey: Journey) -> None:
    _slot.start(journey.layout, journey.release, journey.serving, journey.app.pm2, timeout=journey.app.stop_timeout)


def _soak(journey: Journey) -> None:
    """Through the front door; behind an edge the slot itself has just been proved, so that one good answer will do."""
    # Where nobody was served before, an edge may have to find out first that there is somebody now.
    is_switch = journey.switch > 0 and journey.previous != ""
    brief: dict[str, Any] = {}
    if journey.app.has_edge:
        brief = {"consecutive": 1, "smoke": [], "gated": True, "just_gated": is_switch}
    begun = time.time()
    proof = prove(journey, journey.serving, through=journey.app.front, duration=journey.soak, **brief)
    journey.answered_at = round(begun + proof.get("first_answer_after", 0.0), 3)


def _confirm(journey: Journey) -> None:
    layout, run = journey.layout, journey.run
    if _state.live_release(layout) != journey.release:
        raise DeployError(
            "The release is not live any more, so it cannot be confirmed.",
            expected=f"{layout.current} -> {journey.release}",
            seen=_state.live_release(layout) or "nothing",
            remedy="The host has taken it back: status.yml shows why.",
        )
    left = journey.previous if run.action == "rollback" else ""
    verdict = _verdict.Verdict(journey.release, "good", journey.serving.name, run.by, run.action)
    journey.changed |= _verdict.decide(layout, verdict, left=left, freeze="", check_mode=False)
    _deadline.disarm(layout)


def _retire_old(journey: Journey) -> None:
    """What does not serve any more. Without an edge nobody could be sent back to the spare, so it need not stand by."""
    app = journey.app
    standby = app.standby if app.has_edge else 0.0
    act = _retire.retire_later if standby > 0 else _retire.retire
    for slot in _left_behind(journey):
        act(
            journey.layout,
            slot,
            app.pm2,
            standby=standby,
            drain_timeout=app.drain_timeout,
            timeout=app.stop_timeout,
        )


def _left_behind(journey: Journey) -> list[Slot]:
    """The other slot, and where the release before served, if that was somewhere else altogether."""
    own = [slot for slot in journey.app.slots if slot != journey.serving]
    before = _app.recorded(journey.layout.release(journey.previous)) if journey.previous else None
    known = {slot.process for slot in journey.app.slots}
    return own + [slot for slot in (before.slots if before else ()) if slot.process not in known]


def _prune_old(journey: Journey) -> None:
    layout = journey.layout
    state = _state.read(layout, now=time.time())
    going = _prune.plan(layout, state, keep=journey.app.keep)
    _prune.carry_out(layout, going, by=journey.run.by)
    in_use = {release.dependencies for release in state.releases if release.id not in going}
    for entry in _prune.unused(layout.deps, in_use):
        _prune.remove(entry)
    if going:
        journey.notes["prune"] = f"{len(going)} pruned"


def prove(journey: Journey, slot: Slot, *, through: str, duration: float, **instead: object) -> dict[str, Any]:
    """Ask the gate's question of the release in ``slot``, and say what came of it; ``instead`` replaces options."""
    tree = journey.layout.release(journey.release)
    return _proof.run(
        {
            **journey.app.proof,
            "duration": duration,
            **instead,
            "root": str(journey.layout.root),
            "release": journey.release,
            "slot": vars(slot),
            "through": through,
            "log_offset": _slot.error_offset(tree),
            "lease": journey.course.lease,
            "pm2_home": str(journey.app.pm2.home),
            "pm2_bin": journey.app.pm2.pm2,
            "node_bin": journey.app.pm2.node,
        },
        check_mode=False,
    )


_ACTS: dict[str, Callable[[Journey], None]] = {
    "stage": _stage_it,
    "start": _start,
    "gate": _gate,
    "publish": _publish,
    "restart": _restart,
    "soak": _soak,
    "confirm": _confirm,
    "retire": _retire_old,
    "prune": _prune_old,
}


def last_published(layout: Layout, release: str) -> str:
    """What was live when ``release`` was published."""
    return _ledger.came_after(_ledger.read(layout.ledger), release)
