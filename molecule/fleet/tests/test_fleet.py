# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All hosts publish, or none does: one that fails before it stops every other one."""

from __future__ import annotations

import contextlib
import socket

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
    assert "Another host failed, so nothing is published here." in verdicts[healthy.card.name]


def test_the_next_good_release_moves_every_host(fleet: list[App]) -> None:
    with contextlib.ExitStack() as stack:
        for app in fleet:
            stack.enter_context(app.asked())
        fleet[0].deploy("release-2", release="r3")
    for app in fleet:
        app.is_answered_by("r3", "green")
