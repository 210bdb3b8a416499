# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What root started by hand, as on the host of the incident, becomes a release of the deploy user to go back to.

It runs after the other tests of the scenario, which have provisioned its hosts.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import cards
from ansible_collections.nodeops.pm2.molecule.remote import Site

BY_HAND = "/var/www/shop/backend"
ENV = "PORT=3000 GREETING='Hello by hand'"
ROOT = "/var/www/shop-releases"
PORTS = {"main": 3000, "spare": 3009}
OPTIONS: dict[str, Any] = {"app": "shop", "root": ROOT, "strategy": "restart", "ports": PORTS}


@pytest.fixture(scope="module")
def site() -> Site:
    """One host, on which root has cloned the backend and started it by hand."""
    site = Site(cards()[0])
    subprocess.run(
        ["scp", "-qr", "-F", str(site.ssh_config), str(site.source("release-1")), f"{site.card.name}:/tmp/by-hand"],
        check=True,
    )
    for line in (
        f"mkdir -p {BY_HAND} && cp -r /tmp/by-hand/. {BY_HAND} && chown -R root: {BY_HAND}",
        f"cd {BY_HAND} && npm ci --no-audit --silent",
        f"cd {BY_HAND} && {ENV} pm2 start node_modules/.bin/tsx --name shop -- src/server.ts",
        "pm2 save",
    ):
        ended = site.host.run(line)
        assert ended.rc == 0, ended.stdout + ended.stderr
    site.provision(runtime_apps=[ROOT])
    return site


def answered(site: Site) -> dict[str, Any]:
    """What is said on port 3000, by whom and from where."""
    said = dict(
        json.loads(site.host.run("curl --silent --max-time 5 --retry 20 --retry-connrefused localhost:3000/").stdout)
    )
    (pid,) = {
        word.partition("=")[2]
        for word in site.host.run("ss -Hltnp sport = :3000").stdout.split(",")
        if word.startswith("pid=")
    }
    seen = site.host.run(f"stat --format %U /proc/{pid}; readlink /proc/{pid}/cwd").stdout.split()
    return {"greeting": said["greeting"], "user": seen[0], "cwd": seen[1]}


def test_it_becomes_release_0_and_is_gone_back_to(site: Site) -> None:
    assert (answered(site)["user"], answered(site)["cwd"]) == ("root", BY_HAND)
    # Whoever may become root takes it over in the deploy user's name; that one still needs no sudo.
    admin = dataclasses.replace(site, user="admin")
    adoption: dict[str, Any] = {"release": "0", "script": "", "env": {}, "adopt_owner": "deploy"}
    run = admin.play("adopt", "--become", "--become-user", "deploy", **OPTIONS, **adoption)
    assert "Nothing answered for" in run.output
    before = {"greeting": "Hello by hand from the first release", "user": "deploy", "cwd": f"{ROOT}/releases/0"}
    assert answered(site) == before
    site.deploy("release-2", release="1", **OPTIONS)
    assert answered(site)["cwd"] == f"{ROOT}/releases/1"
    site.rollback(**OPTIONS)
    assert answered(site) == before
    told = [json.loads(line) for line in site.host.run(f"cat {ROOT}/ledger.jsonl").stdout.splitlines()]
    assert [one["event"] for one in told if one["release"] == "0"][:4] == ["staged", "gated", "published", "good"]
    assert site.host.run("pm2 jlist --silent").stdout.strip()[-2:] == "[]", "root's PM2 has let go of it"
    assert site.host.file(f"{BY_HAND}/package.json").exists, "nothing of it is lost"
