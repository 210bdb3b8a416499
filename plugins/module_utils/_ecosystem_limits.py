# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Restart limits that fire. PM2 offers many that cannot.

PM2 counts a crash only when the process lived less than ``min_uptime`` and less than ``min_uptime * max_restarts``
has passed since an operator started it. With lives of L and a delay of D between them, the last of n crashes is seen
at ``n * L + (n - 1) * D``; that is in time whenever ``L + D < min_uptime``. What is left of ``min_uptime`` after
the delay is therefore the longest life that is sure to be stopped.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

SHORTEST_CAUGHT_LIFE = 1000
"""Milliseconds. A crash loop with lives this long must be stopped; PM2's own default misses it."""

_UNITS = {"": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def restart_limits(process: dict[str, Any]) -> dict[str, int]:
    """PM2's limits and delays, times in milliseconds, from the options of a process.

    Defaults: ``max_restarts`` 3, ``min_uptime`` 10 s, ``kill_timeout`` 5 s, ``restart_delay`` 0. A delay of zero is
    left out, because PM2 takes its mere presence for a delay and then says ``waiting restart`` where it gave up.
    """
    if milliseconds("exp_backoff_restart_delay", process.get("exp_backoff_restart_delay") or 0):
        raise _never_fires(
            "exp_backoff_restart_delay",
            seen="a delay that grows until no crash falls within the window any more",
            remedy="Leave it out, or use a fixed restart_delay below min_uptime.",
        )
    max_restarts = whole_number("max_restarts", process.get("max_restarts", 3))
    if max_restarts < 1:
        raise _never_fires("max_restarts", seen=f"{max_restarts}, no limit to PM2", remedy="Set 3.")
    min_uptime = milliseconds("min_uptime", process.get("min_uptime", "10s"))
    restart_delay = milliseconds("restart_delay", process.get("restart_delay") or 0)
    if min_uptime - restart_delay <= SHORTEST_CAUGHT_LIFE:  # PM2 counts a life that is shorter, not one as long
        raise _never_fires(
            "min_uptime and restart_delay",
            seen=f"min_uptime {min_uptime} ms, restart_delay {restart_delay} ms:"
            f" an app that dies {SHORTEST_CAUGHT_LIFE} ms after each start would be restarted for ever",
            remedy="Set min_uptime to 10s and restart_delay well below it, or leave both out.",
        )
    kill_timeout = milliseconds("kill_timeout", process.get("kill_timeout", 5000))
    limits = {"max_restarts": max_restarts, "min_uptime": min_uptime, "kill_timeout": kill_timeout}
    return {**limits, "restart_delay": restart_delay} if restart_delay else limits


def milliseconds(name: str, value: Any) -> int:
    """A time as PM2 writes them: a number of milliseconds, or digits with ``s``, ``m`` or ``h``."""
    match = re.fullmatch(r"(\d+)([smh]?)", str(value)) if not isinstance(value, bool) else None
    if not match:
        raise DeployError(
            f"{name} is not a time.",
            expected="milliseconds like 1600, or 10s, 5m, 1h",
            seen=repr(value),
            where="the PM2 process of the app",
            remedy=f"Correct {name}.",
        )
    return int(match[1]) * _UNITS[match[2]]


def whole_number(name: str, value: Any) -> int:
    """An integer, also when a template made a string of it."""
    if isinstance(value, bool) or not re.fullmatch(r"-?\d+", str(value)):
        raise DeployError(
            f"{name} is not a number.",
            expected="a whole number",
            seen=repr(value),
            where="the PM2 process of the app",
            remedy=f"Correct {name}.",
        )
    return int(str(value))


def _never_fires(name: str, *, seen: str, remedy: str) -> DeployError:
    return DeployError(
        f"With this {name} PM2 would never stop a crash loop.",
        expected=f"a limit that stops an app whose lives last {SHORTEST_CAUGHT_LIFE} ms",
        seen=seen,
        where="the PM2 process of the app",
        remedy=remedy,
    )
