# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of release_lock: says who asks, waits, and looks whether a holder from this machine still lives."""

from __future__ import annotations

import getpass
import os
import socket
import time
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock

POLL = 2.0  # seconds between two looks at a lock that somebody holds


class ActionModule(ActionBase):
    """Takes the lease in the name of the process that runs the playbook."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Try until the lock is ours or ``wait`` seconds are over."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = dict(self._task.args)
        wait = float(args.get("wait", 0))
        args["owner"] = self._owner(str(args.get("what", "deploy")))
        until = time.monotonic() + wait
        while True:
            found = self._execute_module(module_args=args, task_vars=task_vars)
            holder = found.get("holder")
            if not found.get("failed") or not holder:
                break
            if args.get("proven_dead") != holder["id"] and _is_gone(holder):
                args["proven_dead"] = holder["id"]
                continue
            if time.monotonic() >= until:
                break
            self._display.display(f"waiting for the lock: {found.get('msg', '')}", color="yellow")
            time.sleep(POLL)
        result.update(found, by=args["owner"]["who"])
        return result

    @staticmethod
    def _owner(what: str) -> dict[str, Any]:
        # An action plugin runs in a worker; the process whose death ends the deploy is the one that forked it.
        pid = os.getppid()
        return {
            "who": f"{getpass.getuser()}@{socket.gethostname()}",
            "what": what,
            "pid": pid,
            "boot_id": _lock.this_boot(),
            "started": _lock.started(pid),
        }


def _is_gone(holder: dict[str, Any]) -> bool:
    owner = _lock.owner_from(holder["owner"])
    return bool(owner.boot_id) and owner.boot_id == _lock.this_boot() and not _lock.is_alive(owner)
