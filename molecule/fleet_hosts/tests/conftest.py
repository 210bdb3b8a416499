# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Three hosts, provisioned once for all that is promised of a fleet."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import cards
from ansible_collections.nodeops.pm2.molecule.remote import Site

# As in ansible.cfg, but a host that is lost is missed after three seconds and not after 45.
SSH = "-o ControlMaster=auto -o ControlPersist=600s -o ServerAliveInterval=1 -o ServerAliveCountMax=3"


@pytest.fixture(scope="session", autouse=True)
def _as_users_see_it() -> Iterator[None]:
    """Playbooks are told as phases, and nobody waits long for the lost."""
    told = {"ANSIBLE_STDOUT_CALLBACK": "nodeops.pm2.phases", "ANSIBLE_SSH_ARGS": SSH}
    before = dict(os.environ)
    os.environ.update(told)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def sites() -> list[Site]:
    """The app on each of the hosts, in the order of the waves."""
    return [Site(card) for card in cards()]


@pytest.fixture(scope="session")
def fleet(sites: list[Site]) -> Site:
    """All of them, for playbooks, with a release that is good."""
    fleet = Site(sites[0].card, limit="all")
    print(f"provisioned in {fleet.provision().seconds:.0f} s")
    fleet.deploy("release-1", release="r0")
    return fleet
