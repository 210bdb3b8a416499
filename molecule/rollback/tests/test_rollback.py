# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rollback goes to the last release that was proved good, whatever the dates and names on the disk say."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED

if TYPE_CHECKING:
    from ansible_collections.nodeops.pm2.molecule.conftest import App

NOTHING_BEFORE = "There is no good release before the live one to go back to."


def test_there_is_nothing_to_go_back_to_from_the_first_release(app: App) -> None:
    app.deploy("release-1", release="r1")
    entries, pid = app.entries(), app.answer()["pid"]
    run = app.rollback(ends=REFUSED)
    assert NOTHING_BEFORE in run.output
    app.is_answered_by("r1", "blue")
    assert (app.entries(), app.answer()["pid"]) == (entries, pid)


def test_it_passes_by_a_bad_release_and_a_touched_one(app: App) -> None:
    app.deploy("release-2", release="r2")
    app.deploy("release-1", release="r3", env={"GREETING": "Not as r1"})
    app.deploy("crash_at_boot", release="zz-bad", ends=REFUSED)
    assert app.events("zz-bad") == ["staged", "bad"]
    for newest in ("r1", "zz-bad"):
        in_an_hour = time.time() + 3600
        os.utime(app.layout.release(newest).path, (in_an_hour, in_an_hour))

    app.rollback()

    app.is_answered_by("r2", "green")
    assert app.events("r3")[-1] == "rolled_back"
    assert app.events("r2")[-1] == "good"


def test_twice_in_a_row_goes_two_releases_back_and_a_third_time_nowhere(app: App) -> None:
    app.rollback()
    app.is_answered_by("r1", "blue")
    run = app.rollback(ends=REFUSED)
    assert NOTHING_BEFORE in run.output
    app.is_answered_by("r1", "blue")


def test_forward_again_and_back_takes_the_warm_process_as_it_stands(app: App) -> None:
    r1 = app.listeners("blue")
    app.rollback(release="r3")
    app.is_answered_by("r3", "green")
    assert app.events("r1")[-1] == "good", "the way forward must not disqualify the release it came from"
    assert app.listeners("blue") == r1

    with app.asked():
        app.rollback()
    app.is_answered_by("r1", "blue")
    assert {app.answer()["pid"]} == r1
    assert app.events("r3")[-1] == "rolled_back"


def test_neither_an_unknown_nor_a_bad_release_is_gone_to(app: App) -> None:
    entries = app.entries()
    run = app.rollback(release="r9", ends=REFUSED)
    assert "There is no release r9 on this host." in run.output
    assert "one of r1, r2, r3, zz-bad" in run.output
    assert app.entries() == entries

    with app.asked():
        run = app.rollback(release="zz-bad", ends=REFUSED)
    assert "is refused in slot green by crashed_at_boot" in run.output
    app.is_answered_by("r1", "blue")
    assert app.events("zz-bad")[-1] == "bad"


def test_pruning_leaves_what_is_live_and_what_a_rollback_goes_to(app: App) -> None:
    app.deploy("release-2", release="r4", keep_releases=1)
    assert sorted(os.listdir(app.layout.releases)) == ["r1", "r4"]
    assert {entry["release"] for entry in app.entries() if entry["event"] == "pruned"} == {"r2", "r3", "zz-bad"}
    app.is_answered_by("r4", "green")
    app.rollback(release="")
    app.is_answered_by("r1", "blue")


def test_the_same_code_deployed_twice_is_one_step(app: App) -> None:
    for release in ("once", "twice"):
        app.deploy("release-2", release=release)
    app.is_answered_by("twice", "blue")
    app.rollback()
    app.is_answered_by("r1", "green")
    app.rollback(ends=REFUSED)
