# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The many ways people write the start of an app, and the one form PM2 can watch: node, its flags, a file.

Everything that stands between PM2 and the app hides the app: a wrapper has another pid than the one that listens, it
takes the signals, and it lives on when the app dies. So wrappers are taken off where that is safe, else refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_words import (
    Flag,
    loads_tsx,
    name_of,
    take_flags,
    tool,
    value_of,
    words,
    wrong,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

_MANAGER = (
    "PM2 would watch the package manager, not the app: another pid, signals lost, orphans",
    "Write what the script in package.json runs, for example script: src/server.ts with interpreter: tsx.",
)
_WATCHER = ("it restarts the app by itself and outlives its crashes: not for production", "Write the script alone.")
# ts-node runs ESM in a second process, checks types at boot, and PM2 would not see it as Node: no strict rejections.
_TS_NODE = (
    "it may run the app in a second process, which PM2 does not watch",
    "Use tsx (interpreter: tsx), or keep one process with node_args: ['--require', 'ts-node/register'].",
)
_SETTER = ("it runs the app as its child, which PM2 does not watch", "Put the variables in env or in an env file.")
_SHELL = ("PM2 would watch a shell, not the app", "Write script and args; for a shell script, interpreter: bash.")
_TEXT = ("it runs a text, not a file of the release", "Name the file as script.")

_REFUSED = {
    **dict.fromkeys(("npm", "yarn", "yarnpkg", "pnpm", "bunx", "pnpx", "corepack"), _MANAGER),
    **dict.fromkeys(("nodemon", "ts-node-dev", "tsnd", "node-dev", "tsc-watch"), _WATCHER),
    **dict.fromkeys(("ts-node", "ts-node-esm", "ts-node-script", "ts-node-transpile-only"), _TS_NODE),
    **dict.fromkeys(("cross-env", "cross-env-shell", "env", "env-cmd", "dotenv", "dotenvx"), _SETTER),
}
_REFUSED_SCRIPTS = {
    **dict.fromkeys(("bash", "sh", "cd", "exec", "nohup", "concurrently"), _SHELL),
    **dict.fromkeys(("bun", "deno"), ("it is an interpreter", "Name it as interpreter, and the file as script.")),
}
_REFUSED_FLAGS = {
    **dict.fromkeys(("--watch", "--watch-path"), _WATCHER),
    **dict.fromkeys(("-e", "--eval", "-p", "--print", "-pe"), _TEXT),
    "--run": _MANAGER,
    "--inspect-brk": ("the app would wait for a debugger for ever", "Leave it out, or use --inspect."),
}

# PM2 takes a script with any other ending for JavaScript.
_OTHER_LANGUAGES = frozenset({".sh", ".py", ".rb", ".php", ".pl", ".coffee", ".ls"})


@dataclass(frozen=True)
class Launch:
    """What is really started.

    :param script: path of the entry, as given.
    :param interpreter: ``node``, a path that ends in it, or the user's own interpreter.
    :param flags: the user's flags of the interpreter, without those that load tsx.
    :param args: arguments of the script.
    :param tsx: whether tsx loads the script.
    :param env: variables that tsx's own flags became; a path in them is as given.
    """

    script: str
    interpreter: str
    flags: tuple[Flag, ...] = ()
    args: tuple[str, ...] = ()
    tsx: bool = False
    env: dict[str, str] = field(default_factory=dict)

    @property
    def is_node(self) -> bool:
        return tool(self.interpreter) == "node"


def launch(
    *, script: Any, interpreter: Any = "", node_args: Any = (), args: Any = (), node_options: str = ""
) -> Launch:
    """Read the whole start as the command line it stands for, and take the wrappers off.

    :param node_args: flags of the interpreter, a list or a string.
    :param args: arguments of the script, a list or a string.
    :param node_options: the variable NODE_OPTIONS, which reaches a cluster worker too late and so becomes flags.
    :raises DeployError: a wrapper that cannot be taken off, a shell line, or no script at all.
    """
    runner, flags, rest = words("interpreter", interpreter), words("node_args", node_args), words("args", args)
    start = words("script", script)
    _refuse_shell(start)
    if runner and tool(runner[0]) not in ("node", "tsx", "npx"):
        return _foreign(runner, flags=flags, start=start, args=rest)
    return _node([*runner, *words("NODE_OPTIONS", node_options), *flags, *start, *rest])


def _node(line: list[str]) -> Launch:
    """Peel node, tsx and npx off the front of a command line, in whatever order they stand."""
    interpreter, tsx = "node", False
    flags: list[Flag] = []
    while line:
        found = tool(line[0])
        _refuse(found, _REFUSED)
        _refuse(line[0], _REFUSED_SCRIPTS)
        if found == "npx":
            line = _without_npx(line)
            continue
        if found == "node":
            interpreter = _node_interpreter(line[0])
        elif found != "tsx" and not line[0].startswith("-"):
            break
        new, line = take_flags(line[1:] if found in ("node", "tsx") else line)
        for flag in new:
            _refuse(name_of(flag), _REFUSED_FLAGS)
        flags += new
        tsx = tsx or found == "tsx"
        if tsx and line[:1] == ["watch"]:
            raise _not_an_app("tsx watch", *_WATCHER)
    if not line:
        raise wrong("script", "nothing to run", expected="a file of the release")
    _refuse_other_language(line[0])
    return _without_tsx_flags(Launch(line[0], interpreter, tuple(flags), tuple(line[1:]), tsx))


def _without_tsx_flags(start: Launch) -> Launch:
    """Turn the flags that load or belong to tsx into facts."""
    tsx = start.tsx
    kept: list[Flag] = []
    env: dict[str, str] = {}
    for flag in start.flags:
        name = name_of(flag)
        if loads_tsx(flag):
            tsx = True
        elif name == "--tsconfig":
            env["TSX_TSCONFIG_PATH"] = value_of(flag)
        elif name == "--no-cache":
            env["TSX_DISABLE_CACHE"] = "1"
        else:
            kept.append(flag)
    return Launch(start.script, start.interpreter, tuple(kept), start.args, tsx, env)


def _foreign(runner: list[str], *, flags: list[str], start: list[str], args: list[str]) -> Launch:
    """An interpreter that is not Node: nothing is rewritten."""
    _refuse(tool(runner[0]), _REFUSED)
    if len(start) != 1:
        raise wrong("script", " ".join(start), expected=f"one file, run by {runner[0]}")
    before = tuple((word,) for word in [*runner[1:], *flags])
    return Launch(start[0], runner[0], before, tuple(args))


def _node_interpreter(word: str) -> str:
    if "node@" in word:
        raise _not_an_app(word, "PM2 would install another Node.js while it starts the app", "Name a path to node.")
    return "node" if word == "nodejs" else word


def _without_npx(line: list[str]) -> list[str]:
    rest = line[1:]
    while rest and rest[0].startswith("-"):
        rest = rest[1:]
    if not rest or tool(rest[0]) not in ("tsx", "node"):
        name = rest[0] if rest else "<name>"
        raise _not_an_app("npx", _MANAGER[0], f"Write script: node_modules/.bin/{name} and its args.")
    return rest


def _refuse(found: str, table: dict[str, tuple[str, str]]) -> None:
    if found in table:
        raise _not_an_app(found, *table[found])


def _refuse_shell(start: list[str]) -> None:
    assigns = len(start) > 1 and re.match(r"[A-Za-z_]\w*=", start[0])
    if assigns or any(re.search(r"[;|&<>`]|\$\(", word) for word in start):
        raise _not_an_app(" ".join(start), *_SHELL)


def _refuse_other_language(script: str) -> None:
    ending = "." + script.rsplit("/", 1)[-1].rpartition(".")[2]
    if ending in _OTHER_LANGUAGES:
        raise _not_an_app(script, f"Node.js cannot run {ending}", "Name the interpreter.")


def _not_an_app(what: str, why: str, remedy: str) -> DeployError:
    return DeployError(
        "This does not start the app in a way PM2 can watch.",
        expected="a file of the release, run by node, with or without tsx",
        seen=f"{what}: {why}",
        where="the PM2 process of the app",
        remedy=remedy,
    )
