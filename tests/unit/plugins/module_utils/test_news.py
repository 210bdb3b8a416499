# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What others do to an app is told whole: what was seen, what was done, what is live now, and what is left to do."""

from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _news
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import EVENTS, Entry
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Sight

BLUE = Slot("blue", "shop-blue", "unix:/run/blue.app", "/run/blue")
SIGHT = Sight(live="r1", slot=BLUE, commit="abc1234")


def entries(story: str, **last: str) -> list[Entry]:
    """Events from words such as ``published:r1@5``, that many seconds after twelve."""
    found = []
    for word in story.split():
        what, _, at = word.partition("@")
        event, _, release = what.partition(":")
        found.append(Entry(f"2026-11-24T12:00:{int(at or 0):02}.000Z", event, release, by="ann@laptop"))
    return [*found[:-1], Entry(**{**vars(found[-1]), **last})]


def told(story: str, *, sight: Sight | None = SIGHT, **last: str) -> Notice:
    notice = _news.of(entries(story, **last), app="shop", host="web1", sight=sight)
    assert notice is not None
    return notice


@pytest.mark.parametrize(
    ("event", "kind", "severity", "done"),
    [
        ("staged", "deploy_started", "INFO", ""),
        ("good", "deploy_good", "INFO", "It was published, proved and confirmed."),
        ("bad", "deploy_refused", "WARNING", "It was not published."),
        ("aborted", "deploy_aborted", "WARNING", "It was not published."),
        ("refused", "deploy_refused", "WARNING", "Nothing: the app was not touched."),
        (
            "frozen",
            "frozen",
            "CRITICAL",
            "The app was frozen: no deploy, no rollback and no act of the guard touches it.",
        ),
    ],
)
def test_every_event_is_told_with_what_was_done_and_what_is_live(
    event: str, kind: str, severity: str, done: str
) -> None:
    notice = told(f"published:r1 good:r1 {event}:r2@7", reason="why")
    assert (notice.kind, notice.severity, notice.app, notice.host, notice.release) == (
        *(kind, severity, "shop"),
        *("web1", "r2"),
    )
    assert notice.seen == ("why", "by ann@laptop")
    assert (notice.done, notice.live, notice.since) == (done, "r1 in blue", "2026-11-24T12:00:07.000Z")
    assert notice.look == ("what that deploy printed" if event == "refused" else "bluegreen history shop")


def test_other_events_are_of_no_interest() -> None:
    known = {event for event in EVENTS if _news.of([Entry("", event)], app="shop", host="web1", sight=SIGHT)}
    assert known == {"staged", "good", "bad", "rolled_back", "aborted", "frozen", "refused"}


@pytest.mark.parametrize(
    ("story", "seen"),
    [
        pytest.param(
            "published:r2@5 published:r1@17 good:r1@18 bad:r2@19", "12 s", id="until something took its place"
        ),
        pytest.param("published:r2@5 bad:r2@9", "4 s", id="the first of all, which nothing took the place of"),
        pytest.param("published:r2@1 good:r2@2 published:r2@5 aborted:r2@9", "4 s", id="the second time"),
    ],
)
def test_one_that_was_live_was_taken_back_and_not_refused(story: str, seen: str) -> None:
    notice = told(story, reason="Release r2 is refused")
    assert (notice.kind, notice.severity, notice.done) == ("deploy_taken_back", "WARNING", "It was taken back.")
    assert notice.seen == ("Release r2 is refused", f"It had been live for {seen}.", "by ann@laptop")


@pytest.mark.parametrize("before", ["staged:r2 gated:r2", "published:r2 good:r2 published:r1 rolled_back:r2 gated:r2"])
def test_one_that_was_live_long_ago_was_not_this_time(before: str) -> None:
    assert told(f"{before} bad:r2@9").kind == "deploy_refused"
    assert told(f"{before} bad:r2@9").done == "It was not published."


def test_one_that_could_not_be_taken_back_is_live() -> None:
    notice = told(
        "published:r1@1 good:r1@2 published:r2@3 bad:r2@9", sight=Sight(live="r2", slot=BLUE, commit="def5678")
    )
    assert (notice.kind, notice.done) == ("deploy_refused", "It could not be taken back.")
    assert (notice.live, notice.commit) == ("r2 in blue", "def5678")


def test_the_way_back_is_told_once() -> None:
    back = entries("published:r2 published:r1 good:r1", reason="take back")
    assert _news.of(back, app="shop", host="web1", sight=SIGHT) is None
    assert told("published:r1 good:r1", reason="rollback").kind == "deploy_good"


def test_a_rollback_says_where_to() -> None:
    notice = told("published:r2 good:r2 published:r1 good:r1 rolled_back:r2")
    assert (notice.kind, notice.release, notice.done) == ("rolled_back", "r2", "Rolled back to r1.")


def test_a_freeze_says_what_is_to_be_done() -> None:
    assert told("frozen:").todo == "when that is settled: bluegreen unfreeze --app shop"
    assert "bluegreen rollback --unfreeze --app shop" in told("frozen:r2").todo
    assert told("good:r1").todo == ""


def test_of_an_app_that_nobody_knows_it_is_not_said_what_is_live() -> None:
    assert told("refused:r2", sight=None).live == ""
    assert told("refused:r2", sight=Sight()).live == "nothing"
