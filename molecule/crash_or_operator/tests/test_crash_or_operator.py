# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a real PM2 says of commands by hand is never taken for a crash, and of crashes none is missed or told twice."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import Card
from ansible_collections.nodeops.pm2.molecule.crash_or_operator.lab import PATIENCE, pm2_of, until
from ansible_collections.nodeops.pm2.plugins.module_utils import _axon, _pm2
from ansible_collections.nodeops.pm2.plugins.module_utils._bus import Bus, DaemonGone, Thrown
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._exits import Crash, Exits, Survivors

# A hundred of each command in the two modes together.
PROCESSES, ROUNDS, LIVES = 10, 5, 4
# Dies in its first lives, each of them a line in a file, and then stays. What it dies of is in HOW.
APP = """
const fs = require("fs");
const lives = `${__dirname}/lives-${process.env.name}-${process.env.NODE_APP_INSTANCE}`;
const lived = fs.existsSync(lives) ? fs.readFileSync(lives).length : 0;
const doomed = process.env.HOW && lived < Number(process.env.LIVES);
if (doomed) fs.appendFileSync(lives, ".");
const ways = {
  exit: () => process.exit(1),
  well: () => process.exit(0),
  thrown: () => { throw new TypeError("thrown"); },
  rejected: () => { Promise.reject(new Error("rejected")); },
  killed: () => process.kill(process.pid, "SIGKILL"),
  aborted: () => process.abort(),
  exhausted: () => { for (const hoard = []; ; ) hoard.push(new Array(1e5).fill(hoard.length)); },
};
if (doomed && process.env.HOW === "boot") throw new Error("crashed at boot");
require("http").createServer((question, answer) => answer.end("ok")).listen(0);
if (doomed) setTimeout(ways[process.env.HOW], 50);
if (process.env.HANDLER) process.on("uncaughtException", () => undefined);
if (process.env.SLOW) process.on("SIGINT", () => setTimeout(() => process.exit(0), 250));
"""
WAYS = ("exit", "well", "thrown", "rejected", "killed", "aborted", "exhausted", "boot")


@dataclass
class Listener:
    """Listens to a bus beside the test."""

    bus: Bus
    crashes: list[Crash] = field(default_factory=list)
    thrown: list[Thrown] = field(default_factory=list)
    survived: list[Thrown] = field(default_factory=list)
    gone: list[DaemonGone] = field(default_factory=list)
    ended: bool = False

    def listen(self) -> None:
        """Until the daemon has gone, or the test has ended."""
        exits, survivors = Exits(), Survivors(patience=2.0)
        while not self.gone and not self.ended:
            self.survived += survivors.overdue(time.monotonic())
            if not select.select([self.bus], [], [], 0.1)[0]:
                continue
            for event in self.bus.read():
                crash = exits.take(event)
                survivors.take(event, time.monotonic())
                self.crashes += [crash] if crash else []
                self.thrown += [event] if isinstance(event, Thrown) else []
                self.gone += [event] if isinstance(event, DaemonGone) else []

    @property
    def counted(self) -> Counter[str]:
        """Crashes by process."""
        return Counter(crash.process for crash in self.crashes)


@dataclass
class Lab:
    """A private PM2 of one version."""

    pm2: _pm2.Pm2
    directory: Path

    def start(self, mode: str, names: list[str], *, instances: int = 1, **options: Any) -> list[int]:
        """Start the app under some names, and give the ids of all workers."""
        (self.directory / "app.js").write_text(APP, encoding="utf-8")
        same = {"script": str(self.directory / "app.js"), "cwd": str(self.directory), "max_restarts": 1000, **options}
        apps = [{"name": name, "exec_mode": mode, "instances": instances, **same} for name in names]
        for app in apps:
            app["env"] = {"LIVES": str(LIVES), **options.get("env", {}), **self.doom(app["name"])}
        config = self.directory / "apps.json"
        config.write_text(json.dumps({"apps": apps}), encoding="utf-8")
        _pm2.start(self.pm2, config, timeout=PATIENCE)
        return [record.pm_id for record in _pm2.records(self.pm2) if record.name in names]

    @staticmethod
    def doom(name: str) -> dict[str, str]:
        """What an app of that name dies of, where its name says so."""
        return {"HOW": name} if name in WAYS else {}

    def command(self, method: str, ids: list[int]) -> None:
        """One command for each of the workers, at the same time."""
        takes_options = method in ("restartProcessId", "reloadProcessId")
        requests = [(method, {"id": one} if takes_options else one) for one in ids]
        _axon.calls(self.pm2.socket, requests, timeout=PATIENCE)

    def lives(self) -> Counter[str]:
        """How many lives of each app have ended as it was doomed to."""
        counted: Counter[str] = Counter()
        for path in self.directory.glob("lives-*"):
            counted[path.name.split("-")[1]] += len(path.read_text(encoding="utf-8"))
        return counted

    def clear(self) -> None:
        """Delete every process."""
        with contextlib.suppress(_axon.NotListening):
            self.command("deleteProcessId", [record.pm_id for record in _pm2.records(self.pm2)])
        for path in self.directory.glob("lives-*"):
            path.unlink()


@pytest.fixture(scope="module")
def lab(card: Card) -> Lab:
    directory = card.directory / "lab"
    directory.mkdir()
    return Lab(pm2_of(card), directory)


