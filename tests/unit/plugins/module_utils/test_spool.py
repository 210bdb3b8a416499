# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _spool
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Message
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._spool import TRYING, Delivery, Spool

NOW = Moment(1000.0, 10.0, "boot")


def message(number: int, severity: str = "WARNING") -> Message:
    at = f"2026-11-24T03:12:{number:02d}.000Z"
    return Message(f"m{number}", at, severity, "crash_loop", f"text {number} ü", "short", {"app": "shop"})


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "state" / "spool", limit=4)


def ids(spool: Spool) -> list[str]:
    return [entry.message.id for entry in spool.entries()[0]]


def test_what_is_put_is_there_for_the_next_one_to_find(spool: Spool) -> None:
    assert spool.put(message(1), ["telegram", "sms"], now=NOW)
    [entry], broken = Spool(spool.directory).entries()
    assert entry.message == message(1)
    assert entry.put == NOW
    assert entry.deliveries == {"telegram": Delivery(), "sms": Delivery()}
    assert broken == []
    moved = replace(entry, deliveries={"telegram": Delivery(TRYING, 1, tried=NOW, wait=3.5, text="why")})
    spool.save(moved)
    assert spool.entries() == ([moved], [])
    spool.remove(moved)
    spool.remove(moved)
    assert ids(spool) == []


def test_only_its_owner_may_read_it(spool: Spool) -> None:
    spool.put(message(1), ["telegram"], now=NOW)
    [path] = spool.directory.iterdir()
    assert (spool.directory.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_the_same_message_is_taken_once(spool: Spool) -> None:
    assert spool.put(message(1), ["telegram"], now=NOW)
    assert not spool.put(replace(message(1), at="2026-11-24T04:00:00.000Z"), ["telegram"], now=NOW)
    assert not spool.put(message(2), [], now=NOW)
    assert ids(spool) == ["m1"]


def test_the_gravest_come_first_and_of_those_the_oldest(spool: Spool) -> None:
    for number, severity in [(4, "INFO"), (3, "CRITICAL"), (2, "WARNING"), (1, "CRITICAL")]:
        spool.put(message(number, severity), ["telegram"], now=NOW)
    assert ids(spool) == ["m1", "m3", "m2", "m4"]


def test_a_file_that_cannot_be_read_spoils_nothing_but_itself(spool: Spool) -> None:
    spool.put(message(1), ["telegram"], now=NOW)
    [whole] = spool.directory.iterdir()
    bad = {
        "cut.json": whole.read_text()[:50],
        "empty.json": "",
        "list.json": "[]",
        "grave.json": whole.read_text().replace("WARNING", "FATAL"),
        "moment.json": whole.read_text().replace('"steady"', '"other"'),
        "more.json": whole.read_text().replace('"attempts"', '"tries"'),
    }
    for name, content in bad.items():
        (spool.directory / name).write_text(content)
    (spool.directory / ".half.json.0a1b.new~").write_text("{")
    entries, broken = spool.entries()
    assert [entry.message.id for entry in entries] == ["m1"]
    assert sorted(path.name for path in broken) == sorted(bad)


def test_a_kill_while_writing_leaves_the_old_state(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.put(message(1), ["telegram"], now=NOW)
    [entry], _ = spool.entries()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        spool.save(replace(entry, deliveries={}))
    assert spool.entries() == ([entry], [])


def test_what_is_delivered_makes_room_first_and_nobody_is_told(spool: Spool) -> None:
    for number in range(4):
        spool.put(message(number, "CRITICAL"), ["telegram"], now=NOW)
    last = spool.entries()[0][3]
    spool.save(replace(last, deliveries={"telegram": Delivery("delivered", 1, tried=NOW)}))
    spool.put(message(5, "INFO"), ["telegram"], now=NOW)
    assert ids(spool) == ["m0", "m1", "m2", "m5"]


def test_what_is_least_grave_and_oldest_is_dropped_and_that_is_told(spool: Spool) -> None:
    for number, severity in [
        (1, "WARNING"),
        (2, "INFO"),
        (3, "CRITICAL"),
        (4, "INFO"),
        (5, "CRITICAL"),
        (6, "WARNING"),
    ]:
        spool.put(message(number, severity), ["telegram"], now=NOW)
    found = {entry.message.id: entry for entry in spool.entries()[0]}
    told = found.pop("dropped-0-2026-11-24T031202.000Z")
    assert sorted(found) == ["m1", "m3", "m5", "m6"]
    assert told.message.severity == "WARNING"
    assert told.message.text.startswith("WARNING: 2 messages were dropped (2 INFO), because")
    assert told.deliveries == {"telegram": Delivery()}
    spool.put(message(7, "INFO"), ["sms"], now=NOW)
    spool.put(message(8, "WARNING"), ["telegram"], now=NOW)
    [told] = [entry for entry in spool.entries()[0] if entry.message.kind == "spool_full"]
    assert told.message.facts == {
        "INFO": 3,
        "WARNING": 1,
        "CRITICAL": 0,
        "first": "2026-11-24T03:12:02.000Z",
        "last": "2026-11-24T03:12:01.000Z",
    }
    assert told.deliveries == {"telegram": Delivery(), "sms": Delivery()}


def test_that_messages_were_dropped_is_told_anew_once_it_was_told(spool: Spool) -> None:
    for number in range(5):
        spool.put(message(number), ["telegram"], now=NOW)
    [told] = [entry for entry in spool.entries()[0] if entry.message.kind == "spool_full"]
    spool.save(replace(told, deliveries={"telegram": Delivery(TRYING, 1)}))
    spool.put(message(6), ["telegram"], now=NOW)
    counts = [e.message.facts["WARNING"] for e in spool.entries()[0] if e.message.kind == "spool_full"]
    assert counts == [1, 1]


def test_whether_an_attempt_may_double_another() -> None:
    assert not _spool.again(Delivery())
    assert _spool.again(Delivery(TRYING))
    assert _spool.again(Delivery(doubtful=True))
