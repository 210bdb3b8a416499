# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The interpreter's arguments in the file: ours first, then the user's, every path absolute.

A cluster worker is born in the daemon's directory and only later moves to its own, so a relative path would be looked
for in the wrong place.
"""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_env import Place
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_launch import Launch
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_words import (
    ENV_FILES,
    PRELOADS,
    Flag,
    name_of,
    value_of,
    with_value,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

TSX_LOADER = "node_modules/tsx/dist/loader.mjs"
SOCKET_PRELOAD = ".release/socket.cjs"
"""Unlinks a socket that a killed predecessor left, before the app listens; written when the release is staged."""

SENTRY_PRELOAD = ".release/sentry.mjs"
"""Tells Sentry of an error that the app cannot tell of itself; written when the release is staged."""

REJECTIONS = "--unhandled-rejections"


def interpreter_arguments(
    start: Launch, place: Place, *, cluster: bool, env_file: str, sentry: bool = False
) -> list[str]:
    """All words between the interpreter and PM2's container.

    :param env_file: absolute path of the file with the app's secrets on the host; empty where there is none.
    :param sentry: whether Sentry is to hear of an error at the start; of Node.js alone, others go without.
    :raises DeployError: what needs Node.js and has another interpreter, or would not work in a cluster worker.
    """
    user = [word for flag in start.flags if not _is_strict(flag) for word in _placed(flag, place, cluster=cluster)]
    if not start.is_node:
        _refuse_what_needs_node(start.interpreter, place, cluster=cluster, env_file=env_file)
        return user
    if place.socket and cluster:
        raise _refusal(
            "A cluster cannot listen on the slot's socket.",
            seen="exec_mode cluster and a socket: the daemon would own it and keep it from one release to the next",
            remedy="Use bluegreen_listen: port, or exec_mode: fork.",
        )
    # The first of all, so that it hears of whatever goes wrong after it.
    teller = ["--import", PurePosixPath(place.base, SENTRY_PRELOAD).as_uri()] if sentry else []
    loader = ["--import", PurePosixPath(place.base, TSX_LOADER).as_uri()] if start.tsx else []
    secrets = [f"--env-file={_absolute_file(env_file)}"] if env_file else []
    socket = ["--require", f"{place.base}/{SOCKET_PRELOAD}"] if place.socket else []
    return [*teller, *loader, f"{REJECTIONS}=strict", *secrets, *socket, *user]


def under(base: str, path: str) -> str:
    """``path`` as an absolute one; a relative one begins at ``base``."""
    return posixpath.normpath(posixpath.join(base, path))


def _placed(flag: Flag, place: Place, *, cluster: bool) -> Flag:
    """The flag with its placeholders filled and its path absolute."""
    value = place.fill(value_of(flag))
    name = name_of(flag)
    if not value:
        return tuple(place.fill(word) for word in flag)
    if name in ENV_FILES:
        return with_value(flag, under(place.base, value))
    if name not in PRELOADS:
        return with_value(flag, value)
    if value.startswith(("./", "../")):
        path = under(place.base, value)
        return with_value(flag, path if name in ("--require", "-r") else PurePosixPath(path).as_uri())
    if cluster and not value.startswith(("/", "file:", "node:", "data:")):
        raise _refusal(
            "A cluster worker would not find this preload.",
            seen=f"{name} {value}: looked for in the directory of PM2's daemon, not of the release",
            remedy=f"Name the file, for example {name} ./node_modules/{value}/..., or use exec_mode: fork.",
        )
    return with_value(flag, value)


def _is_strict(flag: Flag) -> bool:
    """Whether the flag is the one we add anyway; refuses every weaker value."""
    if name_of(flag) != REJECTIONS:
        return False
    if value_of(flag) != "strict":
        raise _refusal(
            "With this setting a failed boot would look alive.",
            expected=f"{REJECTIONS}=strict, which is always set",
            seen=f"{REJECTIONS}={value_of(flag)}: PM2 loads the app with import() and swallows its rejection;"
            " the process stays, online, without a listener",
            remedy=f"Leave {REJECTIONS} out.",
        )
    return True


def _refuse_what_needs_node(interpreter: str, place: Place, *, cluster: bool, env_file: str) -> None:
    wanted = {"exec_mode: cluster": cluster, "env_file": env_file, "bluegreen_listen: socket": place.socket}
    for option in filter(wanted.get, wanted):
        raise _refusal(
            f"{option} needs Node.js.",
            expected="interpreter node",
            seen=f"interpreter {interpreter}",
            remedy=f"Leave out {option}, or the interpreter.",
        )


def _absolute_file(path: str) -> str:
    if not path.startswith("/"):
        raise _refusal(
            "env_file is not an absolute path.",
            expected="the path of a file on the host",
            seen=repr(path),
            remedy="Begin it with /, for example <root>/shared/.env.",
        )
    return path


def _refusal(what: str, *, seen: str, remedy: str, expected: str = "arguments that work in this slot") -> DeployError:
    return DeployError(what, expected=expected, seen=seen, where="node_args of the PM2 process", remedy=remedy)
