# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who is told what, and how often: a message per app, kind and release in five minutes, and one when it is over. Pure.

That is so of trouble. What was done once, such as a start or a rollback, is told each time, and at once.

What has been told is a plain mapping, by :attr:`Notice.key`, that its owner keeps on disk: a guard that is started anew
must not tell everything again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import CRITICAL, INFO, SEVERITIES, WARNING, Channel
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment, elapsed, moment_of
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import EVENTS, LASTING, TROUBLES, Notice

WINDOW = 300.0
# It has to be over for so long before anybody is told; for a whole window, once it has come back after that.
QUIET = 30.0
_FORGOTTEN = 7 * 86400.0


@dataclass(frozen=True)
class Told:
    """What has been told of one thing.

    :param notice: the last one that was sent, with the count of then.
    :param sent: when that was.
    :param count: how often it was seen in all, ``unsent`` of them since, the last one at ``last``.
    :param deeds: what was done about it, in sentences.
    :param over: since when it is over; ``None`` while it lasts. What is live by then is ``live``.
    :param closed: when people were told so.
    :param shaky: it has come back after that.
    """

    notice: Notice
    sent: Moment
    count: int = 1
    unsent: int = 0
    last: Moment | None = None
    deeds: tuple[str, ...] = ()
    over: Moment | None = None
    live: str = ""
    closed: Moment | None = None
    shaky: bool = False


State = Mapping[str, Told]
ToSend = tuple[str, Notice]  # the message's id, and what it says


def tell(state: State, notice: Notice, *, now: Moment, window: float = WINDOW) -> tuple[State, list[ToSend]]:
    """What is to be sent of ``notice``: itself, when nothing of its key was sent within ``window`` seconds, or when it
    has become worse; else it is counted. An event is sent whatever was sent before it.
    """
    if notice.kind in EVENTS:
        return state, [(_digest(notice.key, notice.severity, notice.since or now.wall), notice)]
    told = state.get(notice.key)
    if told is None:
        fresh = Told(notice, now)
        return {**state, notice.key: fresh}, [(_identifier(notice, None, now, window), notice)]
    worse = SEVERITIES.index(notice.severity) > SEVERITIES.index(told.notice.severity)
    if not worse and not told.closed and elapsed(told.sent, now) < window:
        known = replace(told.notice, done=notice.done, live=notice.live)
        counted = replace(told, notice=known, count=told.count + 1, unsent=told.unsent + 1, last=now, over=None)
        return {**state, notice.key: counted}, []
    again = replace(notice, count=told.count + 1, since=told.notice.since or told.sent.utc)
    deeds = () if told.closed else told.deeds
    later = Told(again, now, again.count, deeds=deeds, shaky=told.closed is not None)
    return {**state, notice.key: later}, [(_identifier(again, told, now, window), again)]


def end(state: State, *, app: str, kinds: Iterable[str], now: Moment, done: str = "", live: str = "") -> State:
    """Note that something is over, of whichever release it was.

    :param done: what ended it, a sentence; ``''`` where it ended by itself, or by what :func:`did` has noted.
    :param live: what is live now.
    """
    lasting = {key: told for key, told in _open(state, app, kinds).items() if told.over is None}
    return {**state, **{key: replace(_with(told, done), over=now, live=live) for key, told in lasting.items()}}


def did(state: State, *, app: str, done: str) -> State:
    """Note what was done about whatever is the matter with an app; it is told when that is over."""
    return {**state, **{key: _with(told, done) for key, told in _open(state, app, TROUBLES).items()}}


def lasts(state: State, *, app: str) -> State:
    """Note that an app is not well: no trouble with it is over, of whichever release it was."""
    return {**state, **{key: replace(told, over=None) for key, told in _open(state, app, TROUBLES).items()}}


