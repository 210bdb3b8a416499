# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Taking over an app that runs under somebody's PM2: read, copy, stop, forget. Nothing of it is ever deleted.

It acts as the user who owns that PM2, often root, and leaves what it writes to the deploy user.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _adoption, _axon, _command, _process, _wait
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import owner_of, read_json, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

KEPT = ".before-adoption"
DUMPS = ("dump.pm2", "dump.pm2.bak")
_LEFT_OUT = frozenset({".git", ".hg", ".svn"})


@dataclass(frozen=True)
class Old:
    """The app as somebody else runs it.

    :param home: of the PM2 it runs under.
    :param name: as PM2 calls it.
    :param directory: of its package, ``''``: the one that its script lies in.
    """

    home: Path
    name: str
    directory: str = ""

    @property
    def socket(self) -> Path:
        """Where its PM2 listens."""
        return self.home / "rpc.sock"


def find(old: Old) -> _adoption.Found:
    """Look at it; changes nothing."""
    records = _adoption.named(_records(old), old.name)
    env = records[0]["pm2_env"]
    directory = os.path.realpath(old.directory) if old.directory else _package(env)
    manifest = read_json(Path(directory, "package.json"))
    scripts = manifest.get("scripts", {}) if isinstance(manifest, dict) else {}
    pids = {int(record["pid"]) for record in records if record.get("pid")}
    family = pids.union(*map(_process.descendants, pids))
    # In cluster mode it is PM2's daemon that listens.
    told = str((env.get("env") or {}).get("PORT", ""))
    ports = _process.tcp_ports(family) or ((int(told),) if told.isdigit() else ())
    return _adoption.describe(records, name=old.name, directory=directory, scripts=scripts, ports=ports)


def revision(found: _adoption.Found) -> str:
    """The commit that is checked out there, ``''`` where it is no checkout."""
    git = ["git", "-c", "safe.directory=*", "-C", found.directory, "rev-parse", "HEAD"]
    try:
        output = _command.run(git, timeout=20)
    except DeployError:
        return ""
    return output.stdout.strip() if output.code == 0 else ""


def pack(found: _adoption.Found, layout: Layout, *, shared: Sequence[str], owner: tuple[int, int]) -> Path:
    """Put all of it into an archive that the deploy user alone can read; what is shared is copied to ``shared/``."""
    if layout.current.is_symlink():
        raise DeployError(
            "This app is deployed already, so there is nothing to adopt.",
            expected="no release live",
            seen=f"{layout.current} -> {os.readlink(layout.current)}",
            remedy="Deploy over it, or adopt under another bluegreen_root.",
        )
    for directory in (layout.root, layout.shared):
        _make(directory, owner)
    seed(found, layout, shared=shared, owner=owner)
    variables = layout.shared / "adopted.env"
    if found.variables:
        write_atomic(variables, _adoption.env_file(found.variables), mode=0o600)
        os.chown(variables, *owner)
    path = archive(layout)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream, tarfile.open(fileobj=stream, mode="w") as tar:
        tar.add(found.directory, arcname=".", filter=_keep(layout, found.directory, shared))
    os.chown(path, *owner)
    return path


def refuse_foreign(layout: Layout, name: str, owner: tuple[int, int]) -> None:
    """Refuse a root that the deploy user cannot write to: what is begun there could be neither finished nor undone."""
    try:
        there = layout.root.stat()
    except FileNotFoundError:
        return
    if there.st_uid != owner[0]:
        raise DeployError(
            f"The app's root belongs to somebody else than {name}.",
            expected=f"a directory of {name}'s, or nothing",
            seen=f"one of {owner_of(layout.root) or f'uid {there.st_uid}'}",
            where=str(layout.root),
            remedy="Choose another bluegreen_root, for the app itself may lie there; or give it away with chown -R.",
        )


def archive(layout: Layout) -> Path:
    """Where :func:`pack` puts it."""
    return layout.root / "adopted.tar"


def seed(found: _adoption.Found, layout: Layout, *, shared: Sequence[str], owner: tuple[int, int]) -> list[str]:
    """Copy what the app shares between releases to ``shared/``, as far as it is not there; names of what was copied."""
    copied: list[str] = []
    for name in shared:
        source, target = Path(found.directory, name), layout.shared / name
        if source.is_dir() and not source.is_symlink():
            copied += _copy_tree(source, target, owner)
        elif source.exists() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
            os.chown(target, *owner, follow_symlinks=False)
            copied.append(str(target))
    return copied


