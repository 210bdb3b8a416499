# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Carrying out what was decided about an app, by the same road that a deploy takes; under the app's lock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _begin,
    _judgement,
    _ledger,
    _lock,
    _phases,
    _slot,
    _state,
    _undo,
    _verdict,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._app import App
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._judgement import Decision
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Sight

# Longer than the road back may take with every one of its patience at its end.
_TTL = 900.0
_FORFEITED = "the release that it published was not confirmed in time"


@dataclass(frozen=True)
class Deed:
    """What was done.

    :param done: a sentence, as true when it is read later.
    :param live: what is live now, in words.
    :param target: the release that was published instead, ``''`` for none.
    :param failed: whether it could not be done.
    :param frozen: whether the app is frozen in the end.
    """

    done: str
    live: str = ""
    target: str = ""
    failed: bool = False
    frozen: bool = False


def carry_out(layout: Layout, sight: Sight, decision: Decision, *, by: str) -> Deed:
    """Do it; a failure is a deed as well, since people have to be told of it."""
    acts: dict[str, Callable[[Layout, Sight, Decision, str], Deed]] = {
        _judgement.TAKE_BACK: _go_back,
        _judgement.ROLL_BACK: _go_back,
        _judgement.QUENCH: _quench,
        _judgement.KEEP_TRYING: _start_again,
        _judgement.FREEZE: _freeze,
    }
    try:
        return acts[decision.action](layout, sight, decision, by)
    except (DeployError, OSError) as error:
        why = error.at_hand() if isinstance(error, DeployError) else error
        return Deed(f"It could not be done: {why}", _state.place(layout), failed=True)


def _go_back(layout: Layout, sight: Sight, decision: Decision, by: str) -> Deed:
    """To the last good release; what is left is marked first, so that nobody takes it for good whatever happens."""
    overdue = decision.action == _judgement.TAKE_BACK
    failure = _undo.Failure(decision.reason, "aborted" if overdue else "bad")
    # Who had to confirm it has had the time; whatever is left of that run ends at its next proof of the lock.
    over = sight.holder.id if overdue and sight.holder else ""
    with _locked(layout, by, f"taking back {sight.live}", over=over) as course:
        if decision.quench:
            _stop(layout, sight)
        if not overdue:
            verdict = _verdict.Verdict(sight.live, "bad", _place(sight)[1].name, by, failure.headline)
            _verdict.decide(layout, verdict, left="", freeze="", check_mode=False)
        undone = _undo.undo(layout, sight.live, failure, by=by, course=course)
    if not undone.changed:
        return Deed("Nothing: it was confirmed in the meantime.", _state.place(layout))
    if undone.frozen:
        done = f"It could not be taken back, so the app was frozen: {undone.frozen}"
        return Deed(done, _state.place(layout), failed=True, frozen=True)
    return Deed(f"Rolled back to {undone.live or 'nothing'}.", _state.place(layout), undone.live)


def _quench(layout: Layout, sight: Sight, decision: Decision, by: str) -> Deed:
    with _locked(layout, by, f"stopping {sight.live}"):
        _stop(layout, sight)
        entry = _ledger.Entry(_ledger.now(), "quenched", sight.live, _place(sight)[1].name, by, decision.reason)
        _ledger.append(layout.ledger, entry)
    return Deed("Its process was stopped, so that it does not loop.", _state.place(layout))


def _start_again(layout: Layout, sight: Sight, _decision: Decision, by: str) -> Deed:
    app, slot = _place(sight)
    with _locked(layout, by, f"starting {sight.live} again"):
        _slot.start(layout, sight.live, slot, app.pm2, timeout=app.stop_timeout, even_live=True)
    return Deed("It was started again.", _state.place(layout))


def _freeze(layout: Layout, sight: Sight, decision: Decision, by: str) -> Deed:
    with _locked(layout, by, f"freezing the app with {sight.live}"):
        if decision.quench:
            _stop(layout, sight)
        verdict = _verdict.Verdict(sight.live, "bad", _place(sight)[1].name, by, decision.reason)
        _verdict.decide(layout, verdict, left="", freeze=decision.reason, check_mode=False)
    stopped = "Its process was stopped, and the" if decision.quench else "The"
    return Deed(f"{stopped} app was frozen for a person to look at.", _state.place(layout), frozen=True)


def _stop(layout: Layout, sight: Sight) -> None:
    app, slot = _place(sight)
    _slot.stop(layout, slot, app.pm2, timeout=app.stop_timeout, even_live=True)


def _place(sight: Sight) -> tuple[App, Slot]:
    """How and where the live release runs."""
    if sight.app is None or sight.slot is None:
        raise DeployError("Nothing is live, so that nothing can be done.")
    return sight.app, sight.app.serving(sight.slot)


@contextlib.contextmanager
def _locked(layout: Layout, by: str, what: str, *, over: str = "") -> Iterator[_phases.Course]:
    """Under the app's lock, in the guard's own name."""
    owner = _lock.this_process(by, what)
    course = _phases.Course()
    _begin.take_lock(layout, _begin.Claim(owner, _TTL, proven_dead=over, proof=_FORFEITED), course)
    try:
        yield course
    finally:
        _begin.give_back(layout, course)
