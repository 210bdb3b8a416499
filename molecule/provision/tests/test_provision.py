# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A host that nobody has touched is made ready for deploys without root, by one playbook that can be run again."""

from __future__ import annotations

import json
import re
import ssl
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, Run, cards
from ansible_collections.nodeops.pm2.molecule.remote import Site, until
from ansible_collections.nodeops.pm2.molecule.wire import Tls, WebSocket, connect, events, get

UNIT = "pm2-deploy.service"
NAME = "witness.test"
TLS = {"tls_certificate": "/etc/ssl/witness.pem", "tls_key": "/etc/ssl/witness.key"}
LOG = "/var/www/backend/logs/backend-blue-out.log"
OPTIONS = {"script": "server.js", "health": {"path": "/health"}}


@pytest.fixture(scope="session")
def sites() -> list[Site]:
    """The witness on each of the hosts."""
    return [Site(card, OPTIONS) for card in cards()]


@pytest.fixture(scope="session")
def fleet() -> Site:
    """All of them, for playbooks."""
    return Site(cards()[0], OPTIONS, limit="all")


def recap(run: Run) -> dict[str, int]:
    """Changes by host."""
    found = re.findall(r"^(\w+) +: ok=\d+ +changed=(\d+)", run.output, re.MULTILINE)
    return {host: int(count) for host, count in found}


def traces(site: Site) -> list[str]:
    """What of a provisioning is on the host."""
    paths = "/opt/nodejs /opt/pm2 /var/www /run/backend /etc/nginx /home/deploy /usr/local/lib/nodeops-pm2"
    units = "/etc/systemd/system/pm2-deploy.service /etc/logrotate.d/pm2-deploy"
    return list(site.host.run(f"ls -d {paths} {units} 2>/dev/null").stdout.split())


def main_pid(site: Site, unit: str = UNIT) -> int:
    """A service's main process; 0 where it has none."""
    return int(site.host.run(f"systemctl show --value --property MainPID {unit}").stdout)


def kill(site: Site, unit: str) -> None:
    """Kill a service's main process, and wait until it has come back by itself."""
    first = main_pid(site, unit)
    site.host.run(f"kill -9 {first}")
    until(lambda: main_pid(site, unit) not in (0, first))
    until(lambda: site.host.service(unit).is_running)


def answers(site: Site, release: str) -> None:
    """Wait until a release answers at the front door."""
    until(lambda: site.answer().get("release") == release)


def edge_site(site: Site) -> dict[str, Any]:
    """The site as the scenario's variables have it."""
    card = site.card
    hops = [{"socket": f"{card.run_dir}/{slot}.sock", "port": card.ports[slot]} for slot in ("blue", "green")]
    return {"name": "backend", "listen": "0.0.0.0:80", "root": str(card.root), "hops": hops}


def test_a_rehearsal_on_a_fresh_host_says_what_would_change_and_touches_nothing(fleet: Site, sites: list[Site]) -> None:
    run = fleet.provision("--check", "--diff")
    assert recap(run).keys() == {site.card.name for site in sites}
    assert all(count > 20 for count in recap(run).values()), run.output
    assert [traces(site) for site in sites] == [[]] * len(sites)


def test_a_host_is_provisioned_and_the_second_time_nothing_changes(fleet: Site) -> None:
    print(f"provisioned in {fleet.provision().seconds:.0f} s")
    again = fleet.provision()
    assert set(recap(again).values()) == {0}, again.output
    print(f"and again in {again.seconds:.0f} s")
    rehearsed = fleet.provision("--check", "--diff")
    assert set(recap(rehearsed).values()) == {0}, rehearsed.output


def test_the_deploy_user_has_no_password_and_no_privilege(sites: list[Site]) -> None:
    for site in sites:
        assert site.host.run("getent shadow deploy").stdout.split(":")[1] == "*"
        assert site.host.user("deploy").groups == ["deploy"]
        assert "not allowed to run sudo" in site.host.run("sudo --list --other-user=deploy").stdout
        assert site.host.file("/home/deploy/.ssh/authorized_keys").mode == 0o600


