# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every line that others write is told once, whoever is away or killed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._chronicle import Chronicle
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._ledger import Entry
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Sight

SIGHT = Sight(live="r1", slot=Slot("blue", "shop-blue", "unix:/run/blue.app", "/run/blue"))
AT = "2026-11-24T03:12:11.000Z"


class Mouth:
    """Keeps what it is told; while it is ``mute`` it cannot."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.secrets: list[Sequence[str]] = []
        self.ended: list[tuple[str, ...]] = []
        self.mute = False

    def end(self, app: str, *kinds: str, done: str = "", live: str = "") -> None:
        self.ended.append((app, *kinds, done, live))

    def tell(self, notice: Notice, *, secrets: Sequence[str] = ()) -> str:
        if self.mute:
            raise OSError("disk full")
        self.told.append((notice.app, notice.kind))
        self.secrets.append(secrets)
        return ""


def entries(*events: str, by: str = "ann") -> list[Entry]:
    return [Entry(AT, event, "r1", by=by) for event in events]


@pytest.fixture
def mouth() -> Mouth:
    return Mouth()


def chronicle(mouth: Mouth, tmp_path: Path) -> Chronicle:
    return Chronicle(tmp_path / "heard.json", mouth, host="web1")


def test_what_was_there_before_is_no_news(mouth: Mouth, tmp_path: Path) -> None:
    one = chronicle(mouth, tmp_path)
    one.follow("shop", entries("staged", "good"), sight=SIGHT, secrets=tuple)
    one.follow("shop", entries("staged", "good", "frozen"), sight=SIGHT, secrets=lambda: ["s"])
    assert (mouth.told, mouth.secrets) == ([("shop", "frozen")], [["s"]])


def test_what_the_guard_did_it_tells_itself(mouth: Mouth, tmp_path: Path) -> None:
    one = chronicle(mouth, tmp_path)
    one.follow("shop", [], sight=SIGHT, secrets=tuple)
    one.follow("shop", entries("bad", by="guard@web1"), sight=SIGHT, secrets=tuple)
    assert mouth.told == []


def test_a_freeze_ends_when_it_is_lifted_and_not_before(mouth: Mouth, tmp_path: Path) -> None:
    one = chronicle(mouth, tmp_path)
    one.follow("shop", [], sight=SIGHT, secrets=tuple)
    one.follow("shop", entries("frozen", "good"), sight=SIGHT, secrets=tuple)
    assert mouth.ended == []
    one.follow("shop", entries("frozen", "good", "unfrozen"), sight=SIGHT, secrets=tuple)
    assert mouth.ended == [("shop", "frozen", "The freeze was lifted by ann.", "r1 in blue")]


def test_it_catches_up_and_says_nothing_twice(mouth: Mouth, tmp_path: Path) -> None:
    one = chronicle(mouth, tmp_path)
    one.follow("shop", entries("staged"), sight=SIGHT, secrets=tuple)
    one.follow("shop", entries("staged", "gated"), sight=SIGHT, secrets=tuple)
    for _ in range(2):
        chronicle(mouth, tmp_path).follow("shop", entries("staged", "gated", "aborted"), sight=SIGHT, secrets=tuple)
    assert mouth.told == [("shop", "deploy_aborted")]


def test_what_could_not_be_told_is_told_later(mouth: Mouth, tmp_path: Path) -> None:
    one = chronicle(mouth, tmp_path)
    one.follow("shop", [], sight=SIGHT, secrets=tuple)
    mouth.mute = True
    with pytest.raises(OSError, match="disk full"):
        one.follow("shop", entries("aborted"), sight=SIGHT, secrets=tuple)
    mouth.mute = False
    one.follow("shop", entries("aborted"), sight=SIGHT, secrets=tuple)
    assert mouth.told == [("shop", "deploy_aborted")]


def test_what_happens_to_an_app_before_it_was_ever_deployed_is_news(mouth: Mouth, tmp_path: Path) -> None:
    chronicle(mouth, tmp_path).follow("shop", [], sight=SIGHT, secrets=tuple)
    chronicle(mouth, tmp_path).follow("shop", entries("staged"), sight=SIGHT, secrets=tuple)
    assert mouth.told == [("shop", "deploy_started")]


def test_a_ledger_that_was_made_anew_begins_anew_and_one_that_is_gone_for_a_moment_does_not(
    mouth: Mouth, tmp_path: Path
) -> None:
    one = chronicle(mouth, tmp_path)
    for seen in (["staged", "good", "gated"], [], ["staged", "good", "gated"]):
        one.follow("shop", entries(*seen), sight=SIGHT, secrets=tuple)
    assert mouth.told == []
    for seen in (["gated"], ["gated", "aborted"]):
        one.follow("shop", entries(*seen), sight=SIGHT, secrets=tuple)
    assert mouth.told == [("shop", "deploy_aborted")]
