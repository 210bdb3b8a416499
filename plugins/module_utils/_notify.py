# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells the service manager how a service is: ready, alive, what it does, stopping. Without one, nobody is told."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

READY, STOPPING, WATCHDOG = "READY=1", "STOPPING=1", "WATCHDOG=1"


class Notifier:
    """The way to the service manager, taken from the environment that it gave; it is never waited for."""

    def __init__(self, environment: Mapping[str, str], *, pid: int | None = None) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # The kernel writes an abstract address with a null byte where people write @.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        meant = environment.get("WATCHDOG_PID") in (None, str(os.getpid() if pid is None else pid))
        text = environment.get("WATCHDOG_USEC", "") if meant else ""
        self._period = int(text) / 1e6 if text.isdigit() else 0.0

    @property
    def beat(self) -> float:
        """Seconds between two signs of life, half of what the manager waits for; 0 where it waits for none."""
        return self._period / 2

    def tell(self, *lines: str) -> bool:
        """Send some of :data:`READY`, :data:`WATCHDOG`, :data:`STOPPING`; ``False`` where nobody has heard it."""
        if not self._address:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
            connection.setblocking(False)
            try:
                connection.sendto("\n".join(lines).encode(), self._address)
            except OSError:  # a manager that is busy or gone is no reason to stop watching
                return False
        return True


def status(text: str) -> str:
    """What ``systemctl status`` shows, one line."""
    return f"STATUS={' '.join(text.split())}"
