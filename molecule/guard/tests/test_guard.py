# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""With nobody awake: what dies is taken back, what cannot be is stopped, and people are told, once and in time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import PROJECT, REFUSED
from ansible_collections.nodeops.pm2.molecule.shared.outside import Answer
from ansible_collections.nodeops.pm2.plugins.module_utils import _incident, _lock, _pm2
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

if TYPE_CHECKING:
    from ansible_collections.nodeops.pm2.molecule.guard.tests.conftest import Watched

pytestmark = pytest.mark.usefixtures("as_users_see_it")

NODE = PROJECT / ".venv/node/bin/node"
PM2 = PROJECT / ".cache/pm2/node_modules/pm2/bin/pm2"
BAKED = 31 * 60


def test_it_is_not_installed_where_nobody_can_be_told(watched: Watched) -> None:
    nobody: dict[str, Any] = {"telegram": {}, "twilio": {}, "webhook": {}}
    assert "The guard has nobody to tell." in watched.install(ends=REFUSED, **nobody)
    wrong = {"token": "123456789:AAF-wrong-token-0123456789abcdefghij", "chat": "-1001234567890"}
    output = watched.install(ends=REFUSED, telegram={**wrong, "base_url": watched.outside.url})
    said = output.partition("not every channel delivers its test:")[2]
    assert said.split()[0] == "telegram:", "the channel and its words are the message"
    assert "token" in said, "it has to be said what is wrong"
    assert "AAF-wrong-token" not in output


def test_every_channel_is_proved_when_it_is_installed(watched: Watched) -> None:
    watched.install()
    assert watched.told("A test of the alerts")
    assert len(watched.messages("twilio")) == 2, "once with the wrong token, once with the right one"
    assert [one.body["kind"] for one in watched.messages("hook")].count("test") == 2
    again = watched.install()
    assert "Start the guard" not in again, "it was the same already"
    assert "telegram: delivered" in watched.run("alert-test")


def test_deploys_are_told(watched: Watched) -> None:
    watched.deploy("r1")
    watched.deploy("r2")
    watched.app.deploy("crash_at_boot", release="broken", guard_dir=str(watched.directory), ends=REFUSED)
    watched.until(lambda: "Release: broken" in watched.told("release refused"))
    assert "broken is refused in slot blue by crashed_at_boot" in watched.told("release refused")
    assert "watched by a guard that tells telegram, sms to ...4567, webhook, tried" in watched.run("status")
    watched.until(lambda: watched.messages("ping"))


def test_a_crash_loop_is_taken_back(watched: Watched) -> None:
    sms = len(watched.messages("twilio"))
    watched.tell("r2", "crash")
    watched.until(lambda: watched.app.live() == "r1")
    watched.until(lambda: watched.told("rolled back"))
    watched.app.is_answered_by("r1", "blue")
    assert watched.app.events("r2")[-1] == "bad"
    alert = watched.told("crash loop")
    for part in ("CRITICAL backend on", "Release: r2 (commit ", "SyntaxError: told to crash", "It crashes: 3 in 60 s"):
        assert part in alert
    assert "bluegreen history backend" in alert
    assert "Rolled back to r1." in watched.told("rolled back")
    assert "Live now: r1 in blue" in watched.told("rolled back")
    watched.until(lambda: len(watched.messages("twilio")) > sms)
    watched.until(lambda: "alerted" in watched.incident("crash_loop", "r2").times)
    figures = watched.figures("crash_loop", "r2")
    assert {"detected", "alerted", "quenched", "rolled_back", "healthy"} <= set(figures)
    incident = watched.incident("crash_loop", "r2")
    assert any("told to crash" in line for line in incident.evidence.stderr)
    assert "PORT" in incident.evidence.environment
    assert not watched.app.listeners("green")


def test_another_is_deployed_over_it_and_crashes_ten_minutes_later(watched: Watched) -> None:
    watched.deploy("r3")
    watched.age("r3", 600)
    watched.tell("r3", "crash")
    watched.until(lambda: watched.app.live() == "r1")
    watched.until(lambda: "Release: r3" in watched.told("rolled back"))
    assert "10 min after it was published" in watched.told("crash loop")
    watched.figures("crash_loop", "r3")


def test_one_that_hangs_is_taken_back(watched: Watched) -> None:
    watched.deploy("r4", health={"path": "/health", "timeout": 1})
    watched.tell("r4", "hang")
    watched.until(lambda: watched.app.live() == "r1")
    watched.until(lambda: "Release: r4" in watched.told("rolled back"))
    watched.app.is_answered_by("r1", "blue")
    assert "It gave 3 bad answers in a row" in watched.told("no good answer")
    watched.figures("health_lost", "r4")


