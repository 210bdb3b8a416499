# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The deploy on hosts as users have them: over ssh, without root, under load, and through reboots."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import Run, Running, cards
from ansible_collections.nodeops.pm2.molecule.remote import Site, until
from ansible_collections.nodeops.pm2.molecule.wire import WebSocket, get
from ansible_collections.nodeops.pm2.plugins.module_utils import _road

HIDDEN = "s3cr3t-of-the-app"
UNIT = "pm2-deploy.service"


@pytest.fixture(scope="session")
def sites() -> list[Site]:
    """The app on each of the hosts."""
    return [Site(card) for card in cards()]


@pytest.fixture(scope="session")
def fleet() -> Site:
    """All of them, for playbooks."""
    return Site(cards()[0], options={"env": {"GREETING": "Hello", "SECRET": HIDDEN}}, limit="all")


@contextlib.contextmanager
def all_asked(sites: list[Site]) -> Any:
    """Under load on every host, which nobody there must notice."""
    with contextlib.ExitStack() as stack:
        for site in sites:
            stack.enter_context(site.asked(clients=20, rate=100))
        yield


def comes_back(site: Site, release: str, slot: str) -> None:
    """By itself, in its slot, under the service, answered for by nginx; and with nothing said in PM2's home."""
    until(lambda: site.answer().get("release") == release)
    site.is_answered_by(release, slot)
    (pid,) = site.listeners(slot)
    assert UNIT in site.host.file(f"/proc/{pid}/cgroup").content_string
    assert site.host.run("ls /home/deploy/.pm2/dump.pm2*").stdout == ""
    assert site.host.run(f"grep --recursive --files-with-matches {HIDDEN} /home/deploy/.pm2").stdout == ""


def test_a_first_and_a_second_deploy_and_a_rollback_fail_no_request(fleet: Site, sites: list[Site]) -> None:
    fleet.provision()
    fleet.deploy("release-1", release="r1")
    for site in sites:
        site.is_answered_by("r1", "blue")
    with all_asked(sites):
        fleet.deploy("release-2", release="r2")
    for site in sites:
        site.is_answered_by("r2", "green")
    with all_asked(sites):
        fleet.rollback()
    for site in sites:
        site.is_answered_by("r1", "blue")


@pytest.mark.parametrize("powered_off", [False, True], ids=["shut down", "powered off"])
def test_what_is_live_comes_back_after_a_reboot(sites: list[Site], powered_off: bool) -> None:
    for site in sites:
        site.reboot(powered_off=powered_off)
    for site in sites:
        comes_back(site, "r1", "blue")
        assert not site.listeners("green"), "what stood by is not live"


def test_a_deploy_after_a_reboot_finds_the_daemon_and_the_next_reboot_its_release(
    fleet: Site, sites: list[Site]
) -> None:
    with all_asked(sites):
        fleet.deploy("release-2", release="r3", standby=0, keep_releases=1)
    for site in sites:
        site.reboot(powered_off=True)
    for site in sites:
        comes_back(site, "r3", "green")


# The phases of a deploy behind an edge, two by two: one for each host.
STEPS = [name for name in _road.ALL if name != "restart"]


@pytest.mark.parametrize("steps", list(zip(STEPS[::2], STEPS[1::2])), ids=" and ".join)
def test_what_is_live_comes_back_whenever_the_power_fails_in_a_deploy(
    sites: list[Site], steps: tuple[str, ...]
) -> None:
    with contextlib.ExitStack() as stack:
        for site, step in zip(sites, steps):
            held = {f"before_{step}": [["sleep", "600"]]}
            options: dict[str, Any] = {
                "env": {"GREETING": "Hello", "SECRET": HIDDEN},
                "hooks": held,
                "standby": 0,
                "keep_releases": 1,
            }
            stack.enter_context(site.deploying("release-1", release=f"at-{step}", **options))
        for site in sites:
            until(site.is_held)
            site.power_off()
    for site, step in zip(sites, steps):
        site.comes_back()
        until(site.answer)
        assert (site.live() == f"at-{step}") == (step in STEPS[STEPS.index("soak") :])
        comes_back(site, site.live(), slot_of(site))


