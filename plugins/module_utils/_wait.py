# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waiting for something to come true, and no longer than that."""

from __future__ import annotations

import time
from collections.abc import Callable

_POLL = 0.05  # seconds


def until(done: Callable[[], bool], seconds: float) -> bool:
    """Whether ``done`` came true within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)
    return True
