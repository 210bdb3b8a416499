# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Record what a real PM2 says on its bus while a short story is played: ``record.py <pm2 script> <node> > 7.0.4.txt``.

A line is a frame: its two arguments as they came, parted by a tab. The environment is taken out of them, and where this
machine keeps things; frames that are of no use to anybody here are left out. The story is :func:`play`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _axon

APP = """
const how = process.env.HOW;
require("http").createServer((question, answer) => answer.end("ok")).listen(0);
if (how === "throw") setTimeout(() => { throw new TypeError("thrown later"); }, 200);
if (how === "exit") setTimeout(() => process.exit(3), 200);
"""
NOISE = (b"s:log:out", b"s:application:dependencies")
# What PM2 itself keeps of a process; everything else in an event is the process's environment.
KEPT = (
    "name", "pm_id", "status", "exit_code", "pm_uptime", "created_at", "restart_time", "unstable_restarts",
    "autorestart", "stop_exit_codes", "exec_mode", "instances", "max_restarts", "min_uptime", "restart_delay",
    "prev_restart_delay", "kill_retry_time", "treekill", "pm_cwd", "pm_exec_path", "watch", "namespace", "version",
)  # fmt: skip


def main(pm2: str, node: str) -> None:
    """Play, then print."""
    with tempfile.TemporaryDirectory(prefix="bus-") as directory:
        place = Path(directory)
        Path(place, "app.js").write_text(APP, encoding="utf-8")
        environment = {"PATH": os.environ["PATH"], "HOME": directory, "PM2_HOME": directory, "SECRET": "hush"}
        environment["PM2_DISABLE_VERSION_CHECK"] = "true"

        def cli(*arguments: str) -> None:
            command = [node, pm2, *arguments]
            subprocess.run(command, cwd=place, env=environment, stdout=subprocess.DEVNULL, check=True)

        cli("ping")
        with recording(place / "pub.sock") as frames:
            play(cli, place)
        for topic, payload in frames:
            if topic not in NOISE:
                print(f"{topic.decode()}\t{scrub(payload.decode(), directory)}")


def play(cli: Any, place: Path) -> None:
    """A start, every command of an operator, every kind of crash, and the end of the daemon."""
    apps = [
        {"name": "demo-fork", "script": "app.js"},
        {"name": "demo-cluster", "script": "app.js", "instances": 2, "exec_mode": "cluster"},
        {"name": "demo-throw", "script": "app.js", "env": {"HOW": "throw"}, "max_restarts": 2, "min_uptime": 5000},
        {"name": "demo-last", "script": "app.js", "env": {"HOW": "exit"}, "stop_exit_codes": [3]},
    ]
    Path(place, "demo.json").write_text(json.dumps({"apps": apps}), encoding="utf-8")
    cli("start", "demo.json")
    time.sleep(2)
    for command in ("restart", "reload", "stop", "start"):
        cli(command, "demo-fork")
    cli("reload", "demo-cluster")
    for record in _axon.call(place / "rpc.sock", "getMonitorData"):
        if record["pid"] and record["pm_id"] in (0, 1):
            os.kill(record["pid"], signal.SIGKILL)
    time.sleep(1)
    cli("delete", "demo-fork")
    cli("kill")


@contextlib.contextmanager
def recording(path: Path) -> Iterator[list[list[bytes]]]:
    """The frames that come in until the daemon has gone."""
    found: list[list[bytes]] = []
    reader, bus = _axon.Frames(), _axon.connect(path, timeout=60)

    def read() -> None:
        while chunk := bus.recv(1 << 16):
            found.extend(reader.feed(chunk))

    thread = threading.Thread(target=read)
    thread.start()
    yield found
    thread.join()
    bus.close()


def scrub(payload: str, directory: str) -> str:
    """A payload without a trace of the machine it was recorded on."""
    mark, document = payload[:2], json.loads(payload[2:].replace(directory, "/srv/demo"))
    process = document.get("process", {})
    if "pm_uptime" in process:
        document["process"] = {key: value for key, value in process.items() if key in KEPT}
    return mark + json.dumps(document, separators=(",", ":"))


if __name__ == "__main__":
    main(*sys.argv[1:3])
