# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What root started by hand, as on the host of the incident, becomes a release of the deploy user to go back to.

It runs after the other tests of the scenario, which have provisioned its hosts.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, cards
from ansible_collections.nodeops.pm2.molecule.remote import Site, until

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
    site.provision()
    return site


ASK = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:3000/', timeout=5).read().decode())"


def answered(site: Site) -> dict[str, Any]:
    """What is said on port 3000, by whom and from where."""
    said = until(lambda: site.inside(f'python3 -c "{ASK}"'))
    listening = site.host.run("ss -Hltnp sport = :3000").stdout
    (pid,) = set(re.findall(r"pid=(\d+)", listening))
    user, cwd = site.host.run(f"stat --format %U /proc/{pid}; readlink /proc/{pid}/cwd").stdout.split()
    return {"greeting": json.loads(said)["greeting"], "user": user, "cwd": cwd}


# In the user's own words, see docs/docsite/rst/adopting.rst: nothing but who connects differs from a deploy.
ADOPTION: dict[str, Any] = {**OPTIONS, "script": "", "env": {}}


@pytest.fixture
def admin(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Somebody who may use sudo, at a controller that Ansible was installed on and nothing was set."""
    monkeypatch.setenv("ANSIBLE_PIPELINING", "False")
    return dataclasses.replace(site, user="admin")


def test_who_may_not_adopt_is_told_who_may(site: Site, admin: Site) -> None:
    run = site.play("adopt", ends=REFUSED, **ADOPTION)
    assert "deploy cannot become root here" in run.output
    assert "-e ansible_user=admin" in run.output
    site.host.run(f"install -d -o admin {ROOT}")
    run = admin.play("adopt", ends=REFUSED, **ADOPTION)
    assert "The app's root belongs to somebody else than deploy." in run.output
    assert "seen: one of admin" in run.output
    assert site.host.run(f"ls -A {ROOT}").stdout == ""
    site.host.run(f"rmdir {ROOT}")
    assert (answered(site)["user"], answered(site)["cwd"]) == ("root", BY_HAND)


def test_it_becomes_release_0_and_is_gone_back_to(site: Site, admin: Site) -> None:
    assert (answered(site)["user"], answered(site)["cwd"]) == ("root", BY_HAND)
    run = admin.play("adopt", release="0", **ADOPTION)
    assert "Nothing answered for" in run.output
    assert "Stop that program" not in run.output, "that would be the app itself"
    assert site.host.run(f"find {ROOT} -not -user deploy").stdout == ""
    before = {"greeting": "Hello by hand from the first release", "user": "deploy", "cwd": f"{ROOT}/releases/0"}
    assert answered(site) == before
    site.host.run("systemctl restart pm2-deploy")
    assert answered(site) == before, "nobody has to provision again for it to come back at boot"
    site.deploy("release-2", release="1", **OPTIONS)
    assert answered(site)["cwd"] == f"{ROOT}/releases/1"
    site.rollback(**OPTIONS)
    assert answered(site) == before
    told = [json.loads(line) for line in site.host.run(f"cat {ROOT}/ledger.jsonl").stdout.splitlines()]
    assert [one["event"] for one in told if one["release"] == "0"][:4] == ["staged", "gated", "published", "good"]
    assert site.host.run("pm2 jlist --silent").stdout.strip()[-2:] == "[]", "root's PM2 has let go of it"
    assert site.host.file(f"{BY_HAND}/package.json").exists, "nothing of it is lost"
