# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A deploy may die at any step: users notice nothing, and the next run says what it finds and finishes or undoes it."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED
from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _lock, _process

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.nodeops.pm2.molecule.conftest import App

pytestmark = pytest.mark.usefixtures("_as_users_see_it")

REMOVED = "Removed {release}: its stage never ended."
ABORTED = "Marked {release} aborted: its deploy was interrupted before publish."
UNCONFIRMED = "{release} is live but was never confirmed: its soak is done now, and decides."


def is_locked(app: App, _release: str) -> bool:
    return (app.layout.lock / _lock.LEASE).exists()


def is_being_staged(app: App, release: str) -> bool:
    tree = app.layout.release(release)
    return tree.path.exists() and not tree.manifest.exists()


def is_being_started(app: App, release: str) -> bool:
    return app.layout.release(release).listen.is_symlink()


def is_at_the_gate(app: App, release: str) -> bool:
    return is_being_started(app, release) and any(
        _process.cwd(pid) == str(app.layout.release(release).path)
        for slot in app.slots
        for pid in _process.listeners(slot.address).pids
    )


def is_published(app: App, release: str) -> bool:
    return app.live() == release


def is_being_soaked(app: App, release: str) -> bool:
    # The soak is what follows, and takes three seconds here.
    return "published" in app.events(release) and time.time() - app.layout.current.lstat().st_mtime > 1.5


def is_confirmed(app: App, release: str) -> bool:
    return "good" in app.events(release)


@dataclass(frozen=True)
class Death:
    """Where a deploy dies.

    :param at: from when on; once that is so, it is killed at once.
    :param found: what the next run says of it; nothing where there is nothing to tidy up.
    :param events: what the ledger has of the release when the next run is over.
    :param is_repeated: whether the next run deploys the same release again, else another one.
    """

    at: Callable[[App, str], bool]
    found: str
    events: str
    is_repeated: bool = True


DEATHS = [
    Death(is_locked, "", "staged gated published good"),
    Death(is_being_staged, REMOVED, "staged gated published good"),
    Death(is_being_started, ABORTED, "staged aborted gated published good"),
    Death(is_at_the_gate, ABORTED, "staged aborted", is_repeated=False),
    Death(is_published, UNCONFIRMED, "staged gated published good"),
    Death(is_being_soaked, UNCONFIRMED, "staged gated published good", is_repeated=False),
    Death(is_confirmed, "", "staged gated published good"),
]


@pytest.fixture(scope="module", autouse=True)
def _something_is_live(app: App) -> None:
    app.deploy("release-1", release="r0")


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: death.at.__name__)
def test_the_next_run_finishes_or_undoes_what_it_finds(app: App, death: Death) -> None:
    release = f"r{1 + DEATHS.index(death)}"
    follower = release if death.is_repeated else f"{release}b"
    with app.asked():
        with app.deploying("release-2", release=release, soak=3) as deploy:
            deploy.until(lambda: death.at(app, release))
            deploy.kill()
        assert death.at(app, release), "it got further than it was to get"
        assert is_locked(app, release)
        run = app.deploy("release-2", release=follower, lock_wait=0)
    assert f"(pid {deploy.process.pid})" in run.output
    assert f"its process {deploy.process.pid} is gone" in run.output
    said = [words for words in (REMOVED, ABORTED, UNCONFIRMED) if words.format(release=release) in run.output]
    assert said == ([death.found] if death.found else [])
    assert [event for event in app.events(release) if event != "pruned"] == death.events.split()
    app.is_answered_by(follower, app.answer()["slot"])
    assert not is_locked(app, follower)


def test_a_release_that_dies_with_nobody_watching_is_taken_back(app: App) -> None:
    before = app.live()
    # So short a gate is passed by a release that lives for 1.2 s.
    with app.deploying("crash_1200ms", release="bad", soak=3, gate_min_uptime=0, gate_consecutive=1) as deploy:
        deploy.until(lambda: is_published(app, "bad"))
        deploy.kill()
    while app.answer():
        time.sleep(0.1)
    run = app.deploy("release-1", release="after", lock_wait=0)
    assert UNCONFIRMED.format(release="bad") in run.output
    assert "crashed" in run.output
    assert app.events("bad")[:4] == ["staged", "gated", "published", "bad"]
    assert app.events(before)[-1] == "good"
    app.is_answered_by("after", app.answer()["slot"])


def test_two_deploys_at_once_take_turns(app: App) -> None:
    with app.asked(), app.deploying("release-2", release="first", soak=12) as first:
        first.until(lambda: is_locked(app, "first"))
        refused = app.deploy("release-1", release="hasty", lock_wait=0, ends=REFUSED)
        assert f"{getpass.getuser()}@" in refused.output
        assert f"(pid {first.process.pid}), deploy of backend" in refused.output
        waited = app.deploy("release-1", release="patient", lock_wait=120)
        first.end()
    assert "waiting for the lock" in waited.output
    assert "hasty" not in os.listdir(app.layout.releases)
    told = [(entry.release, entry.event) for entry in _ledger.read(app.layout.ledger)]
    assert told.index(("first", "good")) < told.index(("patient", "staged"))
    app.is_answered_by("patient", app.answer()["slot"])


@pytest.fixture
def stranger(app: App) -> Iterator[_lock.Owner]:
    """Somebody on another machine, of whom nothing is known but that they hold the lock."""
    owner = _lock.Owner("somebody@elsewhere", "deploy of backend", pid=1, boot_id="another machine", started=1)
    lease, _took_over = _lock.acquire(app.layout.lock, owner, ttl=600)
    yield owner
    _lock.release(app.layout.lock, lease.id)


def test_the_lock_of_somebody_who_may_live_is_never_broken(app: App, stranger: _lock.Owner) -> None:
    live = app.live()
    run = app.deploy("release-2", release="burglar", lock_wait=3, ends=REFUSED)
    assert stranger.who in run.output
    assert "burglar" not in os.listdir(app.layout.releases)
    assert app.live() == live
    held = _lock.held(app.layout.lock)
    assert held is not None
    assert held.owner == stranger
