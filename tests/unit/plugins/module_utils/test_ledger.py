# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger
from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import Entry

PRESENT = {"r1", "r2", "r3", "r4"}


def story(*events: str) -> list[Entry]:
    """Entries from words such as ``published:r1``."""
    moment = "2026-01-01T00:00:00.000Z"
    return [Entry(moment, what, release) for what, release in (event.split(":") for event in events)]


def twins(events: list[str], *same: str) -> list[Entry]:
    """The same, where those releases are the same code with the same settings, and every other is one of its own."""
    content = dict.fromkeys(same, "twin")
    return [
        replace(one, detail={"content": content.get(one.release, one.release)}) if one.event == "staged" else one
        for one in story(*events)
    ]


def deployed(*releases: str) -> list[str]:
    return [f"{event}:{release}" for release in releases for event in ("staged", "gated", "published", "good")]


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([], ""),
        (["staged:r1"], "staged"),
        (["staged:r1", "gated:r1", "published:r1"], "published"),
        (deployed("r1"), "good"),
        ([*deployed("r1"), "rolled_back:r1"], "rolled_back"),
        ([*deployed("r1"), "rolled_back:r1", "published:r1"], "published"),
        ([*deployed("r1"), "published:r1", "bad:r1"], "bad"),
        (["staged:r1", "aborted:r1"], "aborted"),
        ([*deployed("r1"), "bad:r2"], "good"),
    ],
)
def test_the_last_verdict_since_publishing_counts(events: list[str], verdict: str) -> None:
    assert _ledger.verdict(story(*events), "r1") == verdict


@pytest.mark.parametrize(
    ("events", "live", "target"),
    [
        pytest.param(deployed("r1", "r2", "r3"), "r3", "r2", id="after three deploys"),
        pytest.param(
            [*deployed("r1", "r2", "r3"), "published:r2", "good:r2", "rolled_back:r3"], "r2", "r1", id="twice in a row"
        ),
        pytest.param(
            [
                *deployed("r1", "r2"),
                "published:r1",
                "good:r1",
                "rolled_back:r2",
            ],
            "r1",
            None,
            id="nothing before the first",
        ),
        pytest.param(
            [*deployed("r1", "r2"), "published:r1", "good:r1", "rolled_back:r2", "published:r2", "good:r2"],
            "r2",
            "r1",
            id="forward again",
        ),
        pytest.param(
            [*deployed("r1", "r2", "r3"), "published:r1", "good:r1", "rolled_back:r3", *deployed("r4")],
            "r4",
            "r1",
            id="what was live before, not what is younger",
        ),
        pytest.param([*deployed("r1"), "staged:r2", "bad:r2", *deployed("r3")], "r3", "r1", id="never a bad one"),
        pytest.param([*deployed("r1", "r2"), "gated:r3"], "r3", "r2", id="published but the ledger never heard"),
        pytest.param(deployed("r9", "r2"), "r2", None, id="never one that is not on disk"),
        pytest.param([], None, None, id="nothing at all"),
    ],
)
def test_rollback_goes_to_the_last_good_release_before_the_live_one(
    events: list[str], live: str | None, target: str | None
) -> None:
    assert _ledger.rollback_target(story(*events), live, PRESENT) == target


