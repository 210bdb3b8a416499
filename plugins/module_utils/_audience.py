# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether anybody still waits for what a task says: a process on a host outlives the ssh client that has started it."""

from __future__ import annotations

import select

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock

_STDOUT = 1
_BROKEN = select.POLLERR | select.POLLHUP


def is_waiting(owner: _lock.Owner | None, *, stdout: int = _STDOUT) -> bool:
    """Whether whoever ran the task is there, as far as this host can tell.

    On the controller's own machine ``owner``, the process of the run, is looked for. Elsewhere the connection tells:
    where it has ended, nobody holds the other end of ``stdout``. Of a ``stdout`` that is closed nothing is known.
    """
    if owner is not None and _lock.is_gone(owner):
        return False
    poll = select.poll()
    poll.register(stdout, 0)  # what is asked of it is only whether it is broken, which is told unasked
    return not any(event & _BROKEN for _descriptor, event in poll.poll(0))
