# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The incident, deployed again: a stale build beside a source entry. Refused twice over, and nobody notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, listing, waived

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.nodeops.pm2.molecule.conftest import App

pytestmark = pytest.mark.usefixtures("as_users_see_it")

RULE = "stale_build_output"
# The two ways past it, by the id of the release that takes one.
WAYS_PAST: dict[str, dict[str, Any]] = {
    "skipped": {"check_skip": [RULE]},
    "waived": {"waivers": waived(RULE)},
}


@pytest.fixture(scope="module", autouse=True)
def _users(app: App) -> Iterator[None]:
    """They use the live release all the time, and it stays the very same process."""
    app.deploy("release-1", release="r1")
    pid = app.answer()["pid"]
    with app.asked():
        yield
    app.is_answered_by("r1", "blue")
    assert app.answer()["pid"] == pid


def test_the_check_refuses_it_before_anything_is_touched(app: App) -> None:
    for playbook, way_past in (("check", f"refused by {RULE}"), ("deploy", f"bluegreen_check_skip: [{RULE}]")):
        before = listing(app.card.root)
        run = app.play(playbook, source=str(app.source("incident")), release="incident", ends=REFUSED)
        assert f"[{RULE}]" in run.output
        assert "dist/app.js" in run.output
        assert way_past in run.output
        assert {path for path, seen in listing(app.card.root).items() if before.get(path) != seen} <= {
            str(app.card.root / "logs/backend-blue-out.log")
        }


@pytest.mark.parametrize("release", WAYS_PAST)
def test_the_gate_refuses_it_when_it_is_pushed_past_the_check(app: App, release: str) -> None:
    run = app.deploy("incident", release=release, **WAYS_PAST[release], ends=REFUSED)
    assert f"Release {release} is refused in slot green by crashed_at_boot" in run.output
    assert "Identifier '__dirname' has already been declared" in run.output
    assert "Live is r1." in run.output
    *before, staged, bad = app.entries(release)
    assert [entry["event"] for entry in (staged, bad)] == ["staged", "bad"]
    assert [entry["reason"] for entry in before] == [one["reason"] for one in WAYS_PAST[release].get("waivers", ())]
    assert staged["detail"]["check_skip"] == [RULE]
    assert "syntax_error" in bad["reason"]
    assert not app.listeners("green")


def test_what_was_refused_is_in_nobodys_way(app: App) -> None:
    app.deploy("release-2", release="r2")
    app.is_answered_by("r2", "green")
    # The way back leads past it.
    app.rollback()
    app.is_answered_by("r1", "blue")
