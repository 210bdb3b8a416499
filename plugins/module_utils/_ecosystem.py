# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The entry of an ecosystem file: what PM2 is told about one release in one slot.

Pure: it runs on the controller, once per slot, and the texts travel to the host, so that a rollback needs nobody.
"""

from __future__ import annotations

import difflib
import posixpath
import re
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_env import (
    Place,
    environment,
    given_variables,
    sentry_variables,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_flags import interpreter_arguments, under
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_launch import Launch, launch
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_limits import restart_limits, whole_number
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_options import canonical, extra_options
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_words import names
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot

_KNOWN = names(
    "name app script interpreter args node_args instances exec_mode env env_file max_restarts min_uptime kill_timeout"
    " restart_delay exp_backoff_restart_delay listen strategy sentry extras"
)


def ecosystem(process: dict[str, Any], *, slot: Slot, release_path: str, root: str) -> dict[str, Any]:
    """What goes into ``apps: [...]``, in a fixed order of keys, times in milliseconds.

    :param process: the user's options; only ``script`` is needed. ``strategy`` is ``edge`` (default) or ``restart``.
    :param slot: where it runs; its ``process`` becomes PM2's name.
    :param release_path: the release's real path on the host.
    :param root: the app's root on the host.
    :raises DeployError: anything PM2 would ignore, misread, or make an app of that cannot be watched.
    """
    _refuse_unknown(process)
    place = _place(process, slot=slot, release_path=release_path, root=root)
    extras, node_args = _without_interpreter_arguments(process)
    given = given_variables(process.get("env") or {})
    start = launch(
        script=process.get("script") or "",
        interpreter=process.get("interpreter") or "",
        node_args=node_args,
        args=process.get("args") or [],
        node_options=given.get("NODE_OPTIONS", ""),
    )
    mode = _exec_mode(process, start)
    limits = restart_limits(process)
    told = sentry_variables(process.get("sentry") or "", place.app)
    return {
        "name": slot.process,
        "cwd": place.base,
        "script": _script(start.script, place),
        "interpreter": start.interpreter,
        "node_args": interpreter_arguments(
            start,
            place,
            cluster=mode == "cluster",
            env_file=process.get("env_file") or "",
            sentry=bool(process.get("sentry")),
        ),
        "args": [place.fill(word) for word in start.args],
        "exec_mode": mode,
        "instances": _instances(process, mode),
        **limits,
        "autorestart": True,
        "watch": False,
        "treekill": True,
        "merge_logs": True,
        "out_file": f"{root}/logs/{slot.process}-out.log",
        "error_file": f"{root}/logs/{slot.process}-error.log",
        **extra_options(extras, restart_delay=limits.get("restart_delay", 0)),
        "env": environment({**told, **_variables(given, start, place)}, place),
    }


def _place(process: dict[str, Any], *, slot: Slot, release_path: str, root: str) -> Place:
    """PM2 follows ``current`` only where the symlink itself is written as cwd, so the restart strategy writes that."""
    follows = process.get("strategy") == "restart" and slot.name == "main"
    return Place(
        app=str(process.get("app") or process.get("name") or ""),
        release=posixpath.basename(release_path),
        slot=slot,
        base=f"{root}/current" if follows else release_path,
        root=root,
    )


def _without_interpreter_arguments(process: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """The extras without PM2's other names of ``node_args``, and the ``node_args`` from wherever they stand."""
    extras = process.get("extras") or {}
    if not isinstance(extras, dict):
        raise _refusal("The further PM2 options are not a dictionary.", seen=repr(extras), remedy="Write name: value.")
    spellings = [name for name in extras if canonical(name) == "node_args"]
    found = [extras[name] for name in spellings]
    if process.get("node_args"):
        found.append(process["node_args"])
    if len(found) > 1:
        raise _refusal("node_args is given twice.", seen=f"also as {spellings[0]}", remedy="Keep one.")
    return {name: value for name, value in extras.items() if name not in spellings}, found[0] if found else []


def _variables(given: dict[str, str], start: Launch, place: Place) -> dict[str, str]:
    """The user's variables, with those that tsx's flags became and without those that became flags."""
    kept = {name: value for name, value in given.items() if not (start.is_node and name == "NODE_OPTIONS")}
    ours = dict(start.env)
    if "TSX_TSCONFIG_PATH" in ours:
        ours["TSX_TSCONFIG_PATH"] = under(place.base, ours["TSX_TSCONFIG_PATH"])
    return {**kept, **ours}


def _script(script: str, place: Place) -> str:
    path = posixpath.normpath(script)
    if path.startswith(("/", "..")) or path == ".":
        raise _refusal(
            "The script is not a file of the release.",
            expected="a path relative to the release",
            seen=script,
            remedy="Name the entry as it stands in the release, for example dist/server.js.",
        )
    whole = f"{place.base}/{path}"
    if re.search(r"\s", whole):
        raise _refusal(
            "The path of the script has a space in it.",
            expected="no space: PM2 hands such a script to bash -c",
            seen=whole,
            remedy="Choose a root and a script without spaces.",
        )
    return whole


def _exec_mode(process: dict[str, Any], start: Launch) -> str:
    mode = process.get("exec_mode") or "fork"
    if mode not in ("fork", "cluster"):
        raise _refusal("exec_mode is unknown.", expected="fork or cluster", seen=repr(mode), remedy="Correct it.")
    if mode == "cluster" and start.is_node and start.interpreter != "node":
        raise _refusal(
            "A cluster cannot choose its Node.js.",
            expected="interpreter node: cluster workers run the daemon's Node.js, whatever the file says",
            seen=start.interpreter,
            remedy="Leave the interpreter out, or use exec_mode: fork.",
        )
    return str(mode)


def _instances(process: dict[str, Any], mode: str) -> int | str:
    given = process.get("instances", 1)
    count = "max" if given == "max" else whole_number("instances", given)
    if mode == "fork" and count != 1:
        raise _refusal(
            "Only a cluster can share the slot's address.",
            expected="one instance, or exec_mode: cluster",
            seen=f"instances {count} with exec_mode fork: the second would find its port taken",
            remedy="Set exec_mode: cluster, or instances: 1.",
        )
    return count


def _refuse_unknown(process: dict[str, Any]) -> None:
    for name in process:
        if name not in _KNOWN:
            near = difflib.get_close_matches(name, _KNOWN, n=1)
            raise _refusal(
                f"{name} is no option of the PM2 process.",
                seen=name,
                remedy=f"Did you mean {near[0]}?" if near else "Give PM2's further options as extras.",
            )


def _refusal(what: str, *, seen: str, remedy: str, expected: str = "options that make one app") -> DeployError:
    return DeployError(what, expected=expected, seen=seen, where="the PM2 process of the app", remedy=remedy)
