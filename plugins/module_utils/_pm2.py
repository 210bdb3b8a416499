# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PM2: what it says over its socket, and the one command that has to go through its CLI.

Every CLI call, ``pm2 --version`` included, starts a daemon where none runs; reading therefore never uses it.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _axon
from ansible_collections.nodeops.pm2.plugins.module_utils._command import SYSTEM_PATH, minimal_environment, run
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json


@dataclass(frozen=True)
class Pm2:
    """Which PM2: its home, the ``pm2`` script, the ``node`` that runs it; bare names mean the system's path."""

    home: Path
    pm2: str = "pm2"
    node: str = "node"

    @property
    def socket(self) -> Path:
        return self.home / "rpc.sock"


@dataclass(frozen=True)
class Record:
    """What PM2 claims about one process; nothing in it proves that the process lives or serves.

    :param pid: 0 where there is none.
    :param restarts: operators' restarts included.
    :param started_at: epoch seconds of the last start.
    :param cwd: as configured, symlinks unresolved.
    :param exec_mode: ``fork`` or ``cluster``.
    :param exit_code: of the last exit; ``None`` before the first one.
    """

    name: str
    pm_id: int
    pid: int
    status: str
    restarts: int
    unstable_restarts: int
    started_at: float | None
    cwd: str
    script: str
    exec_mode: str
    interpreter: str
    exit_code: int | None
    out_log: str
    err_log: str


def parse_records(answer: list[dict[str, Any]]) -> list[Record]:
    """Typed records of a ``getMonitorData`` or ``jlist`` answer; the environment in it is left behind."""
    return [_parse_record(item, item["pm2_env"]) for item in answer]


def _parse_record(item: dict[str, Any], env: dict[str, Any]) -> Record:
    uptime = env.get("pm_uptime")
    exit_code = env.get("exit_code")
    return Record(
        name=str(item["name"]),
        pm_id=int(item["pm_id"]),
        pid=int(item.get("pid") or 0),
        status=str(env.get("status", "")),
        restarts=int(env.get("restart_time") or 0),
        unstable_restarts=int(env.get("unstable_restarts") or 0),
        started_at=None if uptime is None else uptime / 1000,
        cwd=str(env.get("pm_cwd", "")),
        script=str(env.get("pm_exec_path", "")),
        exec_mode=str(env.get("exec_mode", "")).replace("_mode", ""),
        interpreter=str(env.get("exec_interpreter", "")),
        exit_code=exit_code if isinstance(exit_code, int) else None,
        out_log=str(env.get("pm_out_log_path", "")),
        err_log=str(env.get("pm_err_log_path", "")),
    )


def records(pm2: Pm2, *, timeout: float = 10.0) -> list[Record]:
    """All of PM2's records; none when no daemon runs, and none is started."""
    try:
        return parse_records(_axon.call(pm2.socket, "getMonitorData", timeout=timeout))
    except _axon.NotListening:
        return []


def daemon_pid(pm2: Pm2) -> int | None:
    """The pid of the daemon that serves this home; ``None`` when none does, whatever a stale pid file says."""
    return _axon.peer_pid(pm2.socket)


def daemon_version(pm2: Pm2) -> str | None:
    """The version of the running daemon, which may be older than the installed one; ``None`` when none runs."""
    try:
        return str(_axon.call(pm2.socket, "getVersion"))
    except _axon.NotListening:
        return None


def version(pm2: Pm2) -> str:
    """The installed version, from the package that the ``pm2`` script belongs to."""
    script = Path(_executable(pm2.pm2)).resolve()
    for directory in script.parents:
        package = read_json(directory / "package.json")
        if isinstance(package, dict) and package.get("name") == "pm2":
            return str(package["version"])
    raise DeployError(
        "The version of PM2 cannot be told.",
        expected="the pm2 script inside the npm package of that name",
        seen="no package.json of pm2 above it",
        where=str(script),
        remedy="Set pm2_bin to node_modules/pm2/bin/pm2 of the installed package.",
    )


def node_version(node: str) -> str:
    """What ``node --version`` says, without its ``v``."""
    output = run([_executable(node), "--version"], timeout=20)
    if output.code != 0:
        raise DeployError("Node.js does not run.", seen=output.tail(), where=node, remedy="Install it again.")
    return output.stdout.strip().lstrip("v")


def start(pm2: Pm2, config: Path, *, timeout: float) -> None:
    """``pm2 start`` of an ecosystem file, and of the daemon where none runs; exit code 0 proves nothing about the app.

    The daemon and the app inherit the CLI's environment and the daemon its working directory, for as long as they live:
    so both are bare. PM2 calls home for updates from a home without ``touch`` and, from 7.0, from a running daemon.
    """
    pm2.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (pm2.home / "touch").touch()
    node = _executable(pm2.node)
    environment = minimal_environment(
        first_in_path=[Path(node).parent], PM2_HOME=str(pm2.home), PM2_DISABLE_VERSION_CHECK="true"
    )
    output = run([*_cli(pm2, node), "start", str(config), "--no-color"], cwd="/", env=environment, timeout=timeout)
    if output.code != 0:
        raise DeployError(
            "PM2 refused to start the release.",
            expected="exit code 0",
            seen=f"exit code {output.code}: {output.tail()}",
            where=str(config),
            remedy="Correct what PM2 names: a missing script, a missing interpreter, an option of the wrong type.",
        )


def remove(pm2: Pm2, name: str, *, timeout: float) -> None:
    """Stop, then delete, every process of that name, and wait until PM2 has seen them end.

    :param timeout: seconds for either; the app's own ``kill_timeout`` is part of it.
    """
    identifiers = [record.pm_id for record in records(pm2) if record.name == name]
    with contextlib.suppress(_axon.NotListening):
        for method in ("stopProcessId", "deleteProcessId"):
            _axon.calls(pm2.socket, [(method, identifier) for identifier in identifiers], timeout=timeout)


def _cli(pm2: Pm2, node: str) -> Sequence[str]:
    """How to run the CLI: a path is a script for ``node``; a bare name may be anything that runs."""
    return [node, pm2.pm2] if "/" in pm2.pm2 else [_executable(pm2.pm2)]


def _executable(name: str) -> str:
    path = name if "/" in name else shutil.which(name, path=SYSTEM_PATH)
    if path is None or not Path(path).exists():
        raise DeployError(
            f"There is no {name}.",
            expected="an installed program",
            seen=f"nothing of that name in {SYSTEM_PATH}" if path is None else "no such file",
            remedy="Install it (the runtime role does), or set pm2_bin and node_bin to where it is.",
        )
    return path