@pytest.mark.parametrize(
    ("events", "target", "came_from"),
    [
        pytest.param(deployed("r1", "r2", "r3"), "r1", "r2", id="not what is live once more"),
        pytest.param(deployed("r2", "r3"), None, "r2", id="nothing else"),
        pytest.param(
            [*deployed("r1", "r2", "r3"), "bad:r3", "published:r1", "good:r1"],
            None,
            "r2",
            id="nor what was left as bad",
        ),
        pytest.param(
            [*deployed("r1", "r2", "r3"), "published:r1", "good:r1", "rolled_back:r3", *deployed("r4")],
            "r1",
            "r1",
            id="nor in the next deploy",
        ),
        pytest.param(
            [*deployed("r1", "r2", "r3"), "published:r1", "good:r1", "rolled_back:r3"],
            None,
            "r2",
            id="nor what was just left by hand",
        ),
        pytest.param(
            [*deployed("r2", "r4", "r3"), "published:r4", "good:r4", "rolled_back:r3"],
            "r2",
            "r2",
            id="further back, also where that is what was left in between",
        ),
        pytest.param(
            [*deployed("r2", "r4"), "staged:r3", "published:r3", "published:r4", "good:r4", "bad:r3"],
            "r2",
            "r2",
            id="nor is an older one spoilt by its twin",
        ),
        pytest.param(
            [*deployed("r1", "r2"), "staged:r3", "published:r3", "published:r2", "good:r2", "bad:r3", *deployed("r4")],
            "r2",
            "r2",
            id="what its twin was taken back to",
        ),
        pytest.param(
            [*deployed("r1", "r2", "r3"), "published:r1", "rolled_back:r3", "published:r2", "good:r2", *deployed("r4")],
            "r2",
            "r2",
            id="what somebody has gone back to since",
        ),
    ],
)
def test_a_rollback_goes_to_something_else(events: list[str], target: str | None, came_from: str | None) -> None:
    entries = twins(events, "r2", "r3")
    live = next(one.release for one in reversed(entries) if one.event == "published")
    assert _ledger.rollback_target(entries, live, PRESENT) == target
    assert _ledger.came_from(entries, live, PRESENT) == came_from


def test_only_a_step_back_is_held_against_the_release_that_is_left() -> None:
    entries = story(*deployed("r1", "r2"))
    assert _ledger.is_step_back(entries, leaving="r2", target="r1")
    assert not _ledger.is_step_back(entries, leaving="r1", target="r2")


def test_good_releases_stand_in_the_order_they_were_last_confirmed() -> None:
    entries = story(*deployed("r1", "r2", "r3"), "published:r1", "good:r1", "bad:r2")
    assert _ledger.ever_good(entries) == ["r3", "r1"]


def test_a_line_cut_short_by_a_power_loss_spoils_nothing_but_itself(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    _ledger.append(path, Entry("t1", "good", "r1"))
    with path.open("a") as stream:
        stream.write('{"at": "t2", "event": "ba')
    _ledger.append(path, Entry("t3", "good", "r2", detail={"why": "ü"}))
    assert [(entry.at, entry.release) for entry in _ledger.read(path)] == [("t1", "r1"), ("t3", "r2")]


def test_a_ledger_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert _ledger.read(tmp_path / "ledger.jsonl") == []


@pytest.mark.parametrize(
    ("events", "condemned"),
    [
        (deployed("r1"), False),
        ([*deployed("r1"), "bad:r1"], True),
        ([*deployed("r1"), "bad:r1", "frozen:"], True),
        ([*deployed("r1"), "bad:r1", "unfrozen:"], False),
        ([*deployed("r1"), "unfrozen:", "bad:r1"], True),
        ([*deployed("r1"), "bad:r1", "published:r1"], False),
    ],
)
def test_a_bad_release_is_taken_back_until_a_person_has_looked(events: list[str], condemned: bool) -> None:
    assert _ledger.is_condemned(story(*events), "r1") is condemned


@pytest.mark.parametrize(
    ("events", "meant"),
    [
        ([], ""),
        (["staged:r1", "gated:r1"], ""),
        (deployed("r1"), "r1"),
        ([*deployed("r1"), "staged:r2", "gated:r2", "bad:r2"], "r1"),
        ([*deployed("r1", "r2"), "published:r1", "good:r1", "rolled_back:r2"], "r1"),
        (["staged:r1", "published:r1"], "r1"),
        (["staged:r1", "published:r1", "bad:r1"], ""),
        (["staged:r1", "published:r1", "aborted:r1"], ""),
    ],
)
def test_what_is_meant_to_be_live(events: list[str], meant: str) -> None:
    assert _ledger.meant_live(story(*events)) == meant