def test_the_deploy_after_all_that_finds_everything_in_order(fleet: Site, sites: list[Site]) -> None:
    with all_asked(sites):
        fleet.deploy("release-2", release="r4", keep_releases=1)
    for site in sites:
        found = [entry["reason"] for entry in site.entries() if entry["event"] == "recovered"]
        assert len(found) == len(STEPS) / 2, "what each of the runs before left was found by the next one"
        assert all("Took over the lock" in reason for reason in found)
        site.is_answered_by("r4", slot_of(site))
        assert site.host.run(f"ls {site.layout.releases}").stdout.split()[2:] == []


def slot_of(site: Site) -> str:
    """Where the live release says that it serves."""
    return Path(site.host.run(f"readlink {site.layout.current}/.release/listen.sock").stdout.strip()).stem


WITNESS: dict[str, Any] = {
    "app": "witness",
    "root": "/var/www/witness",
    "run_dir": "/run/witness",
    "listen": "socket",
    "script": "server.js",
    "health": {"path": "/health"},
    "edge_url": "http://127.0.0.1:8080",
}


def test_a_second_app_that_makes_its_own_socket_shares_the_host(fleet: Site, sites: list[Site]) -> None:
    served = {"name": "witness", "listen": "0.0.0.0:8080", "root": WITNESS["root"], "run_dir": WITNESS["run_dir"]}
    variables: dict[str, Any] = {"edge_socket_user": "deploy", "runtime_apps": [WITNESS["root"]]}
    fleet.provision(edge_sites=[served], **variables)
    assert fleet.provision(edge_sites=[served], **variables).changed == 0
    fleet.deploy("witness", release="w1", **WITNESS)
    for site in sites:
        site.is_answered_by("r4", slot_of(site))
        site.reboot(powered_off=True)
    for site in sites:
        comes_back(site, "r4", slot_of(site))
        assert get(f"{site.front}:8080/health").status == 200
        assert site.host.file("/run/witness").mode == 0o2750


def test_an_open_websocket_ends_when_its_client_says_so(fleet: Site, sites: list[Site]) -> None:
    """Two deploys and a rollback pass by; the second one needs the slot of the first socket, and waits for it."""
    options: dict[str, Any] = {**WITNESS, "drain_timeout": 300, "standby": 600}
    with contextlib.ExitStack() as stack:

        def opened() -> list[WebSocket]:
            return [stack.enter_context(WebSocket(site.card.address, 8080)) for site in sites]

        early = opened()
        with fleet.deploying("witness", release="w2", **options) as deploy:
            passes_by(deploy, early)
        late = opened()
        with fleet.deploying("witness", release="w3", **options) as deploy:
            deploy.until(lambda: talk(early, late) and all(is_staged(site, "w3") for site in sites))
            for _second in range(5):
                time.sleep(1)
                talk(early, late)
            assert {get(f"{site.front}:8080/health").body.count('"w2"') for site in sites} == {1}
            for one in early:
                one.close()
            run = passes_by(deploy, late)
        assert run.seconds < options["drain_timeout"], "it does not wait for those that have gone"
        newest = opened()
        with fleet.playing("rollback", **WITNESS) as rollback:
            passes_by(rollback, late, newest)
    assert all('"w2"' in get(f"{site.front}:8080/health").body for site in sites)


def talk(*groups: list[WebSocket]) -> bool:
    """Say something in each socket, and hear it again; nginx ends one on which nothing was said for a minute."""
    for one in (one for group in groups for one in group):
        assert one.echo(b"still there") == b"still there"
    return True


def passes_by(run: Running, *groups: list[WebSocket]) -> Run:
    """The run comes to its good end, and all the while and afterwards the sockets are open."""
    while run.process.poll() is None:
        time.sleep(1)
        talk(*groups)
    ended = run.end()
    talk(*groups)
    return ended


def is_staged(site: Site, release: str) -> bool:
    """Whether the witness's release is complete on the disk."""
    return site.inside(f"ls {WITNESS['root']}/releases/{release}/.release/manifest.json") != ""
