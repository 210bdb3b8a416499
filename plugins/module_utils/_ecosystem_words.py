# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Command lines as users write them: words, the tools they start, and flags of Node.js."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

Flag = tuple[str, ...]
"""One flag of the interpreter as it is written: ``("--import", "tsx")`` or ``("--import=tsx",)``."""


def names(text: str) -> frozenset[str]:
    """The words of ``text``, as a set."""
    return frozenset(text.split())


PRELOADS = frozenset({"--import", "--require", "-r", "--loader", "--experimental-loader"})
ENV_FILES = frozenset({"--env-file", "--env-file-if-exists"})

# Flags that may take their value as the next word; tsx's --tsconfig among them.
_VALUED = names(
    "--tsconfig --conditions -C --unhandled-rejections --title --disable-warning --dns-result-order --diagnostic-dir"
    " --icu-data-dir --openssl-config --input-type --inspect-port --max-http-header-size --redirect-warnings"
    " --report-dir --report-directory --report-filename --report-signal --secure-heap --tls-cipher-list"
    " --trace-event-categories --watch-path --run -e --eval -p --print -pe"
).union(PRELOADS, ENV_FILES)

_TSX = re.compile(r"(file://)?((\S*/)?node_modules/tsx(/\S*)?|tsx(/(esm|cjs|preflight))?)")
_FILE_OF_PACKAGE = re.compile(r"(?:^|/)node_modules/([\w-]+)/(?:dist|bin|src)/(?:.*/)?([\w-]+)")


def words(name: str, value: Any) -> list[str]:
    """A list of words from a list or a string; refuses everything else."""
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError as error:
            raise wrong(name, value, expected=f"balanced quotes ({error})") from error
    if not isinstance(value, (list, tuple)):
        raise wrong(name, value, expected="a list of words, or a string")
    for item in value:
        if isinstance(item, bool) or not isinstance(item, (str, int, float)):
            raise wrong(name, item, expected="words and numbers only")
    return [str(item) for item in value]


def tool(word: str) -> str:
    """The tool that a word starts: ``tsx`` for ``node_modules/.bin/tsx`` and for ``node_modules/tsx/dist/cli.mjs``."""
    file = _FILE_OF_PACKAGE.search(word)
    if file:
        return "npx" if file[2] == "npx-cli" else file[1]
    name = word.rsplit("/", 1)[-1]
    if "@" in name[1:]:
        name = name[: name.index("@", 1)]
    return "node" if name == "nodejs" else name


def take_flags(line: Sequence[str]) -> tuple[list[Flag], list[str]]:
    """Split a command line into the flags it begins with and the rest."""
    flags: list[Flag] = []
    rest = list(line)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        size = 2 if rest[0] in _VALUED else 1
        if len(rest) < size:
            raise wrong("node_args", rest[0], expected=f"a value after {rest[0]}")
        flags.append(tuple(rest[:size]))
        rest = rest[size:]
    return flags, rest[1:] if rest[:1] == ["--"] else rest


def name_of(flag: Flag) -> str:
    return flag[0].split("=", 1)[0]


def value_of(flag: Flag) -> str:
    """The value of a flag, in whichever form; empty where it has none."""
    return flag[1] if len(flag) > 1 else flag[0].partition("=")[2]


def with_value(flag: Flag, value: str) -> Flag:
    """The same flag in the same form with another value."""
    return (flag[0], value) if len(flag) > 1 else (f"{name_of(flag)}={value}",)


def loads_tsx(flag: Flag) -> bool:
    return name_of(flag) in PRELOADS and _TSX.fullmatch(value_of(flag)) is not None


def wrong(name: str, value: Any, *, expected: str) -> DeployError:
    """The refusal of an option's value that cannot be read."""
    return DeployError(
        f"{name} of the PM2 process cannot be read.",
        expected=expected,
        seen=repr(value),
        where="the PM2 process of the app",
        remedy=f"Correct {name}.",
    )
