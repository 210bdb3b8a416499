# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What only the controller can say: which process the run is, and whether the holder of a lock still lives here."""

from __future__ import annotations

import getpass
import os
import socket
import time
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock
from ansible_collections.nodeops.pm2.plugins.plugin_utils._artifact import ArtifactAction

POLL = 2.0  # seconds between two looks at a lock that somebody holds


class OwnedAction(ArtifactAction):
    """Acts in the name of the process that runs the playbook.

    :cvar ACTION: what a person who finds the lock held is told.
    """

    ACTION = "deploy"

    def carry_out(self, args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Run the module until the lock is ours or ``wait`` seconds are over."""
        until = time.monotonic() + float(args.get("wait", 0))
        args["owner"] = owner(f"{self.ACTION} of {args.get('app') or args['root']}")
        while True:
            found: dict[str, Any] = super().carry_out(args, task_vars)
            holder = found.get("holder")
            if not found.get("failed") or not holder:
                return found
            if args.get("proven_dead") != holder["id"] and _lock.is_gone(_lock.owner_from(holder["owner"])):
                args["proven_dead"] = holder["id"]
                continue
            if time.monotonic() >= until:
                return found
            self._display.display(f"waiting for the lock: {found.get('msg', '')}", color="yellow")
            time.sleep(POLL)


def owner(what: str) -> dict[str, Any]:
    """The run: an action plugin works in a child, and what ends the run is the death of the process that forked it."""
    pid = os.getppid()
    return {
        "who": f"{getpass.getuser()}@{socket.gethostname()}",
        "what": what,
        "pid": pid,
        "boot_id": _lock.this_boot(),
        "started": _lock.started(pid),
    }