def test_later_a_loop_is_stopped_and_told(watched: Watched) -> None:
    watched.deploy("r5")
    watched.age("r5", BAKED)
    watched.tell("r5", "crash")
    watched.until(lambda: "quenched" in watched.app.events("r5"))
    assert watched.app.live() == "r5"
    assert "longer than the bake" in watched.told("crash loop")
    assert not watched.app.listeners("green")
    watched.until(lambda: "Release: r5" in watched.told("nothing answers now"))
    assert "Do next: bluegreen rollback --app backend" in watched.told("nothing answers now")
    watched.run("status", ends=3)
    watched.run("rollback")
    watched.app.is_answered_by("r1", "blue")


def test_a_database_that_is_down_is_not_cured_by_older_code(watched: Watched) -> None:
    watched.deploy("r6")
    watched.tell("r6", "refused")
    watched.until(lambda: "Release: r6" in watched.told("a service that it needs refuses connections"))
    time.sleep(3)
    assert watched.app.live() == "r6"
    watched.tell("r6", "")
    watched.until(lambda: watched.app.answer().get("release") == "r6")
    watched.until(lambda: "RESOLVED" in watched.told("a service that it needs"), seconds=120)
    assert "Done: It was started again." in watched.told("a service that it needs")


def test_restarts_and_reloads_by_hand_are_nobodys_alarm(watched: Watched) -> None:
    before = len(watched.messages())
    environment = {"PATH": f"{NODE.parent}:/usr/bin:/bin", "PM2_HOME": str(watched.app.card.pm2_home)}
    for command in ("restart", "reload") * 5:
        argv = [str(NODE), str(PM2), command, watched.process().name]
        subprocess.run(argv, cwd="/", env=environment, check=True, stdout=subprocess.DEVNULL)
    watched.until(watched.app.answer)
    time.sleep(3)
    assert watched.texts()[before:] == []
    assert watched.app.live() == "r6"


def test_what_a_person_stops_is_left_so_and_told(watched: Watched) -> None:
    environment = {"PATH": f"{NODE.parent}:/usr/bin:/bin", "PM2_HOME": str(watched.app.card.pm2_home)}
    name = watched.process().name
    for command, there in (("stop", False), ("start", True)):
        argv = [str(NODE), str(PM2), command, name]
        subprocess.run(argv, cwd="/", env=environment, check=True, stdout=subprocess.DEVNULL)
        if not there:
            watched.until(lambda: watched.told("somebody has stopped it"))
            time.sleep(5)
            assert not watched.app.answer()
    watched.until(lambda: watched.app.answer().get("release") == "r6")


def test_the_daemon_is_killed_and_the_live_release_comes_back(watched: Watched) -> None:
    daemon = _pm2.daemon_pid(Pm2(watched.app.card.pm2_home))
    assert daemon
    os.kill(daemon, signal.SIGKILL)
    watched.until(lambda: watched.told("PM2's daemon is gone"))
    watched.until(lambda: watched.app.answer().get("release") == "r6")
    watched.until(lambda: "healthy" in watched.incident("daemon_gone", "r6").times)
    watched.figures("daemon_gone", "r6")


def test_nobody_confirms(watched: Watched) -> None:
    with watched.app.deploying("told", release="r7", soak=60, confirm_timeout=5) as deploy:
        deploy.until(lambda: watched.app.live() == "r7")
        deploy.kill()
    watched.until(lambda: watched.app.live() == "r6")
    watched.until(lambda: "Release: r7" in watched.told("not confirmed in time"))
    watched.until(lambda: watched.app.events("r7")[-1] == "aborted")
    watched.until(lambda: _lock.held(watched.app.layout.lock) is None)
    watched.until(lambda: "alerted" in watched.incident("unconfirmed", "r7").times)
    watched.figures("unconfirmed", "r7")
    watched.deploy("r8", lock_wait=0)
    assert watched.app.live() == "r8"


def test_one_that_fails_its_soak_is_told_as_taken_back(watched: Watched) -> None:
    with watched.app.deploying("told", release="late", soak=60, guard_dir=str(watched.directory)) as deploy:
        deploy.until(lambda: watched.app.live() == "late")
        watched.tell("late", "crash")
        deploy.end(ends=REFUSED)
    watched.until(lambda: "Release: late" in watched.told("release taken back"))
    told = watched.told("release taken back")
    assert "It had been live for " in told
    assert "Done: It was taken back.\nLive now: r8 in " in told


