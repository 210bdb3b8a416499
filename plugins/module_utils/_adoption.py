# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app that somebody started under PM2 by hand: what it is made of, so that it can become a release. Pure.

The environment that PM2 keeps is that of the shell it was started from, with the app's own variables among the rest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

# What a shell, a login, PM2 or npm puts there. The rest was meant for the app.
_NOT_THE_APPS = re.compile(
    r"(?:HOME|PATH|PWD|OLDPWD|SHELL|USER|USERNAME|LOGNAME|MAIL|TERM|TERMINFO|COLORTERM|SHLVL|LANG|LANGUAGE|LS_COLORS"
    r"|EDITOR|VISUAL|PAGER|HOSTNAME|HISTSIZE|HISTCONTROL|DISPLAY|TMUX|STY|WINDOW|_|unique_id|PORT"
    r"|INVOCATION_ID|JOURNAL_STREAM|NOTIFY_SOCKET|MANAGERPID|SYSTEMD_EXEC_PID|NODE_APP_INSTANCE"
    r"|(?:LC|LESS|SSH|SUDO|XDG|DBUS|PM2|pm|npm|NVM|VSCODE|GIT)_?.*)"
)
_MANAGERS = ("npm", "npm-cli.js", "yarn", "pnpm")


@dataclass(frozen=True)
class Found:
    """An app under PM2 as it is.

    :param ids: PM2's numbers of its processes.
    :param directory: the package that it belongs to, real path.
    :param process: how it is started, as options of the ecosystem filter, relative to ``directory``.
    :param variables: its own environment; the values are secret.
    :param ports: TCP ports that it listens on.
    """

    name: str
    ids: tuple[int, ...]
    directory: str
    process: dict[str, Any]
    variables: dict[str, str] = field(repr=False)
    ports: tuple[int, ...] = ()


def describe(
    records: Sequence[Mapping[str, Any]], *, name: str, directory: str, scripts: Mapping[str, str], ports: Sequence[int]
) -> Found:
    """What the raw ``records`` of PM2 say of one app.

    :param directory: see :func:`package_of`.
    :param scripts: of its ``package.json``.
    """
    env = records[0]["pm2_env"]
    mode = str(env.get("exec_mode", "")).replace("_mode", "")
    return Found(
        name=name,
        ids=tuple(int(record["pm_id"]) for record in records),
        directory=directory,
        process={
            **_start(env, directory, scripts),
            "node_args": _words(env.get("node_args")),
            "exec_mode": mode or "fork",
            "instances": len(records) if mode == "cluster" else 1,
        },
        variables=own_variables({key: value for key, value in (env.get("env") or {}).items() if key != name}),
        ports=tuple(ports),
    )


def named(records: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The records of the app of that name; refuses where there is none."""
    found = [record for record in records if record["name"] == name]
    if not found:
        known = ", ".join(sorted({str(record["name"]) for record in records}))
        raise DeployError(
            f"PM2 runs no app called {name}.",
            expected=f"one of {known}" if known else "an app, as pm2 list shows it",
            seen=f"{len(records)} processes under other names" if records else "no process at all",
            remedy="Set bluegreen_adopt_process to its name, and bluegreen_adopt_pm2_home to the PM2 home it runs in.",
        )
    return found


def own_variables(env: Mapping[str, Any]) -> dict[str, str]:
    """The variables that were meant for the app; PM2 keeps some of its own, which are no text."""
    return {
        name: str(value)
        for name, value in sorted(env.items())
        if isinstance(value, (str, int, float)) and re.fullmatch(r"\w+", name) and not _NOT_THE_APPS.fullmatch(name)
    }


def env_file(variables: Mapping[str, str]) -> str:
    """The text of a file that Node's ``--env-file`` reads back as ``variables``."""
    return "".join(f"{name}={_quoted(name, value)}\n" for name, value in variables.items())


def package_of(script: str, cwd: str) -> list[str]:
    """Directories that may be the app's, the likeliest first: from the script upwards, then where it runs."""
    above = []
    place = os.path.dirname(script)
    while place not in ("/", ""):
        if "node_modules" not in place.split("/"):
            above.append(place)
        place = os.path.dirname(place)
    within = [one for one in above if one == cwd or one.startswith(f"{cwd}/") or cwd.startswith(f"{one}/")]
    return within or [cwd, *above]


def _start(env: Mapping[str, Any], directory: str, scripts: Mapping[str, str]) -> dict[str, Any]:
    """``script``, ``interpreter`` and ``args`` as a person would write them."""
    path, args = str(env.get("pm_exec_path", "")), _words(env.get("args"))
    if os.path.basename(path) in _MANAGERS and args:
        name = args[1] if args[0] == "run" and len(args) > 1 else args[0]
        return {"script": scripts.get(name, ""), "interpreter": "", "args": []}
    if "/node_modules/.bin/" in path or "/node_modules/tsx/" in path:
        return {
            "script": " ".join(["tsx" if "tsx" in path else os.path.basename(path), *args]),
            "interpreter": "",
            "args": [],
        }
    interpreter = str(env.get("exec_interpreter") or "node")
    known = "" if os.path.basename(interpreter) == "node" else os.path.basename(interpreter)
    return {"script": os.path.relpath(path, directory), "interpreter": known, "args": args}


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [str(word) for word in value or []]


def _quoted(name: str, value: str) -> str:
    """Node takes what stands between quotes as it is, line breaks included, but for ``\\n`` between double ones."""
    if re.fullmatch(r"[\w@%+=:,./-]*", value, re.ASCII):
        return value
    marks = [mark for mark in "'`" if mark not in value] + (['"'] if not re.search(r'"|\\n', value) else [])
    if not marks:
        raise DeployError(
            "A variable of the app cannot be written into an env file.",
            expected="a value that lacks one kind of quotation mark",
            seen=f"{name} has all of them",
            remedy=f"Give {name} in bluegreen_env_file yourself, and start the app without it.",
        )
    return f"{marks[0]}{value}{marks[0]}"
