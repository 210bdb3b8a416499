# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which apps are watched, and whether somebody watches, by files that may be spoilt."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock, _registry
from ansible_collections.nodeops.pm2.plugins.module_utils._registry import Presence

ME = _lock.Owner("guard@web1", "watching", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "apps").mkdir()
    return tmp_path


def test_an_app_is_registered_once_and_anew_when_it_has_moved(directory: Path) -> None:
    assert _registry.register(directory, "shop", Path("/srv/shop"))
    assert not _registry.register(directory, "shop", Path("/srv/shop"))
    assert _registry.register(directory, "shop", Path("/srv/other"))
    assert _registry.apps(directory) == {"shop": Path("/srv/other")}


@pytest.mark.parametrize("app", ["", "shop"])
def test_where_there_is_no_place_for_a_guard_nothing_is_written(tmp_path: Path, app: str) -> None:
    assert not _registry.register(tmp_path / "nowhere", app, Path("/srv/shop"))
    assert list(tmp_path.iterdir()) == []
    assert _registry.apps(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("spoilt.json", ""),
        ("spoilt.json", '{"root": "/sr'),
        ("spoilt.json", "[]"),
        ("spoilt.json", '{"root": ""}'),
        ("spoilt.json", "\x00"),
        (".shop.json.0a1b2c.new~", '{"root": "/srv/half"}'),
        ("notes.txt", '{"root": "/srv/notes"}'),
    ],
)
def test_what_is_no_entry_does_not_hide_the_others(directory: Path, name: str, text: str) -> None:
    _registry.register(directory, "shop", Path("/srv/shop"))
    (directory / "apps" / name).write_text(text, encoding="utf-8")
    assert _registry.apps(directory) == {"shop": Path("/srv/shop")}


def test_one_that_may_not_be_read_does_not_hide_the_others(directory: Path) -> None:
    _registry.register(directory, "shop", Path("/srv/shop"))
    (directory / "apps" / "odd.json").mkdir()
    assert _registry.apps(directory) == {"shop": Path("/srv/shop")}


def test_a_guard_says_how_it_is(directory: Path) -> None:
    said = Presence(ME, ("telegram", "webhook"), ("No token.",), "v1")
    _registry.announce(directory, said)
    assert _registry.present(directory) == said
    assert said.alive


@pytest.mark.parametrize("changes", [{"started": 1}, {"pid": 1}, {"boot_id": "another boot"}, {"boot_id": ""}], ids=str)
def test_another_process_or_another_boot_is_not_it(changes: dict[str, object]) -> None:
    assert not Presence(dataclasses.replace(ME, **changes)).alive  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"owner": {}}', '{"owner": 7}', '{"owner": {"who": "x"}}'])
def test_one_that_cannot_be_understood_is_none(directory: Path, text: str) -> None:
    (directory / "guard.json").write_text(text, encoding="utf-8")
    assert _registry.present(directory) is None


def test_refusals_are_taken_once_and_what_is_none_is_passed_over(directory: Path) -> None:
    _registry.note_refusal(directory, "shop", "r1", by="ann", reason="no place to leave word")
    assert list(_registry.take_refusals(directory)) == []
    (directory / "refused").mkdir()
    for release in ("r1", "r2"):
        _registry.note_refusal(directory, "shop", release, by="ann", reason="stale \udce9")
    for name, text in (("0.json", "{"), ("1.json", "[]"), ("2.json", "[" * 100_000)):
        (directory / "refused" / name).write_text(text, encoding="utf-8")
    os.mkfifo(directory / "refused" / "3.json")
    (directory / "refused" / "4.json").mkdir()
    assert [(app, one.event, one.release, one.reason) for app, one in _registry.take_refusals(directory)] == [
        ("shop", "refused", "r1", "stale ?"),
        ("shop", "refused", "r2", "stale ?"),
    ]
    assert list(_registry.take_refusals(directory)) == []
