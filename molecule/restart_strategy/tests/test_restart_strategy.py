# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Without an edge there is one process, and it is replaced only by what was proved on the spare port."""

from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, App, Card
from ansible_collections.nodeops.pm2.plugins.module_utils import _process

pytestmark = pytest.mark.usefixtures("_as_users_see_it")


@pytest.fixture(scope="module")
def app(card: Card) -> App:
    return App(card, {"strategy": "restart"})


def spare_is_empty(app: App) -> bool:
    return not _process.listeners(app.slots[1].address).any


def test_a_first_deploy_serves_on_the_main_port(app: App) -> None:
    app.deploy("release-1", release="r1")
    app.is_answered_by("r1", "main")
    assert app.events("r1") == ["staged", "gated", "published", "good"]
    assert spare_is_empty(app)


def test_a_second_deploy_replaces_the_process(app: App) -> None:
    before = app.answer()["pid"]
    app.deploy("release-2", release="r2")
    app.is_answered_by("r2", "main")
    assert app.answer()["pid"] != before
    assert app.answer("/")["version"] == "2.0.0"
    assert spare_is_empty(app)


def test_the_release_that_is_live_already_is_left_alone(app: App) -> None:
    before = app.answer()["pid"]
    run = app.deploy("release-2", release="r2")
    assert "unchanged" in run.output
    app.is_answered_by("r2", "main")
    assert app.answer()["pid"] == before


def test_a_broken_release_is_refused_on_the_spare_port(app: App) -> None:
    before = app.answer()["pid"]
    with app.asked():
        run = app.deploy("wrong_status", release="broken", gate_timeout=4, ends=REFUSED)
    assert "wrong_status" in run.output
    app.is_answered_by("r2", "main")
    assert app.answer()["pid"] == before
    assert app.events("broken") == ["staged", "bad"]
    assert spare_is_empty(app)


def test_a_release_that_crashes_once_it_is_live_is_taken_back(app: App) -> None:
    run = app.deploy("crash_when_live", release="fickle", soak=3, ends=REFUSED)
    assert "crashed" in run.output
    app.is_answered_by("r2", "main")
    assert app.events("fickle") == ["staged", "gated", "published", "bad"]
    assert spare_is_empty(app)


def test_a_rollback_goes_back_and_forward_again(app: App) -> None:
    app.rollback()
    app.is_answered_by("r1", "main")
    app.rollback(release="r2")
    app.is_answered_by("r2", "main")
    assert app.answer("/")["version"] == "2.0.0"
    app.has_not_drifted()