def stop(old: Old, *, timeout: float) -> float:
    """Stop it, and wait until nothing of it is left; when it was stopped, in seconds since the epoch."""
    found = find(old)
    pids = {int(one["pid"]) for one in _adoption.named(_records(old), old.name) if one.get("pid")}
    family = pids.union(*map(_process.descendants, pids))
    stopped = time.time()
    _axon.calls(old.socket, [("stopProcessId", identifier) for identifier in found.ids], timeout=timeout)

    def left() -> list[int]:
        return [pid for pid in family if _process.start_time(pid) is not None]

    if not _wait.until(lambda: not left(), timeout):
        raise DeployError(
            f"{old.name} does not end.",
            expected=f"no process of it within {timeout:g} s",
            seen=", ".join(f"pid {pid} ({_process.command(pid)})" for pid in left()),
            where=str(old.home),
            remedy="End it by hand, then adopt again.",
        )
    return stopped


def start_again(old: Old, *, timeout: float) -> None:
    """Put it back as it was; PM2 still knows it."""
    identifiers = [int(one["pm_id"]) for one in _adoption.named(_records(old), old.name)]
    _axon.calls(old.socket, [("restartProcessId", {"id": identifier}) for identifier in identifiers], timeout=timeout)


def forget(old: Old, *, timeout: float) -> list[str]:
    """Have its PM2 forget it and not bring it back at boot; the files that were changed, with copies beside them."""
    identifiers = [int(one["pm_id"]) for one in _records(old) if one["name"] == old.name]
    _axon.calls(old.socket, [("deleteProcessId", identifier) for identifier in identifiers], timeout=timeout)
    changed = []
    for name in DUMPS:
        path = old.home / name
        entries = read_json(path)
        kept = [one for one in entries if one.get("name") != old.name] if isinstance(entries, list) else entries
        if kept != entries:
            shutil.copy2(path, f"{path}{KEPT}")
            write_atomic(path, json.dumps(kept, indent=2) + "\n", mode=path.stat().st_mode & 0o777)
            changed.append(str(path))
    return changed


def _records(old: Old) -> list[dict[str, Any]]:
    """PM2's own records, secrets included; they do not leave this machine."""
    try:
        return list(_axon.call(old.socket, "getMonitorData"))
    except _axon.NotListening:
        raise DeployError(
            "No PM2 daemon runs there.",
            expected="the PM2 that runs the app",
            seen="nobody who listens",
            where=str(old.socket),
            remedy="Set bluegreen_adopt_pm2_home to the PM2 home of the user who started it, such as /root/.pm2.",
        ) from None


def _package(env: dict[str, Any]) -> str:
    script, cwd = os.path.realpath(str(env["pm_exec_path"])), os.path.realpath(str(env["pm_cwd"]))
    candidates = _adoption.package_of(script, cwd)
    return next((one for one in candidates if os.path.exists(f"{one}/package.json")), cwd)


def _keep(layout: Layout, directory: str, shared: Sequence[str]) -> Callable[[tarfile.TarInfo], tarfile.TarInfo | None]:
    """All but version control, what is shared, and the app's own root where that lies inside."""
    inside = os.path.relpath(layout.root, directory)
    left_out = {f"./{name.rstrip('/')}" for name in (*shared, inside, *_LEFT_OUT)}

    def keep(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        special = not (member.isfile() or member.isdir() or member.issym() or member.islnk())
        return None if member.name in left_out or special else member

    return keep


def _copy_tree(source: Path, target: Path, owner: tuple[int, int]) -> list[str]:
    copied = []
    for directory, _directories, files in os.walk(source):
        place = target / os.path.relpath(directory, source)
        _make(place, owner)
        for name in files:
            if not os.path.lexists(place / name):
                shutil.copy2(Path(directory, name), place / name, follow_symlinks=False)
                os.chown(place / name, *owner, follow_symlinks=False)
                copied.append(str(place / name))
    return copied


def _make(directory: Path, owner: tuple[int, int]) -> None:
    """A directory of the deploy user's; one that is there stays whose it is."""
    if not directory.exists():
        directory.mkdir(parents=True)
        os.chown(directory, *owner)
