# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with a host is told before anything on it is touched."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, Card, cards
from ansible_collections.nodeops.pm2.molecule.remote import Site

UNREACHABLE = 4  # exit code of ansible-playbook
SEEN = "/etc /opt /usr /var/www /var/lib/dpkg /home /run/backend"
THEIRS = "server { listen 80; server_name shop.test; return 200 theirs; }"

At = Callable[[str], Site]


@pytest.fixture(scope="session")
def at() -> At:
    """The app on the host of that name."""
    found: dict[str, Card] = {card.name: card for card in cards()}
    return lambda name: Site(found[name])


def untouched(site: Site) -> str:
    """What has changed since the stamp, the home that Ansible logs in to left out."""
    return site.inside(f"find {SEEN} -path /home/admin -prune -o -newer /stamp -print 2>/dev/null | sort")


def refused(site: Site, *words: str, ends: int = REFUSED, **variables: Any) -> None:
    """Provisioning ends with these words, and has changed no file."""
    site.inside("touch /stamp; sleep 1.1")
    run = site.provision(ends=ends, **variables)
    told = " ".join(run.output.split())
    assert [word for word in words if word not in told] == [], run.output
    assert untouched(site) == ""


def served(site: Site, **other: Any) -> dict[str, Any]:
    """The site that the host is to serve, with something else about it."""
    card = site.card
    hops = [{"socket": f"{card.run_dir}/{slot}.sock", "port": card.ports[slot]} for slot in ("blue", "green")]
    return {"name": "backend", "listen": "0.0.0.0:80", "root": str(card.root), "hops": hops, **other}


def test_a_host_nosudo(at: At) -> None:
    site = at("nosudo")
    site.inside("rm /usr/bin/sudo")
    refused(site, "sudo: not found")


def test_a_host_nopython(at: At) -> None:
    site = at("nopython")
    site.inside("rm /usr/bin/python3*")
    refused(site, "/usr/bin/python3", "not found")


def test_a_host_that_cannot_be_reached_is_named(at: At) -> None:
    run = at("good").provision(ends=UNREACHABLE, ansible_host="127.0.0.9", ansible_port=9)
    assert "good" in run.output
    assert "UNREACHABLE" in run.output
    assert "port 9" in run.output


@pytest.mark.parametrize(("host", "words"), [("full", "65536 kilobytes"), ("crowded", "inodes left")])
def test_a_disk_without_room(at: At, host: str, words: str) -> None:
    at("crowded").inside("mountpoint -q /opt || mount -t tmpfs -o nr_inodes=200 none /opt")
    refused(at(host), "/opt has", words, "Make room")


def test_an_archive_that_is_not_the_one_that_is_meant(at: At) -> None:
    refused(at("good"), "has the SHA-256 digest", "expected 0000", runtime_node_archive_sha256="0" * 64)


def test_a_root_that_belongs_to_somebody_else(at: At) -> None:
    site = at("good")
    site.inside("mkdir -p /var/www/backend; chown root /var/www/backend")
    refused(site, "/var/www/backend is there already and is a directory of root", "chown -R")
    site.inside("rmdir /var/www/backend")


def test_an_nginx_that_serves_the_same_already(at: At) -> None:
    site = at("taken")
    site.inside(
        f"apt-get -qq update && apt-get -qq install -y nginx && echo '{THEIRS}' > /etc/nginx/conf.d/theirs.conf"
    )
    refused(site, "being the default server on *:80: /etc/nginx/sites-enabled/default")
    named = served(site, host="shop.test")
    refused(site, "the name shop.test on *:80: /etc/nginx/conf.d/theirs.conf", edge_sites=[named])
    site.inside("echo 'server { oops }' > /etc/nginx/conf.d/broken.conf")
    refused(site, "nginx refuses its configuration as it is", "broken.conf", edge_sites=[named])


def test_a_program_that_listens_where_nginx_is_to(at: At) -> None:
    site = at("good")
    site.inside("systemd-run --unit=squatter python3 -m http.server 80; sleep 2")
    refused(site, "Another program listens where nginx is to listen", "http.server 80")
    site.inside("systemctl stop squatter")


def test_certificates_that_are_not_there(at: At) -> None:
    site = at("good")
    secured = served(site, listen="0.0.0.0:443", tls_certificate="/etc/ssl/no.pem", tls_key="/etc/ssl/no.key")
    refused(site, "/etc/ssl/no.pem is not on the host", edge_sites=[secured])


