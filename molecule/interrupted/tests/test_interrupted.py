# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A deploy may die at any step: users notice nothing, and the next run says what it finds and finishes or undoes it."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, Running
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
    :param release: what it deploys; the same again, where the user simply repeats the command.
    :param found: what the next run says of it; nothing where there is nothing to tidy up.
    :param verdict: the ledger's last word on the release once the next run has tidied up.
    :param hooks: what holds the deploy up where it is to die, since some phases take no time at all.
    """

    at: Callable[[App, str], bool]
    release: str
    found: str = ""
    verdict: str = ""
    hooks: dict[str, list[list[str]]] = field(default_factory=dict)


DEATHS = [
    Death(is_locked, "r1", hooks={"before_stage": [["sleep", "60"]]}),
    Death(is_being_staged, "r1", REMOVED),
    Death(is_being_started, "r1", ABORTED, "aborted"),
    Death(is_at_the_gate, "r2", ABORTED, "aborted"),
    Death(is_published, "r3", UNCONFIRMED, "good"),
    Death(is_being_soaked, "r4", UNCONFIRMED, "good"),
    Death(is_confirmed, "r5", "", "good", {"before_retire": [["sleep", "60"]]}),
]


@pytest.fixture(scope="module")
def dead(app: App) -> list[tuple[Running, Death]]:
    """The runs that were killed. Each is tidied up after by the next, which gets a step further."""
    app.deploy("release-1", release="r0")
    return []


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: death.at.__name__)
def test_whatever_a_run_finds_it_finishes_or_undoes(app: App, dead: list[tuple[Running, Death]], death: Death) -> None:
    options: dict[str, Any] = {"soak": 3, "lock_wait": 0, "hooks": death.hooks}
    with app.asked(), app.deploying("release-2", release=death.release, **options) as deploy:
        deploy.until(lambda: owner(app) == deploy.process.pid and death.at(app, death.release))
        deploy.kill()
    assert death.at(app, death.release), "it got further than it was to get"
    assert owner(app) == deploy.process.pid, "it left no lock behind"
    if dead:
        told(app, *dead[-1])
    dead.append((deploy, death))


def test_a_release_that_dies_with_nobody_watching_is_taken_back(app: App, dead: list[tuple[Running, Death]]) -> None:
    with app.deploying("crash_when_live", release="bad", soak=3) as deploy:
        deploy.until(lambda: is_published(app, "bad"))
        deploy.kill()
        told(app, *dead[-1])
    while app.answer():
        time.sleep(0.1)
    run = app.deploy("release-1", release="r6", lock_wait=0)
    for line in told(app, deploy, Death(is_published, "bad", UNCONFIRMED, "bad")):
        assert line in run.output
    assert "crashed" in run.output
    app.is_answered_by("r6", app.answer()["slot"])
    app.rollback()
    app.is_answered_by("r5", app.answer()["slot"])
    assert owner(app) == 0


def owner(app: App) -> int:
    """The process that holds the lock, 0 where none does."""
    lease = _lock.held(app.layout.lock)
    return lease.owner.pid if lease else 0


def told(app: App, killed: Running, death: Death) -> list[str]:
    """What the last run found of the one before, as the ledger has it, and whether it did as it said."""
    said = [entry["reason"] for entry in app.entries() if entry["event"] == "recovered"][-1]
    assert f"(pid {killed.process.pid})" in said
    assert f"its process {killed.process.pid} is gone" in said
    found = [words for words in (REMOVED, ABORTED, UNCONFIRMED) if words.format(release=death.release) in said]
    assert found == ([death.found] if death.found else [])
    verdict = _ledger.verdict(_ledger.read(app.layout.ledger), death.release)
    assert death.verdict in ("", verdict)
    return list(said.splitlines())


def test_two_deploys_at_once_take_turns(app: App) -> None:
    with app.asked(), app.deploying("release-2", release="first", soak=10) as first:
        first.until(lambda: is_locked(app, "first"))
        with app.deploying("release-1", release="patient", lock_wait=300) as patient:
            refused = app.deploy("release-1", release="hasty", lock_wait=0, ends=REFUSED)
            first.end()
            waited = patient.end()
    assert f"{getpass.getuser()}@" in refused.output
    assert f"(pid {first.process.pid}), deploy of backend" in refused.output
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
    run = app.deploy("release-2", release="burglar", lock_wait=0, ends=REFUSED)
    assert stranger.who in run.output
    assert "burglar" not in os.listdir(app.layout.releases)
    assert app.live() == live
    held = _lock.held(app.layout.lock)
    assert held is not None
    assert held.owner == stranger
