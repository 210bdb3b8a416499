# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a command in somebody's script starts: which file, under which name, with which limit. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils import _outputs
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_words import names
from ansible_collections.nodeops.pm2.plugins.module_utils._scripts import IMAGE, NPM, PROCFILE, Script, npm_scripts
from ansible_collections.nodeops.pm2.plugins.module_utils._shell import Command, options
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

_STARTING = frozenset(
    {"start", "restart", "reload", "startorrestart", "startorreload", "startorgracefulreload", "gracefulreload"}
)
_PM2_VALUED = names(
    "--name -n --max-restarts --only --interpreter --cwd -i --instances --env -e --error -o --output -l --log"
    " --max-memory-restart --namespace --cron --cron-restart -c --restart-delay --exp-backoff-restart-delay --node-args"
    " --interpreter-args --min-uptime --kill-timeout --listen-timeout --stop-exit-codes -u --user --uid --gid --hp"
    " --ignore-watch --log-date-format --merge-logs --pid -p --wait-ip --filter-env"
)
_RUNNERS = frozenset({"node", "nodejs", "tsx", "ts-node", "bun", "deno"})
_NODE_VALUED = names(
    "--import --require -r --loader --experimental-loader --env-file --env-file-if-exists -C --conditions --tsconfig"
    " --title -P --project -e --eval -p --print"
)
_CONFIG = re.compile(r"(ecosystem|pm2|process|processes|apps?)(\.[\w.-]+)?\.(json5?|ya?ml|c?js|mjs)$|\.config\.\w+$")
_SOURCE = re.compile(r"\.(c|m)?(js|ts)x?$")
_UNKNOWN = re.compile(r"[$`{}<>*%]|^(all|\d+)$")


@dataclass(frozen=True)
class Start:
    """One start; what is not said is empty.

    :param file: as written.
    :param line: in the file that the script lies in.
    """

    line: int
    by_pm2: bool = True
    file: str = ""
    name: str = ""
    max_restarts: str = ""


def starts(tree: Tree, script: Script, command: Command) -> Iterator[Start]:
    """What a command starts that a deploy by this collection would start as well."""
    if command.program in ("pm2", "pm2-runtime"):
        yield from of_pm2(tree, script.below, command)
    elif script.kind in (IMAGE, PROCFILE) or (script.kind == NPM and script.name == "start"):
        file = _run_by(command)
        if file:
            yield Start(command.line, by_pm2=False, file=file)


def same_file(tree: Tree, written: str, below: str, entry: str) -> bool:
    """Whether a file that a script names can be the entry, wherever the script changes to before."""
    plain = posixpath.normpath(written)
    if plain in tree.files:
        return plain == entry
    stems = {entry, re.sub(r"\.\w+$", "", entry), re.sub(r"/index\.\w+$", "", entry)}
    places = (plain, posixpath.normpath(posixpath.join(below, plain)))
    return any(
        place == stem or place.endswith("/" + stem) or stem.endswith("/" + place.lstrip("./"))
        for stem in stems
        for place in places
    )


def of_pm2(tree: Tree, below: str, command: Command) -> Iterator[Start]:
    """What ``pm2 start`` and its like are given; ``below`` is the package whose npm scripts they may name."""
    found, rest = options(command.args, _PM2_VALUED)
    if command.program == "pm2":
        if not rest or rest[0].lower() not in _STARTING:
            return
        rest = rest[1:]
    name = next((found[key] for key in ("--name", "-n", "--only") if found.get(key)), "")
    limit = found.get("--max-restarts", "")
    file = ""
    if rest and not _CONFIG.search(rest[0]) and not _UNKNOWN.search(rest[0]):
        file, other = _target(tree, below, rest)
        name = name or other
    file, name = ("" if _UNKNOWN.search(word) else word for word in (file, name))
    yield Start(command.line, file=file, name=name, max_restarts=limit if limit.isdigit() else "")


def _target(tree: Tree, below: str, words: list[str]) -> tuple[str, str]:
    """The file and the name that the first words behind ``pm2 start`` mean, either empty."""
    first, rest = words[0], words[1:]
    if first in ("npm", "yarn", "pnpm"):
        for place, name in _outputs.called(tree, Command(0, first, tuple(rest)), below):
            file = next(filter(None, map(_run_by, npm_scripts(tree, place)[name].commands)), "")
            return posixpath.join(place, file) if file else "", ""
        return "", ""
    if re.search(r"\s", first):
        return _run_by(Command(0, first.split()[0], tuple(first.split()[1:]))), ""
    if posixpath.basename(first) in _RUNNERS:
        return _run_by(Command(0, posixpath.basename(first), tuple(rest))), ""
    return (first, "") if _SOURCE.search(first) or "/" in first else ("", first)


def _run_by(command: Command) -> str:
    """The source file that a runner is given; empty where it is none."""
    if command.program not in _RUNNERS:
        return ""
    _found, rest = options(command.args, _NODE_VALUED)
    rest = rest[1:] if rest[:1] in (["run"], ["watch"]) else rest
    known = rest and not _UNKNOWN.search(rest[0]) and (_SOURCE.search(rest[0]) or "/" in rest[0])
    return rest[0] if known else ""
