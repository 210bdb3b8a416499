# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is seen of an app on disk, also where the disk is not as it should be."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _deadline, _ledger, _lock
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._io import link_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Eyes, Sight, moment

AT = "2026-11-23T10:15:00.000Z"  # what the fixture writes into its ledgers
PUBLISHED = 1_795_428_900.0
ME = _lock.Owner("ann@laptop", "deploy", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))


@pytest.fixture
def two(app: Any) -> Any:
    """r1 was good, and r2 is live after it."""
    app.deployed("r1", "blue")
    app.deployed("r2", "green")
    return app


def at(wall: float) -> Moment:
    """A moment of another boot than those before: only the clock on the wall counts."""
    return Moment(wall, 0.0, "")


def see(app: Any, *, now: float = PUBLISHED) -> Sight:
    return Eyes(app.layout).look(now=at(now))


def test_all_of_it(two: Any) -> None:
    two.layout.release("r2").revision.write_text("abc1234\n", encoding="utf-8")
    sight = see(two)
    assert (sight.live, sight.target, sight.verdict, sight.commit) == ("r2", "r1", "good", "abc1234")
    assert (sight.published, sight.problem) == (PUBLISHED, "")
    assert sight.app is not None
    assert sight.slot is not None
    assert (sight.app.name, sight.slot.name) == ("shop", "green")


def test_where_nothing_is_live_there_is_nothing_to_see(app: Any) -> None:
    assert see(app) == Sight()
    app.put("r1")
    assert see(app) == Sight()
    app.go_live("r1")
    assert see(app) == Sight(), "it was never started anywhere"


def test_who_published_it_and_who_condemned_it(two: Any) -> None:
    deeds = {"bad": ("guard@web1", "bob@laptop"), "published": ("ann@laptop", "guard@web1")}
    for event, by in ((event, by[turn]) for turn in (0, 1) for event, by in deeds.items()):
        _ledger.append(two.layout.ledger, _ledger.Entry(AT, event, "r2", by=by))
    sight = see(two)
    assert (sight.by, sight.condemned_by) == ("guard@web1", ("guard@web1", "bob@laptop"))


def test_what_was_run_once_stands_between(two: Any) -> None:
    two.put("r3", "blue")
    entry = _ledger.Entry(AT, "published", "r3", detail={"irreversible": True})
    _ledger.append(two.layout.ledger, entry)
    two.go_live("r3")
    sight = see(two)
    assert (sight.live, sight.target, sight.crossed) == ("r3", "r2", "r3")


@pytest.mark.parametrize(
    ("until", "release", "events", "overdue"),
    [
        (-1, "r2", ["published:r2"], True),
        (1, "r2", ["published:r2"], False),
        (-1, "r1", ["published:r2"], False),  # it is about another one
        (-1, "r2", [], False),  # it was confirmed, and whoever did so died before the deadline was lifted
    ],
)
def test_what_nobody_confirmed(two: Any, until: float, release: str, events: list[str], overdue: bool) -> None:
    two.note(*events)
    _deadline.arm(two.layout, release, seconds=until, by="ann", now=at(PUBLISHED))
    assert see(two).overdue is overdue


def test_a_clock_that_is_turned_back_takes_nothing_back(two: Any) -> None:
    two.note("published:r2")
    _deadline.arm(two.layout, "r2", seconds=60, by="ann", now=at(PUBLISHED))
    eyes = Eyes(two.layout)
    assert not eyes.look(now=at(PUBLISHED - 86400)).overdue
    assert eyes.look(now=at(PUBLISHED + 61)).overdue


def test_who_holds_the_lock_unless_they_are_dead(two: Any) -> None:
    _lock.acquire(two.layout.lock, ME, ttl=900)
    now = json.loads((two.layout.lock / _lock.LEASE).read_text(encoding="utf-8"))["heartbeat"]
    held = see(two, now=now).holder
    assert held is not None
    assert held.owner == ME
    assert see(two, now=now + 901).holder is None, "its lease has run out"
    lease = dataclasses.asdict(dataclasses.replace(held, owner=dataclasses.replace(ME, started=1)))
    (two.layout.lock / _lock.LEASE).write_text(json.dumps(lease), encoding="utf-8")
    assert see(two, now=now).holder is None, "its process is gone"