@pytest.fixture
def listening(lab: Lab) -> Iterator[Callable[[], Listener]]:
    """Begins to listen; and cleans up."""
    with contextlib.ExitStack() as stack:

        def begin() -> Listener:
            listener = Listener(Bus(lab.pm2.home))
            thread = threading.Thread(target=listener.listen)
            thread.start()
            stack.callback(listener.bus.close)
            stack.callback(thread.join)
            stack.callback(setattr, listener, "ended", True)
            return listener

        yield begin
    lab.clear()


@pytest.mark.parametrize("slow", ["", "1"])
@pytest.mark.parametrize("mode", ["fork", "cluster"])
def test_commands_by_hand_are_no_crashes(lab: Lab, listening: Callable[[], Listener], mode: str, slow: str) -> None:
    names = [f"{mode}{number}" for number in range(PROCESSES if mode == "fork" else PROCESSES // 2)]
    ids = lab.start(mode, names, instances=1 if mode == "fork" else 2, env={"SLOW": slow})
    assert len(ids) == PROCESSES
    listener = listening()
    for _round in range(ROUNDS if not slow else 1):
        for method in ("restartProcessId", "reloadProcessId", "stopProcessId", "startProcessId"):
            lab.command(method, ids)
    lab.command("deleteProcessId", ids)
    # A crash at the end proves that everything before it has been heard.
    lab.start(mode, ["exit"])
    until(lambda: listener.counted["exit"] == LIVES)
    assert listener.counted == {"exit": LIVES}


@pytest.mark.parametrize("mode", ["fork", "cluster"])
def test_every_crash_is_counted_once(lab: Lab, listening: Callable[[], Listener], mode: str) -> None:
    lab.start(mode, ["healthy"])
    listener = listening()
    flags = ["--unhandled-rejections=strict", "--max-old-space-size=16"]
    lab.start(mode, list(WAYS), node_args=flags)
    until(
        lambda: len(lab.lives()) == len(WAYS) and sum(listener.counted.values()) >= len(WAYS) * LIVES,
        seen=lambda: (lab.lives(), listener.counted),
    )
    lab.command("stopProcessId", [record.pm_id for record in _pm2.records(lab.pm2)])
    assert listener.counted == lab.lives() == dict.fromkeys(WAYS, LIVES)
    signals = {crash.process: crash.signal for crash in listener.crashes}
    assert signals["killed"] == "SIGKILL"
    assert signals["aborted"] == signals["exhausted"] == "SIGABRT"
    assert signals["exit"] == ""
    # The exit code of a cluster worker is 0 to PM2, whatever it was.
    codes = {crash.code for crash in listener.crashes if crash.process in ("exit", "thrown", "boot")}
    assert codes == {1} if mode == "fork" else codes <= {0, 1}
    messages = {thrown.process: thrown.message for thrown in listener.thrown}
    assert messages["thrown"] == "TypeError: thrown"
    assert messages["boot"] == "Error: crashed at boot"


@pytest.mark.parametrize("mode", ["fork", "cluster"])
def test_commands_in_the_middle_of_a_crash_loop_add_nothing(
    lab: Lab, listening: Callable[[], Listener], mode: str
) -> None:
    lab.start(mode, ["healthy"])
    listener = listening()
    ids = lab.start(mode, ["exit"], env={"LIVES": "100"}, restart_delay=200)
    for number in range(12):
        time.sleep(0.13 + 0.03 * number)
        with contextlib.suppress(DeployError):  # PM2 refuses to start what is starting already
            lab.command("stopProcessId" if number % 2 else "restartProcessId", ids)
    lab.command("deleteProcessId", ids)
    lab.start(mode, ["thrown"])
    until(lambda: listener.counted["thrown"] == LIVES)
    # Stopped before its 50 ms were over, a life has left its mark and no crash.
    assert 0 < listener.counted["exit"] <= lab.lives()["exit"]


@pytest.mark.parametrize("mode", ["fork", "cluster"])
def test_an_exception_that_is_survived_is_told_and_is_no_crash(
    lab: Lab, listening: Callable[[], Listener], mode: str
) -> None:
    lab.start(mode, ["healthy"])
    listener = listening()
    lab.start(mode, ["thrown"], env={"HANDLER": "1"})
    until(lambda: listener.survived)
    assert [thrown.message for thrown in listener.survived] == ["TypeError: thrown"]
    assert listener.counted == {}


def test_giving_up_is_told_with_the_last_crash(lab: Lab, listening: Callable[[], Listener]) -> None:
    lab.start("fork", ["healthy"])
    listener = listening()
    lab.start("fork", ["exit"], max_restarts=3, min_uptime=10_000)
    until(lambda: any(crash.final for crash in listener.crashes))
    assert [crash.final for crash in listener.crashes] == [False, False, True]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_daemon_that_goes_is_told_and_its_apps_are_no_crashes(
    lab: Lab, listening: Callable[[], Listener], how: signal.Signals
) -> None:
    for mode in ("fork", "cluster"):
        lab.start(mode, [mode])
    listener = listening()
    daemon = _pm2.daemon_pid(lab.pm2)
    assert daemon
    os.kill(daemon, how)
    until(lambda: listener.gone)
    assert listener.counted == {}
    assert ("killed by SIGNAL" in listener.gone[0].told) == (how == signal.SIGTERM)
