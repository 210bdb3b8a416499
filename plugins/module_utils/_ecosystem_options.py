# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options PM2 reads in an ecosystem file: their names, other spellings and types, and those a slot must not have.

PM2 7.0.4 drops a name it does not know without a word, so a misspelling must be caught here.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_words import names
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

_NAMES_BY_TYPE = {
    "string": "script name name_prefix namespace install_url cwd exec_interpreter out_file error_file log_type"
    " log_date_format pid_file exec_mode increment_var instance_var username",
    "boolean": "disable_logs time source_map_support disable_source_map_support wait_ready shutdown_with_message"
    " merge_logs vizion autostart autorestart execute_command force append_env_to_name trace disable_trace v8"
    " event_loop_inspector deep_monitoring automation treekill windowsHide write",
    "number": "restart_delay exp_backoff_restart_delay instances kill_timeout listen_timeout watch_delay max_restarts"
    " port kill_retry_time",
    "object": "env watch_options io",
    "array": "post_update",
    "array string": "args node_args ignore_watch",
    "array number": "stop_exit_codes",
    "boolean string": "log_file pmx",
    "number string": "max_memory_restart cron_restart min_uptime uid gid",
    "boolean array string": "filter_env watch",
}

TYPES = {name: types.split() for types, text in _NAMES_BY_TYPE.items() for name in text.split()}

_OTHER_NAMES = {
    "exec": "script",
    "cmd": "script",
    "command": "script",
    "interpreter": "exec_interpreter",
    "interpreter_args": "node_args",
    "interpreterArgs": "node_args",
    "out": "out_file",
    "output": "out_file",
    "out_log": "out_file",
    "error": "error_file",
    "err": "error_file",
    "err_file": "error_file",
    "err_log": "error_file",
    "log": "log_file",
    "pid": "pid_file",
    "cron": "cron_restart",
    "combine_logs": "merge_logs",
    "user": "uid",
}

# Written by us, from an option of the process or from the slot.
_OURS = names(
    "script name name_prefix append_env_to_name cwd exec_interpreter args node_args out_file error_file merge_logs"
    " env instances exec_mode execute_command max_restarts min_uptime kill_timeout restart_delay"
    " exp_backoff_restart_delay treekill port username"
)

_WATCH = "a release never changes once it is shipped; watching it can only restart an app that nobody deployed"

# What would make an app look alive when it is not, or hide it from the gate; any value that is not plainly "no".
_HARMFUL = {
    "wait_ready": "PM2 7.0.4 leaves an orphan that holds the port when such an app is stopped while it starts;"
    " the gate proves readiness over HTTP instead",
    "watch": _WATCH,
    "ignore_watch": _WATCH,
    "watch_delay": _WATCH,
    "watch_options": _WATCH,
    "disable_logs": "the soak reads the log of errors for critical patterns",
    "uid": "PM2 runs as the deploy user, and so does the app; the owner of its socket must stay visible",
    "gid": "PM2 runs as the deploy user, and so does the app; the owner of its socket must stay visible",
}

_REQUIRED = {
    "autorestart": "an app that crashed would stay down, and PM2 may call that 'waiting restart' for ever",
    "autostart": "PM2 would list the app and never start it",
}

_FORMS = {
    "max_memory_restart": re.compile(r"\d+[GMK]?"),
    "log_type": re.compile(r"json|raw"),
}


def canonical(name: str) -> str:
    """PM2's own name of the option ``name``; refuses what PM2 does not know and would silently ignore."""
    spellings = {**{_camel(known): known for known in TYPES}, **_OTHER_NAMES, **{known: known for known in TYPES}}
    if name in spellings:
        return spellings[name]
    if name.startswith("env_"):
        raise _refusal(name, "PM2 reads it only with --env, which no deploy passes", "Put the values in env.")
    near = difflib.get_close_matches(name, spellings, n=1)
    raise _refusal(
        name,
        "PM2 knows no such option and would silently ignore it",
        f"Did you mean {near[0]}?" if near else "Leave it out.",
    )


def extra_options(extras: dict[str, Any], *, restart_delay: int = 0) -> dict[str, Any]:
    """The further PM2 options a user gave, under PM2's own names, in order of name.

    :param extras: option name to value, without the arguments of the interpreter.
    :param restart_delay: milliseconds PM2 waits before it restarts; decides about ``stop_exit_codes``.
    :raises DeployError: unknown, ours, harmful, given twice, or of the wrong type.
    """
    options: dict[str, Any] = {}
    for given, value in extras.items():
        name = canonical(given)
        if name in _OURS:
            raise _refusal(given, "this collection writes it", "Use the option of the role that is meant for it.")
        if name in options:
            raise _refusal(given, f"{name} is given twice under different names", "Keep one.")
        _check_type(given, name, value)
        if not _says_nothing(given, name, value):
            options[name] = value
    if restart_delay and "stop_exit_codes" in options:
        raise _refusal(
            "stop_exit_codes",
            "together with restart_delay PM2 says 'waiting restart' for ever",
            "Drop one of the two.",
        )
    return dict(sorted(options.items()))


def _says_nothing(given: str, name: str, value: Any) -> bool:
    """Whether the option only repeats what holds anyway; raises where it would do harm."""
    if name in _HARMFUL and value not in (False, 0, "", [], {}):
        raise _refusal(given, _HARMFUL[name], "Leave it out.")
    if name in _REQUIRED and value is not True:
        raise _refusal(given, _REQUIRED[name], "Leave it out.")
    if name == "increment_var" and value == "PORT":
        raise _refusal(given, "PORT is the slot's address, the same for every instance", "Count in another variable.")
    return name in _HARMFUL or name in _REQUIRED


def _check_type(given: str, name: str, value: Any) -> None:
    kinds = _kinds(value)
    form = _FORMS.get(name)
    if not kinds & set(TYPES[name]) or (form and not form.fullmatch(str(value))):
        raise DeployError(
            f"The PM2 option {given} has a value of the wrong type.",
            expected=" or ".join(TYPES[name]) + (f" like {form.pattern}" if form else ""),
            seen=repr(value),
            where="bluegreen_pm2_options",
            remedy="Correct the value; PM2 would refuse the file only after the slot was emptied.",
        )


def _kinds(value: Any) -> set[str]:
    """The types of PM2's that ``value`` may pass for; like PM2, a string of digits passes for a number."""
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, (int, float)):
        return {"number"}
    if isinstance(value, str):
        return {"string", "number"} if re.fullmatch(r"-?\d+(\.\d+)?", value) else {"string"}
    return {"array"} if isinstance(value, list) else {"object"} if isinstance(value, dict) else set()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _refusal(name: str, why: str, remedy: str) -> DeployError:
    return DeployError(
        f"The PM2 option {name} cannot be used here.",
        expected="an option that PM2 knows and a slot can keep",
        seen=f"{name}: {why}",
        where="bluegreen_pm2_options",
        remedy=remedy,
    )