@pytest.mark.parametrize(
    ("path", "user", "group", "mode"),
    [
        ("/home/deploy/.pm2", "deploy", "deploy", 0o700),
        ("/var/www", "root", "root", 0o755),
        ("/var/www/backend", "deploy", "deploy", 0o755),
        ("/opt/pm2", "root", "root", 0o755),
        ("/run/backend", "root", "www-data", 0o750),
    ],
)
def test_directories_belong_to_whom_they_should(sites: list[Site], path: str, user: str, group: str, mode: int) -> None:
    for site in sites:
        found = site.host.file(path)
        assert (found.user, found.group, found.mode) == (user, group, mode)


def test_node_and_pm2_are_those_that_were_asked_for(sites: list[Site]) -> None:
    for site in sites:
        assert site.host.run("sudo -u deploy node --version").stdout.strip().startswith("v24.")
        package = site.host.file("/opt/pm2/node_modules/pm2/package.json").content_string
        assert json.loads(package)["version"] == "7.0.4"
        assert site.host.file("/usr/local/bin/pm2").linked_to == "/opt/pm2/node_modules/pm2/bin/pm2"


def test_the_daemon_is_the_service_and_the_service_comes_back(sites: list[Site]) -> None:
    for site in sites:
        service = site.host.service(UNIT)
        assert service.is_enabled
        assert service.is_running
        first = main_pid(site)
        assert site.host.file(f"/proc/{first}/cmdline").content_string.startswith("PM2 v7.0.4: God Daemon")
        assert site.host.run(f"readlink /proc/{first}/cwd").stdout.strip() == "/"
        kill(site, UNIT)


def test_while_nothing_is_live_a_client_is_asked_to_come_again(sites: list[Site]) -> None:
    for site in sites:
        answer = get(f"{site.front}/")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "unavailable for the moment" in answer.body


def test_a_deploy_needs_no_root(fleet: Site, sites: list[Site]) -> None:
    fleet.play("deploy", source=str(fleet.source("witness")), release="w1")
    for site in sites:
        site.is_answered_by("w1", "blue")
        assert site.host.run("find /var/www/backend -not -user deploy").stdout == ""
        (pid,) = site.listeners("blue")
        assert UNIT in site.host.file(f"/proc/{pid}/cgroup").content_string, "the app must not end with the login"
        assert int(site.host.run(f"ps -o ppid= -p {pid}").stdout) == main_pid(site)


def test_what_a_client_says_of_itself_does_not_reach_the_app(sites: list[Site]) -> None:
    spoofed = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.test",
        "X-Forwarded-Port": "1",
        "X-Real-IP": "1.2.3.4",
        "Forwarded": "for=1.2.3.4",
        "Host": NAME,
    }
    for site in sites:
        headers = json.loads(get(f"{site.front}/headers", spoofed).body)["headers"]
        client = site.card.address.rpartition(".")[0] + ".1"  # this machine, in the hosts' network
        assert headers["x-forwarded-for"] == headers["x-real-ip"] == client
        assert headers["x-forwarded-proto"] == "http"
        assert headers["x-forwarded-host"] == headers["host"] == NAME
        assert headers["x-forwarded-port"] == "80"
        assert "forwarded" not in headers


def test_a_websocket_is_open_in_both_directions(sites: list[Site]) -> None:
    for site in sites:
        with WebSocket(site.card.address, 80) as socket:
            assert socket.echo(b"hello") == b"hello"
            assert socket.echo(b"again") == b"again"


def test_an_event_arrives_while_the_stream_goes_on(sites: list[Site]) -> None:
    for site in sites:
        with events(f"{site.front}/events") as stream:
            assert next(stream) == "1"
            assert get(f"{site.front}/next").status == 200
            assert next(stream) == "2"


def test_what_the_app_itself_answers_is_passed_on_and_a_cut_answer_is_not_called_unseen(sites: list[Site]) -> None:
    for site in sites:
        own = get(f"{site.front}/unavailable")
        assert (own.status, own.body, own.headers["Retry-After"]) == (502, "my own words", None)
        cut = get(f"{site.front}/broken")
        assert (cut.status, cut.headers["Retry-After"]) == (502, None)


def test_an_nginx_that_is_killed_comes_back_by_itself(sites: list[Site]) -> None:
    for site in sites:
        kill(site, "nginx")
        answers(site, "w1")
        site.is_answered_by("w1", "blue")


