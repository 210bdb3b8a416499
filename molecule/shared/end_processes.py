# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""End what an embedded host left running: ``end_processes.py <directory of the host>``.

A process belongs to the host when its PM2_HOME lies in the host's directory (PM2's daemon, and every app under it,
orphans included), or when a pid file there names it and it mentions that directory itself: pids are used again.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

PATIENCE = 5.0


def main(directory: Path) -> int:
    """0 when nothing is left; 1 when something outlived SIGKILL."""
    deadline = time.monotonic() + PATIENCE
    while remaining := belonging_to(directory):
        late = time.monotonic() > deadline
        if time.monotonic() > deadline + PATIENCE:
            print(f"still there: {sorted(remaining)}", file=sys.stderr)
            return 1
        for pid in remaining:
            end(pid, signal.SIGKILL if late else signal.SIGTERM)
        time.sleep(0.1)
    return 0


def belonging_to(directory: Path) -> set[int]:
    """The pids of the host's processes, zombies left out."""
    home = f"\0PM2_HOME={directory}/".encode()
    by_home = {pid for pid in pids() if home in b"\0" + read(pid, "environ")}
    return by_home | {pid for pid in recorded(directory) if mentions(pid, f"{directory}/".encode())}


def pids() -> set[int]:
    """Every process there is."""
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def recorded(directory: Path) -> set[int]:
    """The pids that pid files below ``directory`` name."""
    written = {path.read_text(encoding="utf-8").strip() for path in directory.rglob("*.pid") if path.is_file()}
    return {int(text) for text in written if text.isdigit()}


def mentions(pid: int, text: bytes) -> bool:
    """Whether the command line or the environment of ``pid`` has ``text`` in it."""
    return text in read(pid, "cmdline") or text in read(pid, "environ")


def read(pid: int, name: str) -> bytes:
    """A file of ``/proc/<pid>``; empty when the process is gone, a zombie, or another user's."""
    try:
        return Path("/proc", str(pid), name).read_bytes()
    except OSError:
        return b""


def end(pid: int, number: signal.Signals) -> None:
    """Send a signal, and say so."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    print(f"{number.name} {pid}")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
