# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a dead run has left working on this host: its last module does not notice that nobody listens any more.

It ends by itself at its next proof of the lock, once somebody else has that; until then it may still write a file or
start a process. Whoever takes the lock over waits for it, so that two never work on one app at a time.
"""

from __future__ import annotations

import contextlib
import os
import signal

from ansible_collections.nodeops.pm2.plugins.module_utils import _process, _wait
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

PATIENCE = 30.0  # seconds: a start, a question or a hook has ended by then, an installation may have not
_LAST_WORDS = 5.0  # seconds that the kernel may take to end it


def outlast(pid: int, started: int, *, patience: float = PATIENCE) -> str:
    """Wait until process ``pid`` has ended, and end it with all that it started where it takes too long.

    :param started: its start time in clock ticks since boot, so that a reused pid is never hit.
    :returns: a sentence on it, ``''`` where it does not run.
    :raises DeployError: where it is another user's.
    """

    if pid == os.getpid() or _is_over(pid, started):
        return ""
    what = f"What it had left running here (pid {pid})"
    if _wait.until(lambda: _is_over(pid, started), patience):
        return f"{what} has come to its end."
    family = {each: _process.start_time(each) for each in (pid, *_process.descendants(pid))}
    for each in family:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(each, signal.SIGKILL)
    # It can be killed anywhere: what it leaves is tidied up next.
    if not _wait.until(lambda: all(_is_over(each, birth) for each, birth in family.items()), _LAST_WORDS):
        raise DeployError(
            "A run that lost the lock still works on this host.",
            expected=f"an end of process {pid} within {patience:g} s",
            seen=_process.command(pid) or "a process of another user",
            remedy="End it as its user, then run again.",
        )
    return f"{what} was ended after {patience:g} s."


def _is_over(pid: int, started: int | None) -> bool:
    return started is None or _process.start_time(pid) != started
