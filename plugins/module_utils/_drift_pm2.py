# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PM2 keeps of an app, in memory and in its dump, beside what it was told. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._drift_seen import SHOWN, Difference, Seen
from ansible_collections.nodeops.pm2.plugins.module_utils._kept import Kept

# What every process has in PM2's memory besides the variables of its ecosystem file: the bare environment that the
# collection starts it with, and what PM2 and Node.js's cluster add.
_ALWAYS = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "PWD", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "NODE_APP_INSTANCE", "unique_id"}
)
_FIELDS = (
    "script", "cwd", "interpreter", "node_args", "exec_mode", "max_restarts", "min_uptime", "restart_delay", "release",
)  # fmt: skip


def of_memory(seen: Seen) -> Iterator[Difference]:
    """What the daemon keeps of the app's processes."""
    if seen.memory is None:
        return
    running = [kept for kept in seen.memory if kept.name == seen.declared.name]
    if not running:
        remedy = "Deploy it again, or roll back: either starts what is live. A guard does so by itself."
        yield Difference(
            "process_missing",
            "PM2 does not know the live process.",
            seen.declared.name,
            "no such process",
            "PM2",
            remedy,
        )
    for kept in dict.fromkeys(running):  # workers of a cluster are kept one by one, and are the same
        yield from _compare("process_differs", "PM2 keeps it otherwise", seen, kept, where="PM2's memory")
        if kept.status != "online":
            remedy = "Look into its log; pm2 says what it last ended with."
            yield Difference(
                "process_down", "PM2 does not call the live process online.", "online", kept.status, kept.name, remedy
            )
    for kept in seen.memory:
        gone = kept.release and kept.release not in seen.disk.releases
        if kept.name in seen.processes and gone:
            remedy = f"pm2 stop {kept.name}, then pm2 delete {kept.name}."
            what = f"{kept.name} runs a release that is gone."
            yield Difference("process_of_gone_release", what, "a release on disk", kept.release, kept.name, remedy)


def of_dump(seen: Seen) -> Iterator[Difference]:
    """What ``pm2 resurrect`` would bring back."""
    dump = seen.dump
    if dump is None:
        return
    if dump.error:
        remedy = "Remove it, or pm2 save; the boot unit of the collection does not need it."
        yield Difference(
            "dump_unreadable", "PM2's dump cannot be read.", "a list of processes", dump.error, dump.path, remedy
        )
    ours = [kept for kept in dump.processes if kept.name in seen.processes]
    for kept in ours:
        if kept.name == seen.declared.name:
            yield from _compare("dump_differs", "pm2 resurrect would start it otherwise", seen, kept, where=dump.path)
        elif kept.release not in seen.disk.releases:
            remedy = "pm2 save once the app runs as it should, or remove the dump."
            what = f"pm2 resurrect would start {kept.name} of a release that is gone."
            found = kept.release or kept.cwd
            yield Difference("dump_of_gone_release", what, "a release on disk", found, dump.path, remedy)
    if ours and dump.mode & 0o077:
        remedy = f"chmod 600 {dump.path}, and the PM2 home 700."
        what = "PM2's dump holds the app's whole environment, and others may read it."
        yield Difference("dump_open", what, "mode 0600", f"mode {dump.mode:04o}", dump.path, remedy)


def _compare(identifier: str, verb: str, seen: Seen, kept: Kept, *, where: str) -> Iterator[Difference]:
    """Field by field; arguments and variables may be secrets, so that only what they are called is told."""
    remedy = "Deploy again: a slot is always started afresh. pm2 restart and pm2 reload keep what they have."
    for name in _FIELDS:
        expected, found = _place(seen, getattr(seen.declared, name)), _place(seen, getattr(kept, name))
        if expected != found and not (name == "interpreter" and _same_program(expected, found)):
            yield Difference(
                identifier, f"{verb}: {name}.", _shown(expected), _shown(found), f"{where}, {kept.name}", remedy
            )
    if kept.args != seen.declared.args:
        expected, found = (f"{len(args)} arguments" for args in (seen.declared.args, kept.args))
        what = f"{verb}: its arguments are others."
        yield Difference(identifier, what, expected, found, f"{where}, {kept.name}", remedy)
    missing, added = seen.declared.env - kept.env, kept.env - seen.declared.env - _ALWAYS - {kept.name}
    added = frozenset(name for name in added if not name.startswith("PM2_"))
    for names, expected, found in ((missing, "set", "not set"), (added, "not set", "set")):
        if names:
            listed = ", ".join(sorted(names)[:SHOWN])
            yield Difference(identifier, f"{verb}: {listed}.", expected, found, f"{where}, {kept.name}", remedy)


def _place(seen: Seen, value: Any) -> Any:
    """A path by the real directory of the release, whether it was written through ``current`` or not."""
    if isinstance(value, tuple):
        return tuple(_place(seen, item) for item in value)
    root = seen.disk.path.rpartition("/releases/")[0]
    if isinstance(value, str) and root:
        return value.replace(f"{root}/current/", f"{seen.disk.path}/") if value != f"{root}/current" else seen.disk.path
    return value


def _same_program(one: str, other: str) -> bool:
    """``node`` and a path of it are told apart by nobody but the host's PATH."""
    return one.rpartition("/")[2] == other.rpartition("/")[2] and "/" not in (one if "/" in other else other)


def _shown(value: Any) -> str:
    return (" ".join(value) if isinstance(value, tuple) else str(value)) or "nothing"
