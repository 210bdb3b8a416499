# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is seen of a process with which all is well."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts


def healthy(release: str, **change: Any) -> ProcessFacts:
    """The process of a release, five seconds old, and what is different about it."""
    seen: dict[str, Any] = {
        "name": "shop-green",
        "found": True,
        "status": "online",
        "exec_mode": "fork",
        "pids": (100,),
        "restarts": 0,
        "exit_code": None,
        "uptime": 5.0,
        "cwds": {100: release},
        "listener_pids": (100,),
        "listener_is_ours": True,
        "listener_seen": True,
        "out_log": "",
        "err_log": "",
    }
    return ProcessFacts(**{**seen, **change})
