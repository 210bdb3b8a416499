# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ledger: one JSON line an event, append-only, and what is concluded from it.

It says what was proved of a release. What is *live* is asked of the ``current`` symlink alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._io import append_line

EVENTS = (
    *("staged", "gated", "published", "good", "bad", "rolled_back", "aborted", "pruned"),
    *("quenched", "recovered", "frozen", "unfrozen", "silent", "waived"),
    "refused",  # told by way of the guard's directory: nothing is touched by then, and no ledger has it
)
VERDICTS = ("good", "bad", "rolled_back", "aborted")


@dataclass(frozen=True)
class Entry:
    """One event.

    :param at: UTC, ISO 8601 with milliseconds.
    :param event: one of :data:`EVENTS`.
    :param release: release id.
    :param slot: slot name, where the event has one.
    :param by: who caused it, ``user@controller``.
    :param reason: why, in words.
    :param detail: further facts; never a secret.
    """

    at: str
    event: str
    release: str = ""
    slot: str = ""
    by: str = ""
    reason: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


def append(path: Path, entry: Entry) -> None:
    """Write one event, durably."""
    kept = {key: value for key, value in vars(entry).items() if value not in ("", {})}
    append_line(path, json.dumps(kept, ensure_ascii=False))


def read(path: Path) -> list[Entry]:
    """All events that can be read, oldest first; a line cut short by a power loss is passed over."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [entry for entry in map(_parse, lines) if entry is not None]


def now() -> str:
    """The present moment as the ledger writes it."""
    return written(time.time())


def written(moment: float) -> str:
    """A moment in seconds since the epoch as the ledger writes it: UTC, ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(at: str) -> float:
    """A moment as the ledger writes it, in seconds since the epoch; 0 where it is none."""
    try:
        return datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0


def verdict(entries: Iterable[Entry], release: str) -> str:
    """What was last decided on a release: one of :data:`VERDICTS`, else its last event, else ``''``."""
    last = decided = ""
    for entry in entries:
        if entry.release == release:
            last = entry.event
            # Publishing again opens the question again: a verdict on an earlier run says nothing of this one.
            decided = {"published": ""}.get(entry.event, decided)
            decided = entry.event if entry.event in VERDICTS else decided
    return decided or last


def is_condemned(entries: Sequence[Entry], release: str) -> bool:
    """Whether it was found bad, and no person has looked since: whoever lifts a freeze decides what comes next."""
    looked = max((index for index, entry in enumerate(entries) if entry.event == "unfrozen"), default=-1)
    found = max(
        (index for index, entry in enumerate(entries) if (entry.release, entry.event) == (release, "bad")), default=-1
    )
    return verdict(entries, release) == "bad" and found > looked


def last_event(entries: Iterable[Entry], release: str) -> str:
    """How far a release has come: its last event, ``''`` where it has none."""
    events = [entry.event for entry in entries if entry.release == release]
    return events[-1] if events else ""


def since(entries: Iterable[Entry], release: str) -> str:
    """When a release was last published; ``''`` where it never was."""
    moments = [entry.at for entry in entries if entry.release == release and entry.event == "published"]
    return moments[-1] if moments else ""


def meant_live(entries: Sequence[Entry]) -> str:
    """What was published last and stands; ``''`` where nothing was, or a first deploy was undone and left nothing."""
    published = [entry.release for entry in entries if entry.event == "published"]
    return published[-1] if published and verdict(entries, published[-1]) not in ("bad", "aborted") else ""


def came_after(entries: Iterable[Entry], release: str) -> str:
    """What was live when a release was last published; ``''`` where nothing was."""
    moments = [entry.detail for entry in entries if entry.release == release and entry.event == "published"]
    return str(moments[-1].get("previous", "")) if moments else ""


def ever_good(entries: Sequence[Entry]) -> list[str]:
    """Releases whose verdict is ``good``, the most recently confirmed last."""
    order = dict.fromkeys(e.release for e in reversed(entries) if e.event == "good")
    return [release for release in reversed(list(order)) if verdict(entries, release) == "good"]


def rollback_target(entries: Sequence[Entry], live: str | None, present: Collection[str]) -> str | None:
    """The release to go back to: the last ``good`` entry before the live one was published, that is something else.

    One commit may have been deployed twice. Whoever leaves it wants other code or other settings, and so neither a
    twin of what is live, nor one of what was left as bad and has not been live since.

    :param live: the live release, ``None`` where nothing is live.
    :param present: releases that are complete on disk.
    """
    content = contents(entries)
    for index, release in _good_before(entries, live, present):
        twins = {other for other, is_in in content.items() if is_in and is_in == content.get(release)}
        # To go further back, past what was left, is a step like any other; to come back to it is none.
        goes_on = is_step_back(entries, leaving=live or "", target=release)
        if live not in twins and (goes_on or not _was_left(entries, twins, release, since=index)):
            return release
    return None


def came_from(entries: Sequence[Entry], live: str | None, present: Collection[str]) -> str | None:
    """The last ``good`` release before the live one was published, whatever is in it: how it was before."""
    return next((release for _index, release in _good_before(entries, live, present)), None)


def contents(entries: Iterable[Entry]) -> dict[str, str]:
    """What tells by release whether two of them run the same code with the same settings; ``''`` where nobody noted."""
    return {entry.release: str(entry.detail.get("content", "")) for entry in entries if entry.event == "staged"}


def _good_before(entries: Sequence[Entry], live: str | None, present: Collection[str]) -> Iterator[tuple[int, str]]:
    """Where each good release was confirmed before the live one was last published, the last one first."""
    published = [index for index, entry in enumerate(entries) if (entry.release, entry.event) == (live, "published")]
    for index in reversed(range(published[-1] if published else len(entries))):
        release = entries[index].release
        candidate = entries[index].event == "good" and release != live and release in present
        if candidate and verdict(entries, release) == "good":
            yield index, release


def _was_left(entries: Sequence[Entry], twins: Collection[str], release: str, *, since: int) -> bool:
    """Whether a twin of ``release`` was left ``since``, to go to something else."""
    published = ""
    for index, entry in enumerate(entries):
        published = entry.release if entry.event == "published" else published
        left = index > since and entry.release in twins and entry.event in ("bad", "rolled_back")
        if left and published != release:
            return True
    return False


def crossed(entries: Sequence[Entry], target: str) -> str:
    """The newest irreversible release that going to ``target`` would go back before, ``''`` where there is none."""
    firsts = first_published(entries)
    after = firsts.get(target, -1)
    marked = {entry.release for entry in entries if entry.event == "published" and entry.detail.get("irreversible")}
    return max((release for release in marked if firsts[release] > after), key=firsts.__getitem__, default="")


def first_published(entries: Sequence[Entry]) -> dict[str, int]:
    """Where in the ledger each release was published for the first time."""
    first: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if entry.event == "published":
            first.setdefault(entry.release, index)
    return first


def is_step_back(entries: Sequence[Entry], *, leaving: str, target: str) -> bool:
    """Whether ``target`` was good before ``leaving`` first was: only then is ``leaving`` marked rolled back.

    Going forward again must not disqualify the older release one comes from.
    """
    first = first_published(entries)
    return first.get(target, len(entries)) < first.get(leaving, len(entries))


def _parse(line: str) -> Entry | None:
    try:
        raw = json.loads(line)
        known = {key: raw[key] for key in Entry.__dataclass_fields__ if key in raw}
        return Entry(**known)
    except (ValueError, TypeError):
        return None
