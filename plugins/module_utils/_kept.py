# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PM2 keeps of a process: in the daemon's memory, and in the dump that ``pm2 resurrect`` brings back.

Both hold the whole environment; names of variables leave this file, values do not, but for our own ``BLUEGREEN_*``.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LONGEST = 32 << 20  # bytes of a dump; the environment of a hundred processes is far smaller


@dataclass(frozen=True)
class Kept:
    """One process as PM2 would start it again.

    :param script: absolute.
    :param cwd: as configured, links unresolved.
    :param exec_mode: ``fork`` or ``cluster``.
    :param min_uptime: milliseconds, as ``restart_delay``.
    :param env: names of its variables.
    :param release: the id that the deploy gave it, empty where it was started otherwise.
    :param status: PM2's word; empty where it is not a running one that is spoken of.
    """

    name: str
    script: str = ""
    cwd: str = ""
    interpreter: str = ""
    node_args: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    exec_mode: str = "fork"
    max_restarts: int = 0
    min_uptime: int = 0
    restart_delay: int = 0
    env: frozenset[str] = frozenset()
    release: str = ""
    status: str = ""


@dataclass(frozen=True)
class Dump:
    """What a dump file holds.

    :param mode: permission bits, as far as the directory lets anybody come to use them.
    :param error: why it cannot be read; empty where it can.
    """

    path: str
    mode: int
    processes: tuple[Kept, ...] = ()
    error: str = ""


def in_memory(answer: Sequence[Mapping[str, Any]]) -> list[Kept]:
    """From PM2's answer to ``getMonitorData`` or ``jlist``."""
    return [_kept(item["pm2_env"], str(item.get("name") or "")) for item in answer]


def meant(app: Mapping[str, Any]) -> Kept:
    """What PM2 should keep, from an entry of the ecosystem file as the filter ``ecosystem`` returns it."""
    env = app.get("env") or {}
    return Kept(
        name=str(app["name"]),
        script=str(app["script"]),
        cwd=str(app["cwd"]),
        interpreter=str(app.get("interpreter") or "node"),
        node_args=tuple(map(str, app.get("node_args") or ())),
        args=tuple(map(str, app.get("args") or ())),
        exec_mode=str(app.get("exec_mode") or "fork"),
        env=frozenset(map(str, env)),
        release=str(env.get("BLUEGREEN_RELEASE") or ""),
        max_restarts=_number(app.get("max_restarts")),
        min_uptime=_number(app.get("min_uptime")),
        restart_delay=_number(app.get("restart_delay")),
    )


def recorded(raw: Mapping[str, Any]) -> Kept:
    """From the fields of one as JSON has them."""
    known = {name: raw[name] for name in Kept.__dataclass_fields__ if name in raw}
    words = {name: tuple(map(str, known.get(name, ()))) for name in ("node_args", "args")}
    return Kept(**{**known, **words, "env": frozenset(map(str, known.get("env", ())))})


def read_dump(path: Path) -> Dump | None:
    """The dump, ``None`` where there is none; one that cannot be read says why."""
    try:
        found = path.stat()
        mode = _effective(found.st_mode, path.parent.stat().st_mode)
        if found.st_size > _LONGEST:
            return Dump(str(path), mode, error=f"it has {found.st_size >> 20} MiB")
        processes = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        return Dump(str(path), 0, error=error.strerror or str(error))
    except (ValueError, RecursionError):
        return Dump(str(path), mode, error="it is not JSON")
    if not isinstance(processes, list) or not all(isinstance(item, dict) for item in processes):
        return Dump(str(path), mode, error="it is not a list of processes")
    return Dump(str(path), mode, tuple(_kept(item, str(item.get("name") or "")) for item in processes))


def _kept(env: Mapping[str, Any], name: str) -> Kept:
    variables = env.get("env") if isinstance(env.get("env"), Mapping) else {}
    return Kept(
        name=name,
        script=str(env.get("pm_exec_path") or ""),
        cwd=str(env.get("pm_cwd") or ""),
        interpreter=str(env.get("exec_interpreter") or ""),
        node_args=_words(env.get("node_args")),
        args=_words(env.get("args")),
        exec_mode=str(env.get("exec_mode") or "").replace("_mode", ""),
        env=frozenset(map(str, variables or ())),
        release=str((variables or {}).get("BLUEGREEN_RELEASE") or ""),
        status=str(env.get("status") or ""),
        max_restarts=_number(env.get("max_restarts")),
        min_uptime=_number(env.get("min_uptime")),
        restart_delay=_number(env.get("restart_delay")),
    )


def _effective(mode: int, directory: int) -> int:
    """Permission bits that mean something: those of a file in a directory that others cannot enter do not."""
    return stat.S_IMODE(mode) & ~sum(7 * bit for bit in (0o010, 0o001) if not directory & bit)


def _words(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else tuple(str(value or "").split())


def _number(value: Any) -> int:
    text = str(value if value is not None else "")
    return int(text) if text.isdigit() else 0
