# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _notice
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import KINDS, Notice, message_of

AT = "2026-11-24T03:12:11.000Z"
CRASH = Notice(
    kind="crash_loop",
    severity="CRITICAL",
    app="shop",
    host="web1",
    release="20261124T030000-abc1234",
    commit="abc1234def5678abc1234def",
    seen=(
        "SyntaxError: Identifier '__dirname' has already been declared",
        "3 crashes in 4 s, the last with exit code 1",
        "GET /health: connection refused",
    ),
    done="Stopped it and rolled back to 20261123T101500-def5678 in 2.9 s.",
    live="20261123T101500-def5678",
    todo="wake somebody",
    look="bluegreen status --root /var/www/shop",
    count=3,
    since="2026-11-24T03:12:04.000Z",
)


def test_a_message_tells_everything() -> None:
    assert (
        message_of(CRASH, identifier="5f3c", at=AT).text
        == """\
CRITICAL shop on web1: crash loop (3 times)
Release: 20261124T030000-abc1234 (commit abc1234def56)
Seen: SyntaxError: Identifier '__dirname' has already been declared
  3 crashes in 4 s, the last with exit code 1
  GET /health: connection refused
Done: Stopped it and rolled back to 20261123T101500-def5678 in 2.9 s.
Live now: 20261123T101500-def5678
Do next: wake somebody
Look closer: bluegreen status --root /var/www/shop
2026-11-24 03:12:11 UTC, since 2026-11-24 03:12:04 UTC, id 5f3c"""
    )


def test_what_is_not_known_is_not_mentioned() -> None:
    text = message_of(Notice("daemon_gone", "CRITICAL", "shop", "web1", since=AT), identifier="1", at=AT).text
    assert text == "CRITICAL shop on web1: PM2's daemon is gone\n2026-11-24 03:12:11 UTC, id 1"


def test_what_was_counted_says_since_when_and_when_last() -> None:
    text = message_of(replace(CRASH, last="2026-11-24T03:12:08.000Z"), identifier="1", at=AT).text
    since = "since 2026-11-24 03:12:04 UTC, last at 2026-11-24 03:12:08 UTC"
    assert text.endswith(f"\n2026-11-24 03:12:11 UTC, {since}, id 1")


def test_an_event_has_the_moment_that_it_happened_at() -> None:
    notice = Notice("deploy_good", "INFO", "shop", "web1", since="2026-11-24T03:12:04.000Z")
    assert message_of(notice, identifier="1", at=AT).text.endswith("\n2026-11-24 03:12:04 UTC, id 1")


def test_that_it_is_over_wakes_nobody() -> None:
    message = message_of(replace(CRASH, resolved=True), identifier="1", at=AT)
    assert message.text.startswith("RESOLVED shop on web1: crash loop (3 times)\n")
    assert message.severity == "INFO"


def test_it_is_data_as_well() -> None:
    message = message_of(CRASH, identifier="1", at=AT)
    assert json.loads(json.dumps(asdict(message)))["facts"]["live"] == CRASH.live
    assert (message.id, message.at, message.kind) == ("1", AT, "crash_loop")


def test_no_secret_leaves() -> None:
    notice = replace(CRASH, seen=("connect postgres://a:hunter2@db", "key is opensesame"), done="opensesame tried")
    told = repr(message_of(notice, identifier="1", at=AT, secrets=["opensesame"]))
    assert "hunter2" not in told
    assert "opensesame" not in told


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("line", ["", "x" * 5000, "\U0001f600" * 3000, "[{|}]~^" * 100, "a\nb\n" * 400])
def test_no_message_is_too_long(kind: str, line: str) -> None:
    notice = replace(CRASH, kind=kind, seen=(line,) * 30, done=line[:900], live=line[:900])
    message = message_of(notice, identifier="1", at=AT)
    assert len(message.text) <= _notice.TEXT_LIMIT
    assert "Look closer: bluegreen status" in message.text
    assert message.text.endswith("id 1")
    assert message.short.isascii()
    assert message.short.isprintable()
    assert sum(2 if character in "^{}\\[]~|" else 1 for character in message.short) <= 160


@pytest.mark.parametrize(
    ("notice", "short"),
    [
        (
            CRASH,
            "CRITICAL shop on web1: crash loop (3 times). SyntaxError: Identifier '__dirname' has a...",
        ),
        (
            replace(CRASH, seen=("Object.`x` fehlt \u00fcberall",), done="", count=1),
            "CRITICAL shop on web1: crash loop. Object.'x' fehlt ?berall. Live: 20261123T101500-def5678.",
        ),
        (replace(CRASH, seen=(), done="", live="", count=1), "CRITICAL shop on web1: crash loop. Release 2"),
    ],
)
def test_an_sms_tells_the_same_in_one_piece(notice: Notice, short: str) -> None:
    assert message_of(notice, identifier="1", at=AT).short.startswith(short)


@pytest.mark.parametrize("seen", ["It crashes: 3 in 60 s.", "It crashes: 3 in 60 s", "Is it there?"])
@pytest.mark.parametrize("done", ["Nothing.", "Nothing", ""])
def test_a_sentence_ends_once(seen: str, done: str) -> None:
    short = message_of(replace(CRASH, seen=(seen,), done=done), identifier="1", at=AT).short
    assert ".." not in short
    assert "?." not in short
    assert " ." not in short


def test_what_was_done_has_its_place_in_an_sms() -> None:
    short = message_of(replace(CRASH, seen=("x" * 300,)), identifier="1", at=AT).short
    assert "Stopped it and rolled back to 20261123T101500-def5678 in 2.9 s." in short
