# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads the facts of a host that the rules of a check ask for. Changes nothing and starts no PM2 daemon."""

from __future__ import annotations

import contextlib
import os
import platform
import posixpath
import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _manifest, _pm2, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._command import (
    SYSTEM_PATH,
    Output,
    minimal_environment,
    run,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, ReleaseTree, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_env import env_keys, switched_on
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry, EnvFile, Holder, Host, Program
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree


def read_host(
    layout: Layout,
    pm2: Pm2,
    tree: Tree,
    entry: Entry,
    *,
    slots: Sequence[Slot],
    env_file: str,
    shared_files: Sequence[str],
) -> Host:
    """All facts at once; a program that is missing is a fact, no error."""
    where = _existing(layout.root)
    room = os.statvfs(where)
    shared = [layout.shared / name for name in shared_files]
    return Host(
        uid=os.geteuid(),
        root_uid=layout.root.stat().st_uid if layout.root.exists() else None,
        writable=os.access(where, os.W_OK | os.X_OK),
        where=str(where),
        free_bytes=room.f_bavail * room.f_frsize,
        free_inodes=room.f_favail if room.f_files else None,
        node=_program(lambda: _pm2.node_version(pm2.node)),
        pm2=_program(lambda: _pm2.version(pm2)),
        daemon=_program(lambda: _pm2.daemon_version(pm2) or "").version or None,
        holders=tuple(_holder(layout, pm2, slot) for slot in slots),
        sockets=_sockets(layout, pm2, slots),
        env_file=_env_file(env_file),
        env_keys=frozenset(key for path in shared if path.name.startswith(".env") for key in _keys(path) or ()),
        shared_missing=tuple(name for name, path in zip(shared_files, shared) if not path.exists()),
        programs=frozenset(name for name in (entry.interpreter, entry.script) if _is_there(name)),
        syntax=_syntax(pm2.node, tree, entry),
        env_on=_switched_on([Path(env_file), *(path for path in shared if path.name.startswith(".env"))]),
        machine=platform.machine(),
        libc=_libc(),
        live_bytes=_live_bytes(layout),
    )


def resolve_env_file(layout: Layout, tree: Tree, name: str, shared_files: Sequence[str]) -> str:
    """Where a relative env file lies: in shared/ where it is shared, else in the release; empty where none is named."""
    if not name or os.path.isabs(name):
        return name
    if name in shared_files:
        return str(layout.shared / name)
    return str(tree.put_on_disk([posixpath.normpath(name)]) / name)


def _existing(path: Path) -> Path:
    """``path``, or the nearest directory above it that exists."""
    return next(one for one in (path, *path.parents) if one.exists())


def _program(ask: Callable[[], str]) -> Program:
    try:
        return Program(ask())
    except DeployError as error:
        return Program(error=f"{error.what} {error.seen}".strip())


def _holder(layout: Layout, pm2: Pm2, slot: Slot) -> Holder:
    return Holder(slot.name, slot.address, _stranger(layout, pm2, slot), slot.process, _namesake(layout, pm2, slot))


def _namesake(layout: Layout, pm2: Pm2, slot: Slot) -> str:
    """Where the app lies that PM2 runs under the slot's name and that is not ours; empty where there is none."""
    ours = os.path.realpath(layout.root)
    found = [record.cwd for record in _pm2.records(pm2) if record.name == slot.process and record.cwd]
    return next((cwd for cwd in found if not f"{os.path.realpath(cwd)}/".startswith(f"{ours}/")), "")


def _stranger(layout: Layout, pm2: Pm2, slot: Slot) -> str:
    """Who listens on the slot's address without being a release of this app; empty where nobody does."""
    found = _process.listeners(slot.address)
    strangers = [pid for pid in sorted(found.pids) if not _is_ours(layout, pm2, slot, pid)]
    if strangers:
        return ", ".join(f"pid {pid} ({_process.command(pid)})" for pid in strangers)
    return "a process of another user" if found.foreign else ""


def _is_ours(layout: Layout, pm2: Pm2, slot: Slot, pid: int) -> bool:
    cwd = _process.cwd(pid) or ""
    if f"{cwd}/".startswith(f"{os.path.realpath(layout.releases)}/"):
        return True
    if pid != _pm2.daemon_pid(pm2):
        return False
    # In cluster mode the daemon itself listens, for all its apps.
    return any(record.name == slot.process for record in _pm2.records(pm2))


def _sockets(layout: Layout, pm2: Pm2, slots: Sequence[Slot]) -> tuple[str, ...]:
    of_slots = [path for slot in slots for path in (_process.socket_path(slot.address), slot.socket) if path]
    listen = layout.current / ".release" / "listen.sock"
    return tuple(dict.fromkeys(map(str, [*of_slots, listen, pm2.socket])))


def _env_file(path: str) -> EnvFile | None:
    if not path or not os.path.isfile(path):
        return None
    found = os.stat(path)
    return EnvFile(path, stat.S_IMODE(found.st_mode), found.st_uid, _keys(Path(path)))


def _keys(path: Path) -> frozenset[str] | None:
    """Names only: values do not leave this function."""
    try:
        return frozenset(env_keys(path.read_text(encoding="utf-8", errors="replace")))
    except OSError:
        return None


def _switched_on(paths: Sequence[Path]) -> frozenset[str]:
    """Names only, as above."""
    found: frozenset[str] = frozenset()
    for path in paths:
        with contextlib.suppress(OSError):
            found |= switched_on(path.read_text(encoding="utf-8", errors="replace"))
    return found


def _libc() -> str:
    """Only glibc answers the question, so that what does not is taken for the other one."""
    with contextlib.suppress(ValueError, OSError):
        return "glibc" if os.confstr("CS_GNU_LIBC_VERSION") else "musl"
    return "musl"


def _live_bytes(layout: Layout) -> int:
    """Bytes of the files that the live release was shipped with; 0 where nothing is live."""
    manifest = _manifest.read(ReleaseTree(layout.current))
    size = 0
    for path in manifest.files if manifest else ():
        with contextlib.suppress(OSError):
            size += os.lstat(layout.current / path).st_size
    return size


def _is_there(name: str) -> bool:
    return os.path.exists(name) if os.path.isabs(name) else shutil.which(name, path=SYSTEM_PATH) is not None


def _syntax(node: str, tree: Tree, entry: Entry) -> Output | None:
    """``node --check`` of a plain JavaScript entry; ``None`` where it does not apply or cannot be asked."""
    plain = entry.plain and not entry.loader and entry.script.endswith((".js", ".mjs", ".cjs"))
    if not plain or entry.script not in tree.files:
        return None
    manifests = [posixpath.join(below, "package.json") for below in dict.fromkeys(("", tree.package_of(entry.script)))]
    where = tree.put_on_disk([entry.script, *manifests])
    try:
        return run([node, "--check", entry.script], cwd=where, env=minimal_environment(), timeout=10)
    except DeployError:
        return None
