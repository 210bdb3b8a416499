# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How every act on an app begins: take the lock, finish or undo what an interrupted run left, aim."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _app,
    _ledger,
    _lock,
    _phases,
    _recovery,
    _road,
    _undo,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout


@dataclass(frozen=True)
class Claim:
    """Who wants the lock, and on what terms.

    :param ttl: seconds without a sign of life after which the lease counts as abandoned.
    :param proven_dead: id of a lease whose owner the caller has proved dead, on a machine that this host cannot see.
    :param proof: how, in words.
    :param unfreeze: lift a freeze first.
    """

    owner: _lock.Owner
    ttl: float = 900.0
    proven_dead: str = ""
    unfreeze: bool = False
    proof: str = "its process is gone from its controller"


def take_lock(layout: Layout, claim: Claim, course: _phases.Course) -> None:
    """Put the lease into ``course``, and whose lease was taken over and why."""
    if claim.unfreeze and _lock.unfreeze(layout.root):
        _ledger.append(layout.ledger, _ledger.Entry(_ledger.now(), "unfrozen", by=claim.owner.who))
    lease, took_over = _lock.acquire(
        layout.lock, claim.owner, ttl=claim.ttl, proven_dead=claim.proven_dead, proof=claim.proof
    )
    course.lease = lease.id
    course.found += [took_over] if took_over else []


def give_back(layout: Layout, course: _phases.Course) -> None:
    """Let others in."""
    _lock.release(layout.lock, course.lease)
    course.lease = ""


def tidy_up(layout: Layout, *, by: str, course: _phases.Course, is_left: bool = False) -> bool:
    """Remove, mark or decide on what an earlier run left; says whether there was anything. Needs the lock.

    :param is_left: whether the live release is about to be left: then there is nothing to decide on it.
    """
    recovery = _recovery.of(layout)
    if is_left and recovery.unconfirmed:
        course.found.append(f"{recovery.unconfirmed} is live and was never confirmed.")
        recovery = replace(recovery, unconfirmed="")
    course.found += recovery.sentences()
    if course.found:
        # Whoever tidies up may be killed as well, before anybody has been told.
        found = _ledger.Entry(_ledger.now(), "recovered", by=by, reason="\n".join(course.found))
        _ledger.append(layout.ledger, found)
    removed = _recovery.carry_out(layout, recovery, by=by)
    course.found += [f"Removed {path}, half-written." for path in removed]
    if recovery.unconfirmed:
        _decide_on(layout, recovery.unconfirmed, by=by, course=course)
    if recovery.condemned:
        failure = _undo.Failure("it was found bad, and taking it back was cut short", "bad")
        _take_back(layout, recovery.condemned, failure, by=by, course=course)
    return recovery.any or bool(removed)


def _decide_on(layout: Layout, release: str, *, by: str, course: _phases.Course) -> None:
    """Give a live release that was never confirmed the verdict it is owed, before anything else happens."""
    aside = course.aside()  # these phases are another deploy's
    run = _phases.Run("deploy", by)
    app = _app.require(layout.release(release))
    slot = app.slot_of(layout.release(release))
    before = _road.last_published(layout, release)
    # Its own deploy was interrupted, and so may its restart have been.
    stretch = ("restart", "soak", "confirm")
    try:
        if slot is None:
            raise DeployError("The live release does not say where it was started.", where=str(layout.current))
        journey = _road.Journey(layout, release, app, slot, before, run, aside, soak=app.proof["duration"])
        _road.travel(journey, stretch)
    except (DeployError, OSError) as error:
        failure = _undo.failure_of(error)
        course.found.append(f"{release} failed its soak: {failure.reason}")
        _take_back(layout, release, failure, by=by, course=course)


def _take_back(layout: Layout, release: str, failure: _undo.Failure, *, by: str, course: _phases.Course) -> None:
    undone = _undo.undo(layout, release, failure, by=by, course=course.aside())
    _undo.refuse_frozen(undone, failure)
    course.found.append(f"Took it back; live is {undone.live or 'nothing'}.")
