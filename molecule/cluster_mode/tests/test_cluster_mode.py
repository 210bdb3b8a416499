# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Several workers behind one port: each of them is proved, and they are switched, taken back and stopped as one."""

from __future__ import annotations

import json
import os
import urllib.request

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, App, Card
from ansible_collections.nodeops.pm2.plugins.module_utils import _pm2, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

pytestmark = pytest.mark.usefixtures("as_users_see_it")
WORKERS = 3


@pytest.fixture(scope="module")
def app(card: Card) -> App:
    return App(card, {"exec_mode": "cluster", "instances": WORKERS})


def workers(app: App, release: str) -> set[int]:
    """The workers that run in a release; what they started themselves (esbuild) is none."""
    where = str(app.layout.release(release).path)
    return {one.pid for one in _pm2.records(Pm2(app.card.pm2_home)) if _process.cwd(one.pid) == where}


def answers(app: App, slot: str) -> set[int]:
    """Who answers on a slot's port, if it is asked on so many connections that everybody's turn comes."""
    seen = set()
    for _time in range(4 * WORKERS):
        url = f"http://127.0.0.1:{app.card.ports[slot]}/health"
        with urllib.request.urlopen(url, timeout=5) as answer:
            seen.add(int(json.load(answer)["pid"]))
    return seen


def serves(app: App, release: str, slot: str) -> bool:
    """Whether the release answers at the front door, and each of its workers on its port."""
    assert app.live() == release
    assert (app.answer()["release"], app.answer()["slot"]) == (release, slot)
    return len(workers(app, release)) == WORKERS and answers(app, slot) == workers(app, release)


def test_every_worker_answers(app: App) -> None:
    app.deploy("release-1", release="r1")
    assert serves(app, "r1", "blue")


def test_the_next_release_takes_over_from_all_of_them(app: App) -> None:
    with app.asked():
        app.deploy("release-2", release="r2", standby=0)
    assert serves(app, "r2", "green")
    assert not workers(app, "r1")


@pytest.mark.parametrize(
    ("variant", "says"),
    [
        ("silent_worker", "by worker_silent: pid "),
        ("crash_at_boot", "by crashed_at_boot: "),
        ("alive_without_listener", "by crashed_at_boot: "),
    ],
)
def test_one_bad_worker_is_as_bad_as_all(app: App, variant: str, says: str) -> None:
    release, before = variant.replace("_", "-"), workers(app, "r2")
    with app.asked():
        run = app.deploy(variant, release=release, gate_timeout=8, ends=REFUSED)
    assert f"Release {release} is refused in slot blue {says}" in run.output
    assert app.events(release) == ["staged", "bad"]
    assert (workers(app, "r2"), workers(app, release)) == (before, set())


def test_a_worker_that_dies_in_the_soak_takes_its_release_back(app: App) -> None:
    with app.deploying("release-1", release="r3", soak=60) as deploy:
        deploy.until(lambda: app.live() == "r3")
        os.kill(min(workers(app, "r3")), 9)
        run = deploy.end(ends=REFUSED)
    assert "is refused in slot blue by crashed_in_soak: " in run.output
    assert serves(app, "r2", "green")


def test_back_to_the_first_one(app: App) -> None:
    with app.asked():
        app.rollback()
    assert serves(app, "r1", "blue")
    app.has_not_drifted()
