# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All hosts publish, or none does: one that fails before it stops every other one."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, App, cards

pytestmark = pytest.mark.usefixtures("_as_users_see_it")


@pytest.fixture(scope="module")
def fleet() -> list[App]:
    """The app on each host; a playbook that one of them plays is played for all."""
    return [App(card, limit="all") for card in cards()]


def test_one_run_deploys_to_every_host(fleet: list[App]) -> None:
    fleet[0].deploy("release-1", release="r1")
    for app in fleet:
        app.is_answered_by("r1", "blue")


def test_one_host_that_fails_before_publish_stops_all(fleet: list[App]) -> None:
    healthy, sick = fleet
    with contextlib.ExitStack() as stack:
        for app in fleet:
            stack.enter_context(app.asked())
        deploy = stack.enter_context(healthy.deploying("release-2", release="r2"))
        # The check has found the port free by now; somebody is faster than the start.
        deploy.until(sick.layout.lock.exists)
        stack.enter_context(socket.create_server(("127.0.0.1", sick.card.ports["green"])))
        run = deploy.end(ends=REFUSED)
    for app in fleet:
        app.is_answered_by("r1", "blue")
        assert "published" not in app.events("r2")
        assert app.events("r2")[-1] == "aborted"
        assert not app.layout.lock.exists()
    assert healthy.layout.release("r2").listen.is_symlink(), (
        "it was on its way, and was stopped for the other one's sake"
    )
    verdicts = {line.split()[0]: line for line in run.output.splitlines() if line.startswith(("alpha ", "beta "))}
    assert "The slot's address is taken" in verdicts[sick.card.name]
    assert f"Another host failed: {sick.card.name}." in verdicts[healthy.card.name]


def test_the_next_good_release_moves_every_host(fleet: list[App]) -> None:
    with contextlib.ExitStack() as stack:
        for app in fleet:
            stack.enter_context(app.asked())
        fleet[0].deploy("release-2", release="r3")
    for app in fleet:
        app.is_answered_by("r3", "green")


def fails_on(app: App) -> list[str]:
    """A command that fails on that host alone."""
    return ["sh", "-c", f"case $PWD in {app.card.root}/*) echo no good here >&2; exit 9;; esac"]


def test_a_host_that_fails_in_the_second_wave_takes_the_first_one_back(fleet: list[App]) -> None:
    canary, other = fleet
    with contextlib.ExitStack() as stack:
        for app in fleet:
            stack.enter_context(app.asked())
        hooks = {"after_publish": [fails_on(other)]}
        run = canary.deploy("release-1", release="r4", waves=[1, 1], hooks=hooks, ends=REFUSED)
    for app in fleet:
        app.is_answered_by("r3", "green")
        assert app.events("r4") == ["staged", "gated", "published", "aborted"]
        assert not app.layout.lock.exists()
    moments = [next(one["at"] for one in app.entries("r4") if one["event"] == "published") for app in fleet]
    assert moments == sorted(moments), "the canary goes first"
    assert "no good here" in run.output


def test_a_canary_that_fails_keeps_the_others_from_publishing(fleet: list[App]) -> None:
    canary, other = fleet
    canary.deploy("release-1", release="r5", hooks={"after_publish": [fails_on(canary)]}, ends=REFUSED)
    assert canary.events("r5") == ["staged", "gated", "published", "aborted"]
    assert other.events("r5") == ["staged", "gated", "aborted"]
    for app in fleet:
        app.is_answered_by("r3", "green")


def once(app: App, *, safe: bool, code: int = 0) -> list[dict[str, Any]]:
    """A migration that notes where it was run, and ends with that code."""
    note = f"echo $BLUEGREEN_RELEASE after $BLUEGREEN_PREVIOUS in $PWD >> {app.card.directory}/once; exit {code}"
    return [{"argv": ["sh", "-c", note], "safe_to_roll_back": safe}]


def noted(app: App) -> list[str]:
    path = app.card.directory / "once"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_a_migration_runs_once_for_all_between_gate_and_publish(fleet: list[App]) -> None:
    first = fleet[0]
    first.deploy("release-1", release="r6", run_once=once(first, safe=True))
    assert noted(first) == [f"r6 after r3 in {first.layout.release('r6').path}"]
    for app in fleet:
        app.is_answered_by("r6", "blue")
    run = first.deploy("release-1", release="r6", run_once=once(first, safe=True))
    assert len(noted(first)) == 1, "it ran when that was deployed"
    assert "unchanged" in run.output


def test_a_migration_that_fails_leaves_everything_as_it_was(fleet: list[App]) -> None:
    first = fleet[0]
    run = first.deploy("release-2", release="r7", run_once=once(first, safe=True, code=4), ends=REFUSED)
    assert "What is run once failed: sh -c" in run.output
    assert "(exit code 4)" in run.output
    for app in fleet:
        app.is_answered_by("r6", "blue")
        assert app.events("r7") == ["staged", "gated", "aborted"]


def test_nothing_goes_back_by_itself_across_a_migration_that_forbids_it(fleet: list[App]) -> None:
    canary, other = fleet
    hooks = {"after_publish": [fails_on(canary)]}
    run = canary.deploy("release-2", release="r8", run_once=once(canary, safe=False), hooks=hooks, ends=REFUSED)
    assert "r6 is from before r8" in run.output
    assert "frozen" in run.output
    canary.is_answered_by("r8", "green")
    other.is_answered_by("r6", "blue")
    assert "The app is frozen" in canary.deploy("release-2", release="r9", ends=REFUSED).output

    canary.deploy("release-2", release="r10", unfreeze=True)
    for app in fleet:
        app.is_answered_by("r10", app.answer()["slot"])
    canary.rollback(release="r6")
    for app in fleet:
        app.is_answered_by("r6", app.answer()["slot"])
