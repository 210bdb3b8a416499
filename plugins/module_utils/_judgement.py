# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is to be done about an app, from all that is known of it at one moment. Pure: nothing here reads, waits or acts.

Whoever acts does so in one go, and asks again when it is over; while a rollback of the guard's own is under way,
nothing is asked. What happened before its end is not in the situation any more (:func:`_windows.exceeded`, ``since``).
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import CRITICAL, INFO, WARNING
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import span
from ansible_collections.nodeops.pm2.plugins.module_utils._log import Finding, most_telling
from ansible_collections.nodeops.pm2.plugins.module_utils._windows import Window

NOTHING = "nothing"
ALERT = "alert"
TAKE_BACK = "take_back"  # the unconfirmed release: its deploy is overdue
ROLL_BACK = "roll_back"  # stop the loop first
QUENCH = "quench"
KEEP_TRYING = "keep_trying"  # start the live release again, less and less often
FREEZE = "freeze"
STOPPED, LOST = "stopped", "lost"
ACTIONS = (NOTHING, ALERT, TAKE_BACK, ROLL_BACK, QUENCH, KEEP_TRYING, FREEZE)

_DYING = ("crash_loop", "ended", "health_lost")
_ONE_MATTER = frozenset({*_DYING, "refused", "survived"})


@dataclass(frozen=True)
class Policy:
    """What the user wants.

    :param bake: seconds after publish in which a failure is the release's own, and is rolled back.
    :param probes: bad answers in a row that mean that its health is lost.
    :param loop: :data:`QUENCH` or :data:`KEEP_TRYING`: what becomes of a crash loop that is not rolled back.
    :param hang: the same of an app that lives and does not answer.
    """

    bake: float = 1800.0
    probes: int = 3
    loop: str = QUENCH
    hang: str = KEEP_TRYING


@dataclass(frozen=True)
class Situation:
    """What is known of an app.

    :param live: id of the live release, ``''`` where nothing is live: then nothing is judged.
    :param age: seconds since it was published; ``None`` where nobody knows.
    :param crashes: the window that holds too many crashes of its process.
    :param ended: its process has ended, and PM2 does not start it again.
    :param absent: :data:`STOPPED`: somebody has stopped it on purpose; :data:`LOST`: PM2 does not know it any more.
    :param failed_probes: bad answers in a row.
    :param daemon_gone: PM2's daemon is not there.
    :param stranger: what runs where the live release should, in words.
    :param findings: new lines of its log that matter.
    :param only_refused: a connection that was refused is all that its last words complain of.
    :param overdue: it was to be confirmed by now, and was not.
    :param target: the good release to go back to, complete on disk; ``''`` where there is none.
    :param twin: the good release before it, where it may be the same code with the same settings.
    :param target_bad: that one is marked bad.
    :param taken_back: the guard has rolled this very release back before.
    :param restored: it is live because the guard rolled another one back.
    :param forbidden: why a rollback is not allowed, such as a migration that it would not survive.
    :param frozen: why the app is frozen.
    :param busy: who holds its lock.
    """

    live: str = ""
    age: float | None = None
    crashes: Window | None = None
    ended: bool = False
    absent: str = ""
    failed_probes: int = 0
    daemon_gone: bool = False
    stranger: str = ""
    findings: tuple[Finding, ...] = ()
    only_refused: bool = False
    overdue: bool = False
    target: str = ""
    twin: str = ""
    target_bad: bool = False
    taken_back: bool = False
    restored: bool = False
    forbidden: str = ""
    frozen: str = ""
    busy: str = ""


@dataclass(frozen=True)
class Decision:
    """What is to be done, and told.

    :param action: one of :data:`ACTIONS`; every one but :data:`NOTHING` comes with an alert.
    :param kind: what the alert is about.
    :param reason: a sentence on what was seen, and why just this is done.
    :param quench: whether the process is stopped first, so that it stops dying.
    """

    action: str
    kind: str = ""
    severity: str = INFO
    reason: str = ""
    quench: bool = False


@dataclass(frozen=True)
class Trouble:
    """The gravest thing that is wrong."""

    kind: str
    text: str

    @property
    def dying(self) -> bool:
        """Whether the release itself does not live, or does not answer."""
        return self.kind in _DYING

    @property
    def loops(self) -> bool:
        """Whether it dies, or is dead, rather than hangs."""
        return self.kind in ("crash_loop", "ended")


def is_one_matter(kind: str, other: str) -> bool:
    """Whether two alerts are about one trouble seen from two sides: a release that dies does not answer either."""
    return kind == other or {kind, other} <= _ONE_MATTER


def decide(situation: Situation, policy: Policy) -> Decision:
    """The one decision for this moment."""
    trouble = trouble_of(situation, policy)
    if not situation.live:
        return Decision(NOTHING)
    if situation.overdue:
        return _overdue(situation)
    if trouble is None:
        return Decision(NOTHING)
    if trouble.kind == "stopped":
        return Decision(ALERT, trouble.kind, WARNING, f"{trouble.text}; it is left so until somebody starts it.")
    if situation.frozen or situation.busy:
        return _hands_off(situation, trouble)
    if trouble.kind in ("daemon_gone", "lost"):
        return Decision(KEEP_TRYING, trouble.kind, CRITICAL, f"{trouble.text}; the live release is started again.")
    if not trouble.dying:
        severity = WARNING if trouble.kind == "log_warning" else CRITICAL
        return Decision(ALERT, trouble.kind, severity, f"{trouble.text}.")
    return _dying(situation, policy, trouble)


