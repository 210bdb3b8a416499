# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an event of an app's ledger has to tell people: what was done, and what is live by now. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import CRITICAL, INFO, WARNING
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import span
from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import Entry
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice, closer, way_on
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Sight

_KINDS = {
    "staged": ("deploy_started", INFO),
    "good": ("deploy_good", INFO),
    "refused": ("deploy_refused", WARNING),
    "bad": ("deploy_refused", WARNING),
    "aborted": ("deploy_aborted", WARNING),
    "rolled_back": ("rolled_back", WARNING),
    "frozen": ("frozen", CRITICAL),
}
_UNDONE = ("bad", "aborted")


def of(entries: Sequence[Entry], *, app: str, host: str, sight: Sight | None) -> Notice | None:
    """What the last of ``entries`` has to tell; ``None`` where it is of no interest to people.

    :param sight: of the app as it is by now; ``None`` where nobody can know.
    """
    entry = entries[-1]
    kind, severity = _KINDS.get(entry.event, ("", INFO))
    if not kind or (entry.event, entry.reason) == ("good", "take back"):
        return None  # what is live again is told with what was taken back for it
    lived = _lived(entries) if entry.event in _UNDONE else None
    is_live = sight is not None and sight.live == entry.release
    if lived is not None and not is_live:
        kind = "deploy_taken_back"
    seen = (entry.reason, f"It had been live for {span(lived)}." if lived is not None else "")
    return Notice(
        kind=kind,
        severity=severity,
        app=app,
        host=host,
        release=entry.release,
        commit=sight.commit if sight and is_live else "",
        seen=tuple(part for part in (*seen, f"by {entry.by}" if entry.by else "") if part),
        done=_done(entries, lived=lived, is_live=is_live),
        live=sight.place if sight else "",
        todo=_todo(entry, app),
        look=_look(entry, app),
        since=entry.at,
    )


def _done(entries: Sequence[Entry], *, lived: float | None, is_live: bool) -> str:
    entry = entries[-1]
    if entry.event in _UNDONE:
        if lived is None:
            return "It was not published."
        return "It could not be taken back." if is_live else "It was taken back."
    if entry.event == "rolled_back":
        published = [one.release for one in entries if one.event == "published"]
        return f"Rolled back to {published[-1]}." if published else ""
    return {
        "good": "It was published, proved and confirmed.",
        "refused": "Nothing: the app was not touched.",
        "frozen": "The app was frozen: no deploy, no rollback and no act of the guard touches it.",
    }.get(entry.event, "")


def _lived(entries: Sequence[Entry]) -> float | None:
    """Seconds that the release had been live when this was decided on it; ``None`` where it was not, since it was last
    decided on.
    """
    last = entries[-1]
    began = ended = ""
    for one in entries[:-1]:
        if one.release == last.release and one.event in ("published", *_ledger.VERDICTS):
            began, ended = one.at if one.event == "published" else "", ""
        elif one.event == "published" and not ended:
            ended = one.at  # what took its place
    return max(_ledger.seconds(ended or last.at) - _ledger.seconds(began), 0.0) if began else None


def _todo(entry: Entry, app: str) -> str:
    """Only a freeze keeps waiting for somebody. One that a person has put on names no release."""
    if entry.event != "frozen":
        return ""
    return way_on(app) if entry.release else f"when that is settled: bluegreen unfreeze --app {app}"


def _look(entry: Entry, app: str) -> str:
    """Where there is more to be read; of what was refused before anything was touched the host itself knows no more."""
    return "what that deploy printed" if entry.event == "refused" else closer(app)
