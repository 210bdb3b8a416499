# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The commands in a shell text, as far as they can be told without running it. Pure.

What is quoted for another shell (``ssh host '...'``, ``bash -c "..."``) is read as well; variables stay as they are.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

_ENDS = frozenset({";", "&", "&&", "|", "||", "(", ")", ";;", "|&", "{", "}"})
_KEYWORDS = frozenset({"if", "then", "else", "elif", "do", "while", "until", "!", "time", "exec", "nohup", "command"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
# Those that take a command of their own, with their options that take a value.
_BEFORE = {
    "sudo": ("-u", "-g", "-h", "-p", "-C", "-T"),
    "doas": ("-u", "-C"),
    "env": ("-u", "-C", "-S"),
    "cross-env": (),
    "nice": ("-n",),
    "ionice": ("-c", "-n"),
    "timeout": ("-s", "-k"),
    "xargs": ("-n", "-I", "-P", "-L"),
    "npx": ("-p", "--package", "-c"),
    "bunx": (),
    "pnpx": (),
    "dotenv": ("-e", "-p"),
}
_SHELLS = frozenset(
    {"ssh", "sh", "bash", "dash", "zsh", "su", "eval", "runuser", "sshpass", "docker", "docker-compose"}
)
_DEEPEST = 4  # shells in shells


@dataclass(frozen=True)
class Command:
    """One simple command.

    :param line: where it begins, from 1.
    :param program: name of the program, without the directory it lies in.
    """

    line: int
    program: str
    args: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return (self.program, *self.args)


def commands(lines: Iterable[tuple[int, str]], *, depth: int = 0) -> Iterator[Command]:
    """The simple commands in numbered lines of shell text, those in inner shells among them."""
    for number, text in _logical(lines):
        for words in _split(text):
            found = _unwrapped(words)
            if not found:
                continue
            yield Command(number, posixpath.basename(found[0]), tuple(found[1:]))
            if posixpath.basename(found[0]) in _SHELLS and depth < _DEEPEST:
                inner = (word for word in found[1:] if re.search(r"\s", word))
                yield from commands(((number, word) for text in inner for word in text.split("\n")), depth=depth + 1)


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, from 1."""
    return enumerate(text.splitlines(), start=1)


def options(args: Sequence[str], valued: frozenset[str]) -> tuple[dict[str, str], list[str]]:
    """The options among ``args`` by name, in either form, and what is none; ``valued`` take the next word."""
    found: dict[str, str] = {}
    rest: list[str] = []
    words = iter(args)
    for word in words:
        if word == "--":
            return found, [*rest, *words]
        if not word.startswith("-"):
            rest.append(word)
        elif "=" in word:
            name, _equals, value = word.partition("=")
            found[name] = value
        else:
            found[word] = next(words, "") if word in valued else ""
    return found, rest


def _logical(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines with those that a backslash continues put together, by the number of the first."""
    first, kept = 0, ""
    for number, text in lines:
        first = first or number
        if text.rstrip().endswith("\\") and len(kept) < 20_000:
            kept += text.rstrip()[:-1] + " "
            continue
        yield first, kept + text
        first, kept = 0, ""
    if kept:
        yield first, kept


def _split(text: str) -> Iterator[list[str]]:
    """The words of each simple command in a line; quotes that are still open end the attempt to obey them."""
    lexer = shlex.shlex(text[:20_000], posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:
        words = text.replace('"', " ").replace("'", " ").split()
    current: list[str] = []
    for word in words:
        if word.startswith("#"):
            break
        if word in _ENDS:
            yield current
            current = []
        else:
            current.append(word)
    yield current


def _unwrapped(words: list[str]) -> list[str]:
    """The command itself, without what only sets the stage for it."""
    rest = words
    while rest:
        name = posixpath.basename(rest[0])
        if rest[0] in _KEYWORDS or _ASSIGNMENT.match(rest[0]):
            rest = rest[1:]
        elif name in _BEFORE:
            rest = _after_options(rest[1:], _BEFORE[name], number=name == "timeout")
        elif name in ("pnpm", "yarn", "bun", "npm") and rest[1:2] in (["exec"], ["dlx"], ["x"]):
            rest = _after_options(rest[2:], (), number=False)
        else:
            return rest
    return []


def _after_options(words: list[str], valued: Sequence[str], *, number: bool) -> list[str]:
    rest = words
    while rest and (rest[0].startswith("-") or _ASSIGNMENT.match(rest[0])):
        rest = rest[2 if rest[0] in valued else 1 :]
    return rest[1:] if number else rest
