# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be done to an app: the stretches of a deploy, the abort, and the rollback, each as one act under the lock.

Whoever acts, a task of the role, the guard or a person at the host's shell, calls these.
"""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _aim,
    _app,
    _begin,
    _ledger,
    _phases,
    _road,
    _state,
    _undo,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout


def gate(journey: _road.Journey) -> None:
    """Take a release to where only the switch is missing; one that is live already is looked at."""
    if journey.release != journey.previous:
        _road.travel(journey, _road.GATED)
        return
    _road.travel(journey, ["stage"])
    with journey.course.phase("gate"):
        _road.prove(journey, journey.serving, through="", duration=0.0)


def aimed(
    layout: Layout, release: str, app: _app.App, run: _phases.Run, course: _phases.Course, **more: Any
) -> _road.Journey:
    """The journey of a release that is not live yet to the idle slot; of the live one, to where it is."""
    state = _state.read(layout, now=time.time())
    live = app.slot(state.live_slot) if state.live == release else None
    return _road.Journey(layout, release, app, live or app.idle(state.live_slot), state.live, run, course, **more)


def resumed(layout: Layout, release: str, run: _phases.Run, course: _phases.Course) -> _road.Journey:
    """The journey of a release that has passed the gate, from what is on the host."""
    tree = layout.release(release)
    app = _app.require(tree)
    slot = app.slot_of(tree)
    if slot is None:
        raise DeployError(
            "The release was never started, so it cannot go on.",
            expected=f"{tree.listen}",
            seen="no such link",
            remedy="Deploy it again.",
        )
    live = _state.live_release(layout)
    previous = _road.last_published(layout, release) if live == release else live
    # Without an edge it was gated on the spare; the restart brings it to where it serves.
    start = slot if app.has_edge else app.slots[-1]
    return _road.Journey(layout, release, app, start, previous, run, course, soak=app.proof["duration"])


def publish(journey: _road.Journey) -> None:
    """Switch, and watch the release live; nothing where it was confirmed before.

    What was published before is only watched: so a host of an early wave is watched on while later ones publish, and
    missed where it is lost meanwhile.
    """
    if is_confirmed(journey):
        return
    if _state.live_release(journey.layout) == journey.release and _reached(journey) == "published":
        _road.watch(journey)
    else:
        _road.travel(journey, _road.PUBLISHED)


def confirm(journey: _road.Journey) -> None:
    """Declare it good, retire and prune what it replaced, and let others in; a gated one is published first."""
    if not is_confirmed(journey):
        is_gated = _reached(journey) == "gated"
        _road.travel(journey, (*_road.PUBLISHED, *_road.GOOD) if is_gated else _road.GOOD)
    _begin.give_back(journey.layout, journey.course)


def abort(layout: Layout, release: str, failure: _undo.Failure, *, by: str, course: _phases.Course) -> _undo.Undone:
    """Undo what is not confirmed, and let others in, also where it cannot be undone: the next run tidies up."""
    try:
        return _undo.undo(layout, release, failure, by=by, course=course.aside())
    finally:
        _begin.give_back(layout, course)


def roll_back(
    layout: Layout, wanted: str, claim: _begin.Claim, run: _phases.Run, course: _phases.Course
) -> _road.Journey:
    """Go to the last good release, or to ``wanted``, by the road of a deploy; undone where it fails."""
    _aim.existing(_state.read(layout, now=time.time()), wanted=wanted)  # before anything is touched, the lock included
    with course.phase("lock"):
        _begin.take_lock(layout, claim, course)
    try:
        with course.phase("lock"):
            is_left = wanted != _state.live_release(layout)  # whoever wants that has decided on what is live
            changed = _begin.tidy_up(layout, by=run.by, course=course, is_left=is_left)
            release = _aim.existing(_state.read(layout, now=time.time()), wanted=wanted)
            course.found += _crossing(layout, release)
        return _go_back(layout, release, run, course, changed=changed)
    finally:
        _begin.give_back(layout, course)


def take_back(
    layout: Layout, release: str, claim: _begin.Claim, run: _phases.Run, course: _phases.Course
) -> _road.Journey | None:
    """Go to where the app was before ``release`` was deployed, however far that deploy has come.

    Where something else is live, that is only proved: a deploy that came later is not this one's to undo. ``None``
    where nothing is live in the end, as before the first deploy.
    """
    with course.phase("lock"):
        _begin.take_lock(layout, claim, course)
    try:
        with course.phase("lock"):
            _cut_short(layout, release, by=run.by, course=course)
            _begin.tidy_up(layout, by=run.by, course=course)
            state = _state.read(layout, now=time.time())
            before = _aim.before(state, release, _ledger.read(layout.ledger))
            _undo.refuse_crossing(layout, before if before != state.live else "")
        return _go_back(layout, before, run, course, changed=bool(course.found)) if before else None
    finally:
        _begin.give_back(layout, course)


def _cut_short(layout: Layout, release: str, *, by: str, course: _phases.Course) -> None:
    """Undo a deploy that has published and not confirmed."""
    state = _state.read(layout, now=time.time())
    if state.live != release or state.verdict == "good":
        return
    failure = _undo.Failure("its deploy was cut short, and is taken back", "aborted")
    undone = _undo.undo(layout, release, failure, by=by, course=course.aside())
    _undo.refuse_frozen(undone, failure)
    course.found.append(f"{release} was live and never confirmed. Took it back; live is {undone.live or 'nothing'}.")


def _go_back(layout: Layout, release: str, run: _phases.Run, course: _phases.Course, *, changed: bool) -> _road.Journey:
    """Publish a release that is on disk, or prove it where it is live; undone where it fails."""
    journey = aimed(layout, release, _app.require(layout.release(release)), run, course, changed=changed)
    try:
        _travel_back(journey)
    except (DeployError, OSError) as error:
        raise _undone(journey, error) from error
    return journey


def _crossing(layout: Layout, release: str) -> list[str]:
    """A person may go back before what was run once, and has to hear of it."""
    crossed = _ledger.crossed(_ledger.read(layout.ledger), release)
    said = f"{release} is from before {crossed}, and what was run once for {crossed} is not declared safe to roll back."
    return [said] if crossed else []


def _travel_back(journey: _road.Journey) -> None:
    if journey.release != journey.previous:
        _road.travel(journey, _road.ALL)
        return
    with journey.course.phase("gate"):
        _road.prove(journey, journey.serving, through=journey.app.front, duration=0.0)


def _undone(journey: _road.Journey, error: DeployError | OSError) -> DeployError:
    """Undo what a failed rollback did, and the error that tells both."""
    failure = _undo.failure_of(error)
    undone = _undo.undo(journey.layout, journey.release, failure, by=journey.run.by, course=journey.course.aside())
    _undo.refuse_frozen(undone, failure)
    facts = error.facts if isinstance(error, DeployError) else {}
    return DeployError(f"{failure.reason}\nLive is {undone.live or 'nothing'}.", facts=facts)


def _reached(journey: _road.Journey) -> str:
    """How far the release has come."""
    return _ledger.last_event(_ledger.read(journey.layout.ledger), journey.release)


def is_confirmed(journey: _road.Journey) -> bool:
    """Whether the release is live and was declared good, so that there is nothing left to do."""
    live = _state.live_release(journey.layout) == journey.release
    return live and _ledger.verdict(_ledger.read(journey.layout.ledger), journey.release) == "good"
