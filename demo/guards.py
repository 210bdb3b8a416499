# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a guard costs a host with several apps, and whether it cries for nothing while people restart them by hand.

``GUARD_SECONDS`` is how long it is looked at (default 600).
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import story

from ansible_collections.nodeops.pm2.molecule.shared.outside import CHAT, TOKEN, Outside
from ansible_collections.nodeops.pm2.plugins.module_utils import _registry

if TYPE_CHECKING:
    from bench import Bench

APPS = 5
RESTARTS = 100
_TICKS = os.sysconf("SC_CLK_TCK")


def report(bench: Bench) -> None:
    """Deploy the apps, have a guard watch them, restart and reload them by hand, and count."""
    seconds = float(os.environ.get("GUARD_SECONDS", "600"))
    directory = bench.directory / "guard"
    with Outside() as outside:
        bench.play("guard", **options_of(outside.url))
        processes = [deploy(bench, number) for number in range(APPS)]
        pid = guard_of(directory)
        time.sleep(5)
        before, began, told = cpu(pid), time.monotonic(), len(outside.of("telegram"))
        most = 0.0
        try:
            for turn in range(RESTARTS):
                pm2(bench, ("restart", "reload")[turn % 2], processes[turn % APPS])
                most = max(most, memory(pid))
                time.sleep(max(0.0, began + seconds * (turn + 1) / RESTARTS - time.monotonic()))
            took, used = time.monotonic() - began, cpu(pid) - before
            alerts = [str(one.body["text"]).splitlines()[0] for one in outside.of("telegram")[told:]]
        finally:
            bench.play("guard", guard_state="stopped", **options_of(outside.url))
    print(
        f"  {APPS} apps for {took:.0f} s, {RESTARTS} restarts and reloads by hand: {len(alerts)} alerts {alerts or ''}"
    )
    print(f"  memory at most {most:.1f} MiB, {100 * used / took:.2f} % of a core")


def guard_of(directory: Path) -> int:
    """The pid of the guard that runs there."""
    there = _registry.present(directory)
    if there is None or not there.alive:
        raise RuntimeError(f"no guard runs in {directory}")
    return there.owner.pid


def options_of(url: str) -> dict[str, Any]:
    """The demo's guard, that tells a Telegram of our own."""
    return {**story.guard(""), "guard_webhook": {}, "guard_telegram": {"token": TOKEN, "chat": CHAT, "base_url": url}}


def deploy(bench: Bench, number: int) -> str:
    """Deploy an app without an edge; the name of its process."""
    name, port = f"app{number}", 17410 + 2 * number
    bench.deploy(
        "release-1",
        bluegreen_app=name,
        bluegreen_root=f"{bench.directory}/{name}",
        bluegreen_strategy="restart",
        bluegreen_ports={"main": port, "spare": port + 1},
        bluegreen_edge_url=f"http://127.0.0.1:{port}",
        bluegreen_guard_dir=f"{bench.directory}/guard",
    )
    return name


def pm2(bench: Bench, command: str, process: str) -> None:
    """As a person at the host's shell."""
    program = bench.directory / "tools/node_modules/pm2/bin/pm2"
    argv = [f"{story.PROJECT}/.venv/node/bin/node", str(program), command, process]
    environment = {"PM2_HOME": str(bench.directory / "pm2"), "PATH": os.environ["PATH"]}
    subprocess.run(argv, cwd="/", env=environment, check=True, stdout=subprocess.DEVNULL)


def cpu(pid: int) -> float:
    """Seconds of a core that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int) -> float:
    """MiB that a process occupies."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