def test_the_guard_is_killed_while_it_takes_back(watched: Watched) -> None:
    watched.deploy("r9")
    watched.tell("r9", "crash")
    watched.until(lambda: "bad" in watched.app.events("r9"))
    watched.end(signal.SIGKILL)
    assert "NOT run" in watched.run("status", ends=3)
    watched.start()
    watched.until(lambda: watched.app.answer().get("release") not in (None, "r9"))
    assert watched.app.live() == "r8"
    watched.until(lambda: _lock.held(watched.app.layout.lock) is None)
    watched.until(lambda: "Live now: r8 in " in watched.told("what a guard had begun before it died"))


def test_nothing_is_lost_and_nothing_doubled_while_the_chat_is_away(watched: Watched) -> None:
    before = len(watched.messages())
    away = [Answer(status=500), Answer(close="early"), Answer(status=429, headers={"Retry-After": "2"})]
    watched.outside.script("telegram", *away, Answer(delay=12))
    watched.app.deploy("release-1", release="r10", guard_dir=str(watched.directory))
    watched.until(lambda: "Release: r10" in watched.told("release confirmed"), seconds=120)
    new = [one.body["text"] for one in watched.messages()[before:]]
    for title in ("deploy started", "release confirmed"):
        found = [text for text in new if title in text.splitlines()[0] and "Release: r10" in text]
        assert len(found) == 1 or all("Perhaps sent before" in text for text in found[1:]), new


def test_what_it_goes_back_to_is_broken_too(watched: Watched) -> None:
    watched.deploy("r11")
    watched.tell("r10", "crash")  # it does not listen to that
    watched.deploy("r12")
    watched.tell("r11", "crash")
    watched.tell("r12", "crash")
    watched.until(lambda: _lock.frozen(watched.app.layout.root), seconds=120)
    watched.until(lambda: "Release: r12" in watched.told("frozen until somebody has looked"))
    told = watched.told("frozen until somebody has looked")
    assert "It could not be taken back, so the app was frozen" in told
    assert "bluegreen rollback --unfreeze --app backend" in told
    moves, before = watched.app.events().count("published"), len(watched.messages())
    time.sleep(40)
    assert watched.app.events().count("published") == moves, "nothing goes back and forth"
    assert not any("RESOLVED" in title for title in watched.texts()[before:]), "nothing is over"
    shared: dict[str, Any] = {"guard_dir": str(watched.directory)}
    assert "The app is frozen" in watched.app.deploy("release-1", release="r13", **shared, ends=REFUSED).output
    watched.until(lambda: "The app is frozen" in watched.told("release refused"))
    watched.run("unfreeze")
    watched.app.deploy("release-1", release="r13", **shared)
    assert watched.app.live() == "r13"
    watched.until(lambda: "RESOLVED" in watched.told("frozen until"), seconds=120)
    assert "The freeze was lifted by " in watched.told("frozen until")
    watched.until(lambda: "RESOLVED" in watched.told("crash loop"), seconds=120)
    assert "Live now: r13 in" in watched.told("crash loop")


def test_the_command_tells_and_does_what_a_person_needs(watched: Watched) -> None:
    told = json.loads(watched.run("--json", "status"))
    assert (told["good"], told["state"]["live"], told["serves"]) == (True, "r13", True)
    history = watched.run("history", "--last", "200")
    assert "crash_loop" in history
    assert "detected after" in history
    watched.run("freeze", "we are at lunch")
    assert "FROZEN: we are at lunch" in watched.run("status", ends=3)
    refused = watched.run("rollback", ends=1)
    assert "seen: frozen by " in refused
    assert ": we are at lunch" in refused
    assert "bluegreen rollback --unfreeze" in refused
    watched.run("unfreeze")
    watched.run("--app", "nobody", "status", ends=1)
    watched.run("no-such-command", ends=2)
    with watched.app.deploying("release-2", release="r14", soak=60) as deploy:
        deploy.until(lambda: watched.app.live() == "r14")
        assert "holds the app's lock" in watched.run("rollback", ends=4)


def test_a_torn_ledger_and_a_spoilt_record_do_not_blind_it(watched: Watched) -> None:
    with watched.app.layout.ledger.open("a", encoding="utf-8") as ledger:
        ledger.write('{"at": "2026-01-01T00:00:00.000Z", "event": "go')
    (watched.app.layout.root / "incidents/half.json").write_text("{", encoding="utf-8")
    (watched.directory / "told.json").write_text("nonsense", encoding="utf-8")
    watched.end()
    watched.start()
    watched.deploy("r15", lock_wait=0)
    watched.tell("r15", "crash")
    watched.until(lambda: "Release: r15" in watched.told("rolled back"))
    assert _incident.read(watched.app.layout.root)[1] == ["half.json"]