def settle(state: State, *, now: Moment, window: float = WINDOW, quiet: float = QUIET) -> tuple[State, list[ToSend]]:
    """What time brings: what was counted is told when its window has run out, and what is over when it stays so."""
    kept: dict[str, Told] = {}
    messages: list[ToSend] = []
    for key, told in state.items():
        lasts = told.notice.kind in LASTING
        if told.closed is not None:
            kept.update({key: told} if elapsed(told.closed, now) < window else {})
        elif lasts and told.over is not None and elapsed(told.over, now) >= (window if told.shaky else quiet):
            over = _resolved(told)
            messages.append((_identifier(over, told, now, window), over))
            kept[key] = replace(told, closed=now, unsent=0)
        elif told.unsent and elapsed(told.sent, now) >= window:
            since, last = told.notice.since or told.sent.utc, told.last.utc if told.last else ""
            done = " ".join(told.deeds) or told.notice.done  # what was promised then is done by now
            again = replace(told.notice, count=told.count, done=done, since=since, last=last)
            messages.append((_identifier(again, told, now, window), again))
            kept[key] = replace(told, notice=again, sent=now, unsent=0)
        elif elapsed(told.sent, now) < (_FORGOTTEN if lasts else window):
            kept[key] = told
    return kept, messages


def channels_for(severity: str, channels: Iterable[Channel], *, least: str = INFO) -> list[str]:
    """The names of the channels that a message goes to: every chat from ``least`` on, and an SMS when it is CRITICAL.

    Where there is no chat, an SMS is the chat's stand-in for a WARNING as well.
    """
    known = list(channels)
    chats = [channel.name for channel in known if not channel.is_sms]
    worth = SEVERITIES.index(severity) >= SEVERITIES.index(least)
    wakes = severity == CRITICAL or (severity == WARNING and not chats)
    return (chats if worth else []) + ([channel.name for channel in known if channel.is_sms] if wakes else [])


def dump(state: State) -> dict[str, Any]:
    """The state as JSON takes it."""
    return {key: asdict(told) for key, told in state.items()}


def load(raw: Any) -> State:
    """The state that :func:`dump` wrote; what cannot be understood of it is left out."""
    found: dict[str, Told] = {}
    for key, entry in raw.items() if isinstance(raw, dict) else ():
        try:
            notice = Notice(**{**entry["notice"], "seen": tuple(entry["notice"]["seen"])})
            sent = moment_of(entry["sent"])
            if sent is not None and notice.key == key:
                over, closed = moment_of(entry["over"]), moment_of(entry["closed"])
                count, unsent, last = int(entry["count"]), int(entry["unsent"]), moment_of(entry.get("last"))
                deeds, live = tuple(map(str, entry.get("deeds", ()))), str(entry.get("live", ""))
                shaky = bool(entry["shaky"])
                found[key] = Told(notice, sent, count, unsent, last, deeds, over, live, closed, shaky)
        except (LookupError, TypeError, ValueError):
            continue
    return found


def _open(state: State, app: str, kinds: Iterable[str]) -> dict[str, Told]:
    """What people have been told of an app, and not yet that it is over."""
    wanted = set(kinds)
    return {
        key: told
        for key, told in state.items()
        if told.notice.app == app and told.notice.kind in wanted and told.closed is None
    }


def _with(told: Told, done: str) -> Told:
    """With one more deed; what is done again and again is told once."""
    return replace(told, deeds=(*told.deeds, done)) if done and done not in told.deeds else told


def _resolved(told: Told) -> Notice:
    """That it is over: what was done by then and what is live by then, not what was promised at its beginning."""
    done = " ".join(told.deeds) or "Nothing by the guard."
    live = told.live or told.notice.live
    return replace(told.notice, count=told.count, done=done, live=live, todo="", last="", resolved=True)


def _identifier(notice: Notice, told: Told | None, now: Moment, window: float) -> str:
    """The same for the same message, also when a guard that was killed comes to it a second time."""
    before = told.sent.wall if told else ""
    return _digest(notice.key, notice.severity, notice.resolved, before, int(now.wall // window))


def _digest(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:12]
