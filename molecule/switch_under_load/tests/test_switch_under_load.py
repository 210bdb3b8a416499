# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The switch moves the very next request, and nobody who is asking notices it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from switches import back_and_forth

if TYPE_CHECKING:
    from ansible_collections.nodeops.pm2.molecule.conftest import App


def test_a_deploy_under_load_fails_no_request(app: App) -> None:
    app.deploy("release-1", release="r1")
    with app.asked(clients=20, rate=200):
        app.deploy("release-2", release="r2")
    app.is_answered_by("r2", "green")


def test_a_hundred_publishes_back_and_forth_fail_no_request(app: App) -> None:
    seen = back_and_forth(app.layout, app.slots, f"{app.front}/health", publishes=100, clients=20)
    print(seen.load)
    assert seen.load.requests > 1000
    assert seen.load.failed == 0, seen.load.failures
    assert seen.late == 0
    app.is_answered_by("r2", "green")


def test_a_slow_request_outlives_the_slot_it_came_in_by(app: App) -> None:
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(app.answer, "/slow?ms=30000", timeout=90)
        time.sleep(0.5)
        app.deploy("release-1", release="r3", standby=0, drain_timeout=90)
        assert slow.result().get("release") == "r2"
    app.is_answered_by("r3", "blue")
    assert not app.listeners("green")
