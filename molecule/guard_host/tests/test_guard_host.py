# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard as a service: hardened, told its secrets by systemd, and back whatever is killed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import PROJECT, cards
from ansible_collections.nodeops.pm2.molecule.remote import Site, until
from ansible_collections.nodeops.pm2.molecule.shared.outside import CHAT, TOKEN

UNIT, DAEMON = "bluegreen-guard.service", "pm2-deploy.service"
OUTSIDE = 18099
GIVEN: dict[str, Any] = {
    "guard_user": "deploy",
    "guard_interval": 1,
    "guard_probes": 10,  # what starts slowly, on a busy machine, is a loop before it has failed to answer for long
    "guard_telegram": {"token": TOKEN, "chat": CHAT, "base_url": f"http://127.0.0.1:{OUTSIDE}"},
}


class Guarded(Site):
    """A host with a guard, and with the service outside that it tells."""

    def property_of(self, name: str, unit: str = UNIT) -> str:
        """What systemd knows of a service."""
        return str(self.host.run(f"systemctl show --value --property {name} {unit}").stdout).strip()

    def bluegreen(self, words: str, *, ends: int = 0) -> str:
        """What the command on the host says to the deploy user."""
        ended = self.host.run(f"runuser --user deploy -- /usr/local/bin/bluegreen {words}")
        assert ended.rc == ends, ended.stdout + ended.stderr
        return str(ended.stdout)

    def told(self) -> list[str]:
        """Every message that was delivered."""
        ask = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{OUTSIDE}/_seen').read().decode())"
        seen = json.loads(self.inside(f'python3 -c "{ask}"') or "[]")
        return [one["body"]["text"] for one in seen if one["service"] == "telegram" and one["status"] == 200]

    def tell(self, release: str, what: str) -> None:
        """Have a release misbehave."""
        self.host.run(f"install -d -o deploy {self.card.root}/told; echo {what} > {self.card.root}/told/{release}")

    def seconds(self, release: str) -> dict[str, float]:
        """How long everything took in the newest incident of a release, printed."""
        told = json.loads(self.bluegreen("--json history"))
        newest = [one for one in told["incidents"] if one["release"] == release][-1]
        print(
            f"FIGURES {newest['kind']} {release}: "
            + ", ".join(f"{step} {took:.2f} s" for step, took in newest["seconds"].items())
        )
        return dict(newest["seconds"])


@pytest.fixture(scope="session")
def site() -> Guarded:
    (card,) = cards()
    guarded = Guarded(card)
    guarded.inside(f"cat > /opt/outside.py <<'END'\n{(PROJECT / 'molecule/shared/outside.py').read_text()}\nEND")
    guarded.inside(f"systemd-run --unit outside python3 /opt/outside.py {OUTSIDE}")
    return guarded


def quicken(site: Guarded, unit: str, setting: str) -> None:
    """Give a service less time for something, until the next boot."""
    directory = f"/run/systemd/system/{unit}.d"
    site.host.run(f"mkdir -p {directory}; printf '[Service]\\n{setting}\\n' > {directory}/quick.conf")
    site.host.run("systemctl daemon-reload")


def daemons(site: Guarded) -> list[str]:
    """The pids of PM2's daemons."""
    return list(site.host.run("pgrep --full --uid deploy 'PM2 v.*God Daemon'").stdout.split())


def has(site: Guarded, title: str, *words: str) -> Any:
    """A question: whether a message of that title says all that."""
    return lambda: any(title in text.splitlines()[0] and all(word in text for word in words) for text in site.told())


def test_it_is_installed_proved_and_the_second_time_nothing_changes(site: Guarded) -> None:
    site.provision(**GIVEN)
    assert any("A test of the alerts" in text for text in site.told())
    again = site.provision(**GIVEN)
    assert again.changed == 0, again.output
    assert site.host.service(UNIT).is_enabled
    assert site.property_of("Type") == "notify"
    watched = site.host.file("/var/lib/bluegreen/apps/backend.json").content_string
    assert json.loads(watched) == {"root": str(site.card.root)}, "before it is deployed for the first time"
    assert site.property_of("WatchdogUSec") != "0"