def test_rotating_the_logs_loses_no_line(sites: list[Site]) -> None:
    # Confined as Debian's own service is: whoever needs a compiler at run time, such as Node.js, would not run.
    confined = "systemd-run --wait --quiet -p MemoryDenyWriteExecute=yes -p ProtectSystem=full"
    for site in sites:
        for number in range(100):
            get(f"{site.front}/log?n={number}")
            if number == 50:
                assert site.host.run(f"{confined} logrotate --force /etc/logrotate.conf").rc == 0
        lines = site.host.file(f"{LOG}.1").content_string + site.host.file(LOG).content_string
        assert re.findall(r"line (\d+)", lines) == [str(number) for number in range(100)]
        assert "line 99" in site.host.file(LOG).content_string
        assert (site.host.file(LOG).user, site.host.file(LOG).mode) == ("deploy", 0o640)


def test_tls_by_given_files_and_the_way_there(fleet: Site, sites: list[Site], tmp_path: Path) -> None:
    request = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
    for site in sites:
        assert site.host.run(f"{request} -out {TLS['tls_certificate']} -keyout {TLS['tls_key']}").rc == 0
    secured = [{**edge_site(fleet), **TLS, "host": NAME, "listen": "[::]:443", "redirect": "0.0.0.0:80"}]
    fleet.provision(edge_sites=secured)
    assert fleet.provision(edge_sites=secured).changed == 0

    for site in sites:
        moved = get(f"{site.front}/headers?a=b", {"Host": NAME})
        assert (moved.status, moved.headers["Location"]) == (308, f"https://{NAME}/headers?a=b")
        authority = tmp_path / f"{site.card.name}.pem"
        authority.write_text(site.host.file(TLS["tls_certificate"]).content_string, encoding="ascii")
        tls = Tls(ssl.create_default_context(cafile=str(authority)), NAME)
        with WebSocket(site.card.address, 443, tls=tls) as socket:
            assert socket.echo(b"hello") == b"hello"
        headers = json.loads(get(f"https://{site.card.address}/headers", {"Host": NAME}, tls=tls).body)["headers"]
        assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("https", "443")
        assert get(f"https://{site.card.address}/", {"Host": "other.test"}, tls=tls).status == 421
        tls.context.set_alpn_protocols(["h2", "http/1.1"])
        with connect(site.card.address, 443, tls) as connection:
            assert isinstance(connection, ssl.SSLSocket)
            assert connection.selected_alpn_protocol() == "h2"
    # The soak goes through the front door, too, by the name on the certificate.
    source = str(fleet.source("witness"))
    fleet.play("deploy", source=source, release="w2", edge_url="https://127.0.0.1", edge_host=NAME)


def test_a_site_that_nginx_refuses_never_takes_the_place_of_the_good_one(fleet: Site, sites: list[Site]) -> None:
    fleet.provision()
    file = "/etc/nginx/conf.d/nodeops-backend.conf"
    before = [site.host.file(file).content_string for site in sites]
    run = fleet.provision(ends=REFUSED, edge_sites=[{**edge_site(fleet), "max_body": "ten"}])
    assert run.output.count("nginx refuses the site") >= len(sites)
    assert "invalid value" in run.output
    assert [site.host.file(file).content_string for site in sites] == before
    for site in sites:
        site.is_answered_by("w2", "green")


def test_a_daemon_that_a_deploy_started_is_left_alone_until_it_ends(fleet: Site, sites: list[Site]) -> None:
    for site in sites:
        site.host.run(f"systemctl stop {UNIT}")
        assert not site.listeners("green")
    fleet.play("deploy", source=str(fleet.source("witness")), release="w3")
    before = [site.serves("w3", "blue") for site in sites]

    fleet.provision()
    assert [site.serves("w3", "blue") for site in sites] == before, "nothing that runs is restarted"

    for site in sites:
        assert site.host.service(UNIT).is_running
        site.host.run(f"systemctl restart {UNIT}")
        answers(site, "w3")
        (pid,) = site.listeners("blue")
        assert UNIT in site.host.file(f"/proc/{pid}/cgroup").content_string
