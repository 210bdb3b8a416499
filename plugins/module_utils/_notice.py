# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What people are told: one thing about one app on one host, in a message and in an SMS. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import INFO, Message
from ansible_collections.nodeops.pm2.plugins.module_utils._log import clean

TEXT_LIMIT, SHORT_LIMIT = 4000, 160
_SEEN_LINES = 12
# A character of the alphabet of an SMS that takes the room of two; one that is not in it would make all of them do so.
_WIDE = frozenset("^{}\\[]~|")

# What each kind is called. What lasts is resolved one day; what may come again and again is counted.
LASTING = {
    "crash_loop": "crash loop",
    "ended": "it ended and is not started again",
    "lost": "PM2 does not know it any more",
    "stopped": "somebody has stopped it",
    "health_lost": "no good answer",
    "daemon_gone": "PM2's daemon is gone",
    "stranger": "something else than the live release runs",
    "refused": "a service that it needs refuses connections",
    "unconfirmed": "a release was not confirmed in time",
    "frozen": "frozen until somebody has looked",
    "guard_blind": "the guard cannot watch everything",
}
# What is over as soon as the app is well again; the others say themselves when they are.
TROUBLES = tuple(kind for kind in LASTING if kind not in ("frozen", "guard_blind"))
RECURRING = {
    "log_critical": "a line in its log",
    "log_warning": "lines in its log",
    "survived": "it lives on after an exception that nobody caught",
    "rollback_failed": "rollback failed",
    "not_done": "what was to be done could not be",
    "spool_full": "messages were dropped",
}
# What somebody did, at one moment: each is told at once, whether or not the same was done before.
EVENTS = {
    "deploy_started": "deploy started",
    "deploy_good": "release confirmed",
    "deploy_refused": "release refused",
    "deploy_aborted": "deploy aborted",
    "deploy_taken_back": "release taken back",
    "rolled_back": "rolled back",
    "quenched": "it was stopped, and nothing answers now",
    "recovered": "what a guard had begun before it died was finished or undone",
    "guard_started": "the guard has started",
    "test": "a test of this alert path",
}
KINDS = {**LASTING, **RECURRING, **EVENTS}


@dataclass(frozen=True)
class Notice:
    """One thing to be told.

    :param kind: one of :data:`KINDS`.
    :param seen: what was seen, the most telling first: an error's first line, the restarts, the probe.
    :param done: what was done about it, a sentence.
    :param live: what is live now, in words; empty where that is not known.
    :param todo: what is left for a person to do; empty where nothing is.
    :param look: the command to look closer.
    :param count: how often it was seen since ``since`` (UTC, ISO 8601); the last time was ``last``, ``''``: just now.
    :param resolved: it is over.
    """

    kind: str
    severity: str
    app: str
    host: str
    release: str = ""
    commit: str = ""
    seen: tuple[str, ...] = ()
    done: str = ""
    live: str = ""
    todo: str = ""
    look: str = ""
    count: int = 1
    since: str = ""
    last: str = ""
    resolved: bool = False

    @property
    def key(self) -> str:
        """What is told once in a while only: app, kind and release."""
        return f"{self.app}|{self.kind}|{self.release}"


def closer(app: str) -> str:
    """The command on the host that shows more of what happened to an app."""
    return f"bluegreen history {app}"


def way_on(app: str) -> str:
    """What a person does about an app that is frozen because it could not be helped."""
    forward = f"bluegreen unfreeze --app {app} and a deploy that mends it"
    return f"find out why, then bluegreen rollback --unfreeze --app {app}, or {forward}"


def message_of(notice: Notice, *, identifier: str, at: str, secrets: Iterable[str] = ()) -> Message:
    """The message, with everything that came from an app cleaned of secrets.

    :param at: now, UTC, ISO 8601.
    """
    hidden = list(secrets)
    seen = [clean(line, secrets=hidden) for entry in notice.seen for line in entry.splitlines() if line.strip()]
    kept = seen[:_SEEN_LINES] + ([f"... {len(seen) - _SEEN_LINES} more lines"] if len(seen) > _SEEN_LINES else [])
    done = clean(notice.done, secrets=hidden)
    facts = {**asdict(notice), "seen": kept, "done": done}
    return Message(
        id=identifier,
        at=at,
        severity=INFO if notice.resolved else notice.severity,
        kind=notice.kind,
        text=_text(notice, kept, done, at, identifier),
        short=_short(notice, kept, done),
        facts=facts,
    )


def title(notice: Notice) -> str:
    """One line that tells what this is about."""
    word = "RESOLVED" if notice.resolved else notice.severity
    times = f" ({notice.count} times)" if notice.count > 1 else ""
    return f"{word} {notice.app} on {notice.host}: {KINDS[notice.kind]}{times}"


def _text(notice: Notice, seen: list[str], done: str, at: str, identifier: str) -> str:
    commit = f" (commit {notice.commit[:12]})" if notice.commit else ""
    lines = [
        title(notice),
        f"Release: {notice.release}{commit}" if notice.release else "",
        _listed("Seen", seen),
        f"Done: {done}" if done else "",
        f"Live now: {notice.live}" if notice.live else "",
        f"Do next: {notice.todo}" if notice.todo else "",
        f"Look closer: {notice.look}" if notice.look else "",
        f"{_when(notice, at)}, id {identifier}",
    ]
    # The lines about what was done are worth more than the end of a stack.
    room = TEXT_LIMIT - sum(len(line) + 1 for line in lines if line != lines[2])
    lines[2] = lines[2] if len(lines[2]) <= room else lines[2][: room - 1] + "…"
    return "\n".join(line for line in lines if line)


def _when(notice: Notice, at: str) -> str:
    """An event has the one moment that it happened at, however late it is told."""
    if notice.kind in EVENTS:
        return _clock(notice.since or at)
    since = f", since {_clock(notice.since)}" if notice.since and notice.since != at else ""
    return f"{_clock(at)}{since}{f', last at {_clock(notice.last)}' if notice.last else ''}"


def _short(notice: Notice, seen: list[str], done: str) -> str:
    what = seen[0] if seen else f"Release {notice.release}" if notice.release else ""
    live = f"Live: {notice.live}" if notice.live else ""
    head, what, tail = (_sms(part) for part in (_ended(title(notice)), _ended(what), f"{_ended(done)} {_ended(live)}"))
    room = SHORT_LIMIT - _width(head) - min(_width(tail), 70) - 2
    return _fit(" ".join(part for part in (head, _fit(what, room), tail) if part), SHORT_LIMIT)


def _ended(text: str) -> str:
    """As a sentence: what comes from an app, or from an error, may or may not end as one."""
    return f"{text}." if text and text[-1] not in ".!?" else text


def _listed(name: str, lines: list[str]) -> str:
    return f"{name}: " + "\n  ".join(lines) if lines else ""


def _clock(moment: str) -> str:
    """``2026-11-24T03:12:11.000Z`` as people write it."""
    return f"{moment[:10]} {moment[11:19]} UTC"


def _sms(text: str) -> str:
    return " ".join(text.replace("`", "'").encode("ascii", "replace").decode().split())


def _width(text: str) -> int:
    return len(text) + sum(character in _WIDE for character in text)


def _fit(text: str, room: int) -> str:
    if _width(text) <= room:
        return text
    while text and _width(text) > room - 3:
        text = text[:-1]
    return f"{text.rstrip(' .')}..."