def trouble_of(situation: Situation, policy: Policy) -> Trouble | None:
    """The gravest thing that is wrong; ``None`` where nothing is."""
    line = most_telling(situation.findings)
    log = "log_critical" if line and line.severity == "critical" else "log_warning"
    troubles = [
        Trouble("daemon_gone", "PM2's daemon is gone") if situation.daemon_gone else None,
        Trouble("lost", "PM2 does not know it any more") if situation.absent == LOST else None,
        Trouble("stopped", "Somebody has stopped it") if situation.absent == STOPPED else None,
        Trouble("crash_loop", f"It crashes: {situation.crashes}") if situation.crashes else None,
        Trouble("ended", "It has ended, and PM2 does not start it again") if situation.ended else None,
        Trouble("health_lost", f"It gave {situation.failed_probes} bad answers in a row")
        if situation.failed_probes >= policy.probes
        else None,
        Trouble("stranger", f"What runs is not the live release: {situation.stranger}") if situation.stranger else None,
        Trouble(log, f"Its log says: {line.line}") if line else None,
    ]
    return next((trouble for trouble in troubles if trouble), None)


def _overdue(situation: Situation) -> Decision:
    """Commit-confirmed. Whoever holds the lock has had the time: it is broken or waited for by the act itself."""
    text = f"Release {situation.live} was published and not confirmed in time"
    if situation.frozen:
        return _hands_off(situation, Trouble("unconfirmed", text))
    if situation.restored or situation.taken_back or situation.target_bad:
        why = "what it would go back to is marked bad" if situation.target_bad else "the guard has taken back before"
        reason = f"{text}, and {why}: it stays as it is until somebody has looked."
        return Decision(FREEZE, "unconfirmed", CRITICAL, reason)
    hindered = _hindrance(situation)
    if hindered:
        return Decision(ALERT, "unconfirmed", CRITICAL, f"{text}, and cannot be taken back: {hindered}.")
    return Decision(TAKE_BACK, "unconfirmed", CRITICAL, f"{text}: it is taken back to {situation.target}.")


def _hands_off(situation: Situation, trouble: Trouble) -> Decision:
    """Somebody else is at it. They are left alone, but nobody is spared the news of an app that dies."""
    if situation.frozen:
        why = f"nothing is done, because the app is frozen: {situation.frozen}"
    elif trouble.kind == "stranger":
        return Decision(NOTHING)  # a deploy moves things
    else:
        why = f"it is left to who holds the lock: {situation.busy}"
    severity = WARNING if trouble.kind == "log_warning" else CRITICAL
    return Decision(ALERT, trouble.kind, severity, f"{trouble.text}; {why}.")


def _dying(situation: Situation, policy: Policy, trouble: Trouble) -> Decision:
    if situation.only_refused:
        text = f"{trouble.text}, and only complains of a refused connection, which older code would not cure"
        return Decision(KEEP_TRYING, "refused", CRITICAL, f"{text}: it is started again.")
    baking = situation.age is not None and situation.age <= policy.bake
    if baking and (situation.restored or situation.taken_back or situation.target_bad):
        return _freeze(situation, trouble)
    hindered = _hindrance(situation) if baking else _too_old(situation, policy)
    if not hindered:
        text = f"{trouble.text}, {span(situation.age or 0.0)} after it was published"
        return Decision(ROLL_BACK, trouble.kind, CRITICAL, f"{text}: it is rolled back to {situation.target}.", True)
    action = policy.loop if trouble.loops else policy.hang
    done = "it is stopped" if action == QUENCH else "it is started again"
    reason = f"{trouble.text}; it is not rolled back, because {hindered}: {done}."
    return Decision(action, trouble.kind, CRITICAL, reason, action == QUENCH)


def _freeze(situation: Situation, trouble: Trouble) -> Decision:
    if situation.restored:
        why = "it is what the guard had rolled back to"
    elif situation.taken_back:
        why = "the guard has rolled it back before, and does so once"
    else:
        why = f"{situation.target}, which it would go back to, is marked bad"
    reason = f"{trouble.text}, and {why}: the app is frozen until somebody has looked."
    return Decision(FREEZE, trouble.kind, CRITICAL, reason, trouble.loops)


def _hindrance(situation: Situation) -> str:
    """Why there is no going back, whatever the age of the release."""
    if situation.forbidden:
        return situation.forbidden
    if not situation.target and situation.twin:
        return f"{situation.twin} before it is the same as this, or as what was left as bad"
    if not situation.target:
        return "there is no good release before it"
    if situation.target == situation.live:
        return "it is itself the last good release"
    return ""


def _too_old(situation: Situation, policy: Policy) -> str:
    if situation.age is None:
        return "nobody knows when it was published"
    return f"it was published {span(situation.age)} ago, longer than the bake of {span(policy.bake)}"
