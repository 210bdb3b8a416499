# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Node.js from where the user says: it is installed once, is new enough, and an app is deployed on it."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import NODE, PROJECT, REFUSED, cards
from ansible_collections.nodeops.pm2.molecule.remote import Site

MIRROR, PORT = "/srv/mirror", 18100
MAJOR = int(subprocess.check_output([NODE, "--version"], text=True).lstrip("v").partition(".")[0])
PACKAGE: dict[str, Any] = {"runtime_node_source": "package"}
NODESOURCE: dict[str, Any] = {
    "runtime_node_source": "nodesource",
    "runtime_node_major": MAJOR,
    "runtime_nodesource_repository": f"http://127.0.0.1:{PORT}/node_{MAJOR}.x",
    "runtime_nodesource_key": f"http://127.0.0.1:{PORT}/key.gpg",
}


@pytest.fixture(scope="session")
def sites() -> dict[str, Site]:
    """The witness on each host, by name."""
    return {card.name: Site(card, {"script": "server.js", "health": {"path": "/health"}}) for card in cards()}


@pytest.fixture(scope="session")
def mirrored(sites: dict[str, Site]) -> Site:
    """A host that reaches a mirror of NodeSource, which stands on the host itself."""
    site = sites["mirrored"]
    files = [str(PROJECT / path) for path in (".cache/node/node.tar.gz", "molecule/node_sources/mirror.py")]
    subprocess.run(["scp", "-q", "-F", str(site.ssh_config), *files, f"{site.card.name}:/tmp"], check=True)
    for command in (
        "apt-get update -q",
        "apt-get install -qy gnupg",
        f"python3 /tmp/mirror.py /tmp/node.tar.gz {MAJOR} {MIRROR}",
        f"systemd-run --unit mirror python3 -m http.server {PORT} --bind 127.0.0.1 --directory {MIRROR}",
    ):
        done = site.host.run(command)
        assert done.rc == 0, done.stdout + done.stderr
    return site


def is_deployed_to(site: Site) -> None:
    """A deploy and a rollback work on it."""
    for release in ("r1", "r2"):
        site.deploy("witness", release=release)
    site.rollback()
    site.is_answered_by("r1", "blue")


def owner_of_node(site: Site) -> str:
    """The package that the Node.js of the live release belongs to."""
    (pid,) = site.listeners("blue")
    return str(site.host.run(f"dpkg --search $(readlink /proc/{pid}/exe)").stdout).partition(":")[0]


def test_the_package_of_the_distribution(sites: dict[str, Site]) -> None:
    site = sites["packaged"]
    site.provision(**PACKAGE)
    assert site.provision(**PACKAGE).changed == 0
    is_deployed_to(site)
    assert owner_of_node(site) == "nodejs"


def test_one_that_is_too_old_is_refused_and_it_is_said_what_else_there_is(mirrored: Site) -> None:
    refused = mirrored.provision(ends=REFUSED, runtime_node_packages=["nodejs"], **PACKAGE)
    assert "is Node.js 18." in refused.output
    assert "expected 20.6.0 or newer" in refused.output
    assert "runtime_node_source" in refused.output


def test_a_mirror_of_nodesource_takes_its_place(mirrored: Site) -> None:
    assert "Install it" in mirrored.provision("--check", **NODESOURCE).output
    mirrored.host.run("cp --dereference /usr/bin/node /usr/local/bin; ln -s /usr/bin/npm /usr/local/bin")
    assert "does not come first in PATH" in mirrored.provision(ends=REFUSED, **NODESOURCE).output
    mirrored.host.run("rm /usr/local/bin/node /usr/local/bin/npm")
    mirrored.provision(**NODESOURCE)
    assert mirrored.provision(**NODESOURCE).changed == 0
    assert str(mirrored.host.run("node --version").stdout).startswith(f"v{MAJOR}.")
    assert "nodesource" in mirrored.host.run("dpkg-query --show nodejs").stdout
    is_deployed_to(mirrored)
    assert owner_of_node(mirrored) == "nodejs"
