# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which slots an app has, from what its user says about ports and sockets; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

NAMES = {"edge": ("blue", "green"), "restart": ("main", "spare")}
APP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


def slots(app: str, *, strategy: str, listen: str, ports: Mapping[str, Any], run_dir: str) -> list[dict[str, str]]:
    """The two slots of an app, as the option ``slots`` of the modules takes them.

    :param app: its name, the stem of the PM2 names.
    :param strategy: ``edge`` has blue and green behind a proxy; ``restart`` has the main process and a spare port.
    :param listen: ``port`` or ``socket``; a socket needs an edge to dial it.
    :param ports: TCP port by slot name; not looked at where the app listens on sockets.
    :param run_dir: where the edge dials the slots' sockets.
    :raises DeployError: when a name is no name, a port is missing, no port, or given twice.
    """
    if not APP.fullmatch(app):
        raise DeployError(
            "bluegreen_app cannot be the name of a process.",
            expected="1 to 63 letters, digits, underscores and hyphens, beginning with a letter or digit",
            seen=repr(app),
        )
    if strategy not in NAMES or listen not in ("port", "socket") or (strategy, listen) == ("restart", "socket"):
        raise DeployError(
            "bluegreen_strategy and bluegreen_listen do not go together.",
            expected="edge with port or socket, or restart with port",
            seen=f"{strategy} with {listen}",
        )
    names = NAMES[strategy]
    addresses = _sockets(names, run_dir) if listen == "socket" else _ports(names, ports)
    return [
        {
            "name": name,
            "process": app if name == "main" else f"{app}-{name}",
            "address": addresses[name],
            "socket": f"{run_dir}/{name}.sock" if strategy == "edge" else "",
        }
        for name in names
    ]


def _sockets(names: tuple[str, ...], run_dir: str) -> dict[str, str]:
    return {name: f"unix:{run_dir}/{name}.sock" for name in names}


def _ports(names: tuple[str, ...], ports: Mapping[str, Any]) -> dict[str, str]:
    found = {name: _port(name, ports.get(name)) for name in names}
    if len(set(found.values())) < len(found):
        raise DeployError(
            "Both slots have the same port, so both could never run.",
            expected=f"different ports for {' and '.join(names)} in bluegreen_ports",
            seen=", ".join(f"{name} {port}" for name, port in found.items()),
        )
    return {name: f"127.0.0.1:{port}" for name, port in found.items()}


def _port(name: str, value: Any) -> int:
    try:
        port = int(str(value))
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise DeployError(
            f"bluegreen_ports has no usable port for {name}.",
            expected="a whole number from 1 to 65535",
            seen="nothing" if value is None else repr(value),
            remedy="Give a port each, such as {blue: 3001, green: 3002}, or {main: 3000, spare: 3001} without an edge.",
        )
    return port