def test_it_is_read_anew_when_it_has_changed_and_only_then(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    eyes, read = Eyes(two.layout), _ledger.read
    reads: list[Path] = []

    def counted(path: Path) -> list[_ledger.Entry]:
        reads.append(path)
        return read(path)

    monkeypatch.setattr(_ledger, "read", counted)
    for _ in range(3):
        eyes.look(now=at(PUBLISHED))
    assert len(reads) == 1
    two.note("bad:r2")
    assert eyes.look(now=at(PUBLISHED)).verdict == "bad"
    two.go_live("r1")
    assert eyes.look(now=at(PUBLISHED)).live == "r1"
    _lock.freeze(two.layout.root, "lunch")
    assert eyes.look(now=at(PUBLISHED)).frozen == "lunch"
    assert len(reads) == 3
    assert [entry.event for entry in eyes.entries][-1] == "bad"


@pytest.mark.parametrize("torn", ['{"at": "2026-', "\x00\x00\x00", "[1]\n", '{"at": 1}\n', "{}\n"])
def test_a_torn_line_hides_no_other(two: Any, torn: str) -> None:
    with two.layout.ledger.open("a", encoding="utf-8") as ledger:
        ledger.write(torn)
    two.note("published:r2")
    assert (see(two).live, see(two).target, see(two).verdict) == ("r2", "r1", "published")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"release": "r2"}', '{"release": "r2", "until": "soon"}'])
def test_a_spoilt_deadline_or_lease_is_none(two: Any, text: str) -> None:
    (two.layout.root / "unconfirmed.json").write_text(text, encoding="utf-8")
    two.layout.lock.mkdir()
    (two.layout.lock / _lock.LEASE).write_text(text, encoding="utf-8")
    sight = see(two)
    assert (sight.live, sight.overdue, sight.holder, sight.problem) == ("r2", False, None, "")


def test_a_release_that_an_older_deploy_described_is_seen(two: Any) -> None:
    path: Path = two.layout.release("r2").app
    raw = json.loads(path.read_text(encoding="utf-8"))
    for name in ("guard", "secret_files", "reversible"):
        del raw[name]
    path.write_text(json.dumps(raw), encoding="utf-8")
    app = see(two).app
    assert app is not None
    assert (app.guard, app.secret_files, app.reversible) == ({}, (), True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"slots": "blue"}', '{"slots": [{}]}', '{"slots": null}'])
def test_a_description_that_cannot_be_understood_is_none(two: Any, text: str) -> None:
    two.layout.release("r2").app.write_text(text, encoding="utf-8")
    assert see(two).live == ""


def test_what_cannot_be_read_is_told_and_seen_again_later(two: Any) -> None:
    eyes = Eyes(two.layout)
    assert eyes.look(now=at(PUBLISHED)).live == "r2"
    kept = two.layout.ledger.read_bytes()
    two.layout.ledger.unlink()
    two.layout.ledger.mkdir()
    assert "ledger.jsonl" in eyes.look(now=at(PUBLISHED)).problem
    two.layout.ledger.rmdir()
    two.layout.ledger.write_bytes(kept)
    sight = eyes.look(now=at(PUBLISHED))
    assert (sight.live, sight.problem) == ("r2", "")


def test_what_is_live_and_is_no_release_is_told(two: Any) -> None:
    link_atomic(two.layout.current, "releases/what a name")
    assert "not a release id" in see(two).problem


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (AT, PUBLISHED),
        ("2026-11-23T10:15:00+00:00", PUBLISHED),
        ("", None),
        ("yesterday", None),
        ("2026-13-01T00:00:00Z", None),
    ],
)
def test_moments(text: str, seconds: float | None) -> None:
    assert moment(text) == seconds
