# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Undoing what is not confirmed: take back what was published, clear away what was not. Failing twice freezes the app.

What is to be undone is asked of the host, not remembered, so that it can be done by anybody, at any time and twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _app,
    _deadline,
    _facts,
    _ledger,
    _lock,
    _phases,
    _road,
    _slot,
    _state,
    _switch,
    _verdict,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot


@dataclass(frozen=True)
class Failure:
    """Why something is undone.

    :param reason: in full.
    :param verdict: ``bad`` where the release was proved bad, ``aborted`` where it was only cut short.
    """

    reason: str
    verdict: str

    @property
    def headline(self) -> str:
        """Its first line, for the ledger."""
        return self.reason.split("\n", 1)[0]


@dataclass(frozen=True)
class Undone:
    """What became of it.

    :param live: what is live now.
    :param frozen: why the app had to be frozen, ``''`` where it had not.
    :param changed: whether anything had to be undone.
    """

    live: str
    frozen: str = ""
    changed: bool = True


def failure_of(error: Exception) -> Failure:
    """What an error says of the release: only the gate's refusal proves it bad."""
    refused = isinstance(error, DeployError) and error.facts.get("verdict") == "refused"
    return Failure(str(error), "bad" if refused else "aborted")


def undo(layout: Layout, release: str, failure: Failure, *, by: str, course: _phases.Course) -> Undone:
    """Undo whatever is so of ``release`` and not confirmed.

    :raises _lock.Lost: when the caller does not hold the lock (any more): nothing is undone then, since whoever has it
        has dealt with it.
    """
    _lock.prove(layout.lock, course.lease)
    state = _state.read(layout, now=time.time())
    if state.live == release:
        if state.verdict == "good":
            return Undone(state.live, changed=False)
        run = _phases.Run("take back", by)
        return _take_back(layout, state, failure, run=run, course=course)
    tree = layout.release(release)
    app = _app.recorded(tree)
    slot = app.slot_of(tree) if app else None
    if app and slot:
        started = [slot] if app.has_edge else app.slots[1:]
        # It may have been started there long ago, and another release stand by there now.
        _stop(layout, app, [one for one in started if not _slot.runs_another(_facts.read_facts(app.pm2, one), tree)])
    _judge(layout, release, failure, by=by)
    return Undone(state.live)


def _take_back(
    layout: Layout, state: _state.State, failure: Failure, *, run: _phases.Run, course: _phases.Course
) -> Undone:
    """The same road with the release before: start it where it runs no more, prove it, publish it, prove it live."""
    suspect, target = state.live, state.rollback_target or state.came_from
    try:
        app = _app.require(layout.release(suspect))
        refuse_crossing(layout, target)
        if target:
            _road.travel(_way_back(layout, suspect, target, run=run, course=course), _road.ALL)
        else:
            _switch.unpublish(layout)
        _deadline.disarm(layout)
        _stop(layout, app, _taken_back(layout, app, suspect, target))
    except _lock.Lost:
        raise
    except (DeployError, OSError) as error:
        second = str(error).split("\n", 1)[0]
        frozen = f"{suspect} failed ({failure.headline}) and could not be taken back ({second})"
        _judge(layout, suspect, Failure(failure.reason, "bad"), by=run.by, freeze=frozen)
        return Undone(_state.live_release(layout), f"{frozen}\n{error}")
    _judge(layout, suspect, failure, by=run.by)
    return Undone(target)


def refuse_crossing(layout: Layout, target: str) -> None:
    """Older code may not live with what was run once for newer; a person has to decide that.

    :param target: where it would go; ``''``: nowhere.
    """
    crossed = _ledger.crossed(_ledger.read(layout.ledger), target) if target else ""
    if crossed:
        raise DeployError(
            f"{target} is from before {crossed}, and what was run once for that is not safe to roll back.",
            remedy=f"Roll back by hand if {target} can live with it, or deploy a release that mends it.",
        )


def _way_back(layout: Layout, suspect: str, target: str, *, run: _phases.Run, course: _phases.Course) -> _road.Journey:
    """To the last good release, as its own deploy described it. Without an edge it is put back first, proved then."""
    app = _app.require(layout.release(target))
    slot = app.idle(_state.slot_name(layout.release(suspect))) if app.has_edge else app.slots[0]
    return _road.Journey(layout, target, app, slot, suspect, run, course)


def _taken_back(layout: Layout, app: _app.App, suspect: str, target: str) -> Sequence[Slot]:
    """What is stopped in the end. Without an edge the one process serves the release before, unless there is none."""
    if app.has_edge:
        slot = app.slot_of(layout.release(suspect))
        return [slot] if slot else []
    return app.slots[1:] if target else app.slots


def _stop(layout: Layout, app: _app.App, slots: Sequence[Slot]) -> None:
    for slot in slots:
        if not _slot.is_live(layout, slot):
            _slot.stop(layout, slot, app.pm2, timeout=app.stop_timeout)


def _judge(layout: Layout, release: str, failure: Failure, *, by: str, freeze: str = "") -> None:
    """Write it down. A release that was good does not lose its name because a rollback to it failed today."""
    if _ledger.verdict(_ledger.read(layout.ledger), release) != "good":
        verdict = _verdict.Verdict(release, failure.verdict, "", by, failure.headline)
        _verdict.decide(layout, verdict, left="", freeze=freeze, check_mode=False)


def refuse_frozen(undone: Undone, failure: Failure) -> None:
    """Raise where not even the way back was open: nothing goes on until a person has looked."""
    if undone.frozen:
        raise DeployError(
            failure.reason,
            seen=f"Taking it back failed as well: {undone.frozen}",
            remedy="The app is frozen. Look at the host, then deploy again with -e bluegreen_unfreeze=true.",
            by_hand="The app is frozen. Look at bluegreen history. Then bluegreen unfreeze, or rollback --unfreeze.",
            facts={"frozen": undone.frozen},
        )
