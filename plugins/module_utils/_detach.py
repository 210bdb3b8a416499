# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Going on in a process of its own, which outlives the caller and holds nothing of it but its code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path


def detach(act: Callable[[], object], *, log: Path = Path(os.devnull)) -> None:
    """Run ``act`` in the background and return at once.

    :param log: what it prints goes to the end of this file.
    """
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    code = 1
    try:
        os.chdir("/")
        nothing = os.open(os.devnull, os.O_RDONLY)
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for stream, descriptor in ((0, nothing), (1, output), (2, output)):
            os.dup2(descriptor, stream)
        act()
        sys.stderr.flush()
        code = 0
    finally:
        if code:
            sys.excepthook(*sys.exc_info())  # into the log: nobody else would ever hear of it
            sys.stderr.flush()
        os._exit(code)  # never back into the caller's code, whatever happened