def test_two_apps_that_want_the_same_and_two_that_do_not(at: At) -> None:
    site = at("good")
    site.provision()
    hops = [{"socket": "/run/other/blue.sock", "port": 4001}, {"socket": "/run/other/green.sock", "port": 4002}]
    other = served(site, name="other", root="/var/www/other", listen="0.0.0.0:8080", hops=hops)
    for what, clash in (
        ("being the default server on *:80", {"listen": "0.0.0.0:80"}),
        ("the port 3001 of an app", {"hops": [{**hops[0], "port": 3001}, hops[1]]}),
        ("the socket /run/backend/blue.sock", {"hops": [{**hops[0], "socket": "/run/backend/blue.sock"}, hops[1]]}),
    ):
        refused(
            site,
            f"{what}: /etc/nginx/conf.d/nodeops-backend.conf",
            edge_sites=[{**other, **clash}],
        )
    refused(site, "has a site of this name", "leads to /var/www/backend", edge_sites=[{**other, "name": "backend"}])
    site.provision(edge_sites=[other], runtime_apps=[other["root"]])
    assert site.provision().changed == 0, "the first app's inventory has nothing to change"
    assert "backend.conf" in site.inside("ls /etc/nginx/conf.d")


def test_a_deploy_to_a_root_that_the_deploy_user_cannot_write(at: At) -> None:
    site = at("good")
    site.inside("chown root /var/www/backend")
    run = site.deploy("release-1", ends=REFUSED)
    assert "/var/www/backend" in run.output
    assert "Nothing was touched" in run.output
    site.inside("chown deploy /var/www/backend")


def deploy_is_refused(site: Site, *words: str, **options: Any) -> None:
    """The check ends it with these words, and has changed nothing."""
    site.inside("touch /stamp; sleep 1.1")
    run = site.deploy("release-1", ends=REFUSED, **options)
    told = " ".join(run.output.split())
    assert [word for word in (*words, "Nothing was touched.") if word not in told] == [], run.output
    assert site.inside("find /var/www /run /home/deploy -newer /stamp -path '*backend*' -not -type p") == ""


@contextlib.contextmanager
def disk(site: Site, where: str, room: str) -> Iterator[None]:
    """A small file system of the deploy user's."""
    owner = site.inside("id -u deploy").strip()
    site.from_outside("mount", "mount", "-t", "tmpfs", "-o", f"{room},uid={owner},mode=755", "none", where)
    try:
        yield
    finally:
        site.from_outside("mount", "umount", where)


@pytest.mark.parametrize(
    ("room", "words"), [("size=64m", "64 MiB are free, and the release needs"), ("nr_inodes=500", "inodes are free")]
)
def test_a_deploy_without_room(at: At, room: str, words: str) -> None:
    site = at("good")
    with disk(site, "/var/www/backend", room):
        deploy_is_refused(site, words, "/var/www/backend")


def test_a_disk_that_fills_up_meanwhile_leaves_what_is_live(at: At) -> None:
    site = at("good")
    site.deploy("release-1", release="r1")
    live = site.answer()["pid"]
    # Dependencies lie in a directory of their own, and the check has seen room where the releases lie.
    with disk(site, "/var/www/backend/deps", "size=5m"):
        run = site.deploy("release-2", release="r2", ends=REFUSED)
    assert "no space left on device" in run.output.lower()
    assert "Live is r1." in run.output
    assert site.answer()["pid"] == live
    assert site.events("r2") == ["aborted"]
    site.deploy("release-2", release="r3")
    site.is_answered_by("r3", "green")


def test_two_apps_of_one_name_or_one_port_and_two_that_differ(at: At) -> None:
    site = at("good")
    other: dict[str, Any] = {"app": "other", "root": "/var/www/other", "run_dir": "/run/other", "release": "o1"}
    ports = {"blue": 4001, "green": 4002}
    deploy_is_refused(site, "127.0.0.1:3002 of slot green is taken by pid", **other)
    named = {**other, "app": "backend", "ports": ports}
    deploy_is_refused(site, "PM2 runs another app as backend-green.", "/var/www/backend/releases/r3", **named)
    site.deploy("release-1", **other, ports=ports, edge_url=f"{site.front}:8080")
    site.is_answered_by("r3", "green")


def test_a_front_door_that_is_no_address(at: At) -> None:
    deploy_is_refused(at("good"), "bluegreen_edge_url", edge_url="backend.test")
