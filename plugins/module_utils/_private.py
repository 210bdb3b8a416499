# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A private place on a host: a directory with a PM2 of its own, of which nothing is left afterwards, whatever happens.

Whoever works in it may be killed; what was started outlives that. So somebody waits beside it, who ends and removes
all of it then.
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import os
import select
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _detach, _lock, _pm2, _process, _slot
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

LONGEST = 90  # bytes of its path: a unix socket's has room for 107, and PM2's lies two names below


@contextlib.contextmanager
def place(directory: Path, *, what: str, most: float) -> Iterator[tuple[Layout, str]]:
    """Make the place, lend it as an app's root together with the lease of its lock, and leave nothing of it.

    :param directory: does not exist yet, or only because a run was killed there.
    :param what: is done there, for whoever meets it.
    :param most: seconds after which it is ended even if whoever works there still lives.
    :raises DeployError: where somebody else is at work there or owns it, or something of it is left in the end.
    """
    layout = Layout(directory)
    lease = _claim(layout, what)
    reader, writer = os.pipe()
    try:
        _detach.detach(functools.partial(_wait_beside, layout, lease, reader, writer, most))
        yield layout, lease
    finally:
        _clear(layout)
        os.close(reader)
        os.close(writer)


def pm2_in(layout: Layout, *, pm2: str, node: str) -> Pm2:
    """The PM2 of the place."""
    return Pm2(layout.root / "pm2", pm2, node)


def inhabitants(directory: Path) -> set[int]:
    """Processes that were started there: they work below it, or belong to the PM2 in it."""
    below = f"{directory.resolve()}/"
    home = str(directory / "pm2")
    others = (pid for pid in _process.pids() if pid != os.getpid())
    return {
        pid
        for pid in others
        if f"{_process.cwd(pid) or ''}/".startswith(below) or _process.has_environment(pid, PM2_HOME=home)
    }


def _claim(layout: Layout, what: str) -> str:
    """Make the directory and take its lock; what a killed run left there goes first."""
    root = layout.root
    if len(os.fsencode(root)) > LONGEST:
        raise _refusal("The path is too long for a unix socket below it.", f"at most {LONGEST} bytes", str(root), root)
    try:
        root.mkdir(mode=0o700)
    except FileExistsError:
        _refuse_foreign(root)
    owner = _lock.this_process(f"{getpass.getuser()}@{os.uname().nodename}", what)
    found = _lock.held(layout.lock)
    # Whoever works there is a process of this host; none of another boot of it lives.
    gone = found.id if found is not None and found.owner.boot_id != _lock.this_boot() else ""
    try:
        lease, took_over = _lock.acquire(layout.lock, owner, ttl=float("inf"), proven_dead=gone)
    except DeployError as error:
        raise _refusal("Somebody else is at work there.", "nobody", error.seen, root) from error
    if took_over:
        _end_all(layout)
    for path in root.iterdir():
        if path != layout.lock:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return lease.id


def _refuse_foreign(root: Path) -> None:
    """Others may write to where it lies, and must not choose what is removed."""
    found = root.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        seen = f"{stat.filemode(found.st_mode)} of uid {found.st_uid}"
        raise _refusal("This is not a directory of ours.", f"drwx------ of uid {os.geteuid()}, or nothing", seen, root)


def _refusal(what: str, expected: str, seen: str, root: Path) -> DeployError:
    remedy = "Wait for them, remove it, or set bluegreen_rehearsal_dir to another path."
    return DeployError(what, expected=expected, seen=seen, where=str(root), remedy=remedy)


def _wait_beside(layout: Layout, lease: str, reader: int, writer: int, most: float) -> None:
    """Until whoever works there is done or dead, or has had its time; then clear away what is still theirs."""
    os.close(writer)
    select.select([reader], [], [], most)  # readable when the last writer is gone
    held = _lock.held(layout.lock)
    if held is not None and held.id == lease:
        _clear(layout)


def _clear(layout: Layout) -> None:
    """End and remove everything; raises where something is left."""
    _end_all(layout)
    shutil.rmtree(layout.root, ignore_errors=True)
    left = [f"pid {pid} ({_process.command(pid)})" for pid in sorted(inhabitants(layout.root))]
    left += [str(layout.root)] if layout.root.exists() else []
    if left:
        raise DeployError(
            "Something is left of what was private.",
            expected="no process and no file",
            seen=", ".join(left),
            where=str(layout.root),
            remedy="End and remove it; find out what keeps it.",
        )


def _end_all(layout: Layout) -> None:
    """Its processes and those below them, PM2's daemon first, which would start them again."""
    daemon = _pm2.daemon_pid(Pm2(layout.root / "pm2"))
    family = _slot.births(inhabitants(layout.root) | ({daemon} if daemon else set()))
    _slot.end({pid: born for pid, born in family.items() if pid == daemon})
    _slot.end(family)
    _slot.end(_slot.births(inhabitants(layout.root)))
