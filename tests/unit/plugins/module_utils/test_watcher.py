# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who watches, as a person and as the checklist hear it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _alert_test, _lock, _registry, _watcher
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Verdict

ROOT = Path("/srv/shop")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "apps").mkdir()
    return tmp_path


def announce(directory: Path, *channels: str, alive: bool = True) -> None:
    started = _lock.started(os.getpid())
    owner = _lock.Owner("guard", "watches", os.getpid(), _lock.this_boot(), started if alive else started + 1)
    _registry.announce(directory, _registry.Presence(owner, channels))


def test_nobody_ever_watched(tmp_path: Path) -> None:
    assert _watcher.read(tmp_path / "none", ROOT) is None
    assert _watcher.read(tmp_path, ROOT) is None


def test_a_guard_that_was_proved(directory: Path) -> None:
    announce(directory, "telegram", "webhook")
    _registry.register(directory, "shop", ROOT)
    _alert_test.answer(directory, "1", [Verdict("telegram", True), Verdict("webhook", True)])
    found = _watcher.read(directory, ROOT)
    assert found is not None
    assert (found.running, found.watches, [one.proved for one in found.channels]) == (True, True, [True, True])
    assert str(found) == f"watched by a guard that tells telegram, webhook, tried {found.channels[0].at}"


def test_a_channel_that_did_not_deliver_and_one_that_is_new(directory: Path) -> None:
    announce(directory, "telegram", "webhook", "sms")
    _registry.register(directory, "shop", ROOT)
    _alert_test.answer(directory, "1", [Verdict("telegram", True), Verdict("webhook", False, "403")])
    found = _watcher.read(directory, ROOT)
    assert found is not None
    assert [(one.name, one.proved, bool(one.at)) for one in found.channels] == [
        ("telegram", True, True),
        ("webhook", False, True),
        ("sms", False, False),
    ]
    assert str(found) == "watched by a guard that tells telegram, webhook, sms, NOT proved to work"


@pytest.mark.parametrize(
    ("channels", "alive", "root", "said"),
    [
        ((), True, "/srv/shop", "watched by a guard that tells nobody"),
        (("telegram",), True, "/srv/shop", "watched by a guard that tells telegram, NOT proved to work"),
        (("telegram",), True, "/srv/other", "a guard runs here and does NOT know this app"),
        (("telegram",), False, "/srv/shop", f"the guard does NOT run (its last process was {os.getpid()})"),
    ],
)
def test_how_it_is_told(directory: Path, channels: tuple[str, ...], alive: bool, root: str, said: str) -> None:
    announce(directory, *channels, alive=alive)
    _registry.register(directory, "shop", Path(root))
    assert str(_watcher.read(directory, ROOT)) == said


def test_what_this_user_may_not_read(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    announce(directory, "telegram")

    def refuse(_directory: Path) -> None:
        raise PermissionError(13, "Permission denied", "/var/lib/bluegreen/alert-test.json")

    monkeypatch.setattr(_alert_test, "last", refuse)
    found = _watcher.read(directory, ROOT)
    assert found is not None
    assert not found.running
    assert str(found) == (
        "whether a guard runs is not known: this user may not read /var/lib/bluegreen/alert-test.json"
    )