def test_the_service_is_an_ordinary_user_and_its_secrets_are_nobodys(site: Guarded) -> None:
    pid = site.property_of("MainPID")
    assert site.host.file(f"/proc/{pid}").user == "deploy"
    credential = site.host.file("/etc/bluegreen/credentials/telegram_token")
    assert (credential.user, credential.mode) == ("root", 0o400)
    for where in ("environ", "cmdline"):
        assert TOKEN not in site.host.file(f"/proc/{pid}/{where}").content_string
    found = site.host.run(f"grep --recursive --files-with-matches {TOKEN} /var/lib/bluegreen /home/deploy /var/www")
    assert found.stdout == ""
    exposure = site.host.run(f"systemd-analyze security {UNIT} | tail -1").stdout
    memory = site.host.run(f"awk '/VmRSS/ {{print $2}}' /proc/{pid}/status").stdout
    print(f"FIGURES {exposure.strip()}; {int(memory) / 1024:.0f} MiB")
    assert "telegram: delivered" in site.bluegreen("alert-test")


def test_a_crash_loop_is_taken_back_with_nobody_there(site: Guarded) -> None:
    site.deploy("told", release="r1")
    site.deploy("told", release="r2")
    site.tell("r2", "crash")
    until(has(site, "rolled back", "Release: r2"))
    site.is_answered_by("r1", "blue")
    assert [one["event"] for one in site.entries("r2")][-1] == "bad"
    assert has(site, "crash loop", "It crashes: 3 in 60 s", "Release: r2")(), "\n\n".join(site.told())
    assert has(site, "", "SyntaxError: told to crash", "Release: r2")(), "\n\n".join(site.told())
    until(lambda: "alerted" in site.seconds("r2"))
    site.bluegreen("status")


def test_nobody_confirms(site: Guarded) -> None:
    with site.deploying("told", release="r3", soak=120, confirm_timeout=5) as deploy:
        deploy.until(lambda: site.live() == "r3")
        deploy.kill()
    until(has(site, "not confirmed in time", "Release: r3"))
    until(lambda: site.live() == "r1")
    site.is_answered_by("r1", "blue")
    site.seconds("r3")
    site.deploy("told", release="r4")
    site.is_answered_by("r4", "green")


def test_what_is_cancelled_at_the_gate_is_undone_and_not_published(site: Guarded) -> None:
    with site.deploying("told", release="cancelled", hooks={"after_gate": [["sleep", "5"]]}) as deploy:
        deploy.until(site.is_held)
        deploy.kill()
    until(lambda: [one["event"] for one in site.entries("cancelled")] == ["staged", "gated", "aborted"])
    assert site.host.run(f"test -e {site.layout.lock}").rc == 1
    site.is_answered_by("r4", "green")


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_the_guard_comes_back(site: Guarded, signal: str) -> None:
    quicken(site, UNIT, "WatchdogSec=4")
    site.host.run(f"systemctl restart {UNIT}")
    first, before = site.property_of("MainPID"), len(site.told())
    site.host.run(f"kill -{signal} {first}")
    until(lambda: site.property_of("MainPID") not in ("0", first))
    until(lambda: site.property_of("ActiveState") == "active")
    assert not any("CRITICAL" in text for text in site.told()[before:])
    site.bluegreen("status")


def test_the_daemon_comes_back_by_its_service_and_is_one(site: Guarded) -> None:
    # A container with the old cgroups tells nobody that a unit is empty, so that systemd waits this long for its end.
    quicken(site, DAEMON, "TimeoutStopSec=2")
    site.host.run(f"kill -KILL {site.property_of('MainPID', DAEMON)}")
    until(has(site, "PM2's daemon is gone"))
    until(lambda: site.answer().get("release") == "r4")
    site.is_answered_by("r4", "green")
    site.host.run("sleep 15")  # longer than who brings the daemon back has for the app
    assert site.property_of("ActiveState", DAEMON) == "active"
    assert daemons(site) == [site.property_of("MainPID", DAEMON)]
    site.is_answered_by("r4", "green")
    until(lambda: "healthy" in site.seconds("r4"))


def test_after_a_reboot_it_watches_and_cries_for_nothing(site: Guarded) -> None:
    site.reboot()
    until(lambda: site.answer().get("release") == "r4")
    site.inside(f"systemd-run --unit outside python3 /opt/outside.py {OUTSIDE}")
    until(lambda: site.property_of("ActiveState") == "active")
    assert "telegram: delivered" in site.bluegreen("alert-test")
    site.host.run("sleep 5")
    assert [text for text in site.told() if "CRITICAL" in text] == []
    site.tell("r4", "crash")
    until(has(site, "rolled back", "Release: r4"))
    site.is_answered_by("r1", "blue")
