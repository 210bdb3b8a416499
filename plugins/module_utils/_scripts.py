# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of a release by which people and machines build, copy and start it: which they are, what they run."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._package import line_of_value
from ansible_collections.nodeops.pm2.plugins.module_utils._shell import Command, commands, numbered
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

SHELL, MAKE, DOCKER, IMAGE = "shell", "make", "docker", "image"
PIPELINE, PROCFILE, NPM = "pipeline", "procfile", "npm"
MOST = 200  # files; whoever has more of them does not deploy by them all
_NAMES = (
    (SHELL, re.compile(r"(^|/)[^/]*\.(sh|bash)$")),
    (MAKE, re.compile(r"(^|/)(GNUm|m|M)akefile$|\.mk$")),
    (DOCKER, re.compile(r"(^|/)(Dockerfile|Containerfile)[^/]*$|\.dockerfile$", re.IGNORECASE)),
    (
        PIPELINE,
        re.compile(
            r"^\.(github|gitea|forgejo)/workflows/[^/]+\.ya?ml$|^\.gitlab-ci\.ya?ml$|^\.circleci/config\.ya?ml$"
            r"|^(bitbucket|azure)-pipelines\.ya?ml$|^\.travis\.ya?ml$|^\.drone\.ya?ml$|^\.woodpecker\.ya?ml$"
            r"|^buildspec\.ya?ml$|^Jenkinsfile$"
        ),
    ),
    (PROCFILE, re.compile(r"^Procfile$")),
)
# Where a shell script may lie that has no suffix to tell.
_HOMES = frozenset({"", "bin", "scripts", "script", "deploy", "deployment", "tools", ".deploy", "ops", "infra"})
_SHEBANG = re.compile(r"#!\s*\S*(/|env )(ba|da|z|k)?sh\b")
_YAML = re.compile(r"^\s*(-\s+)*([\w .-]{1,40}:\s+)?([|>][-+]?\s*$)?")
_GROOVY = re.compile(r"\b(?:sh|bat)\b\s*\(?\s*(?:script:\s*)?(\"{3}|'{3}|\"|')(.*?)(?:\1|$)")


@dataclass(frozen=True)
class Script:
    """A file, or one entry of ``scripts`` in a package.json.

    :param kind: a Dockerfile is two: what the image is made by, and what it starts.
    :param name: of the entry; empty for a file.
    :param below: directory of the package it belongs to.
    """

    kind: str
    path: str
    commands: tuple[Command, ...]
    name: str = ""
    below: str = ""

    def __str__(self) -> str:
        return f"scripts.{self.name} of {self.path}" if self.name else self.path


@cache
def scripts(tree: Tree, home: str) -> tuple[Script, ...]:
    """All of them, at most 200 files, with the npm scripts of the release and of the package in ``home``."""
    found: list[Script] = []
    for path in tree.files:
        kind = _kind(tree, path)
        if kind and len(found) < MOST:
            kinds = (DOCKER, IMAGE) if kind == DOCKER else (kind,)
            found += [_script(tree, path, one) for one in kinds]
    for below in sorted({"", home}):
        found += npm_scripts(tree, below).values()
    return tuple(found)


@cache
def npm_scripts(tree: Tree, below: str) -> dict[str, Script]:
    """What ``npm run`` knows in the package in ``below``."""
    path = posixpath.join(below, "package.json")
    given = tree.json(path).get("scripts")
    found: dict[str, Script] = {}
    for name, text in given.items() if isinstance(given, dict) else ():
        if isinstance(text, str):
            line = max(line_of_value(tree.text(path), name, text), 1)
            found[name] = Script(NPM, path, tuple(commands([(line, text)])), name, below)
    return found


def _script(tree: Tree, path: str, kind: str) -> Script:
    return Script(kind, path, tuple(commands(_lines(kind, tree.text(path)))), below=tree.package_of(path))


def _kind(tree: Tree, path: str) -> str:
    kind = next((kind for kind, form in _NAMES if form.search(path)), "")
    if kind or posixpath.dirname(path) not in _HOMES or "." in posixpath.basename(path):
        return kind
    return SHELL if tree.files[path] < 100_000 and _SHEBANG.match(tree.text(path)) else ""


def _lines(kind: str, text: str) -> Iterator[tuple[int, str]]:
    """The lines of shell in a file of this kind."""
    if kind in (DOCKER, IMAGE):
        for number, keyword, rest in _instructions(text):
            if (keyword in ("CMD", "ENTRYPOINT")) is (kind == IMAGE):
                yield number, _of_docker(keyword, rest)
        return
    readers: dict[str, Callable[[str], str]] = {MAKE: _recipe, PIPELINE: _step, PROCFILE: _process}
    command_in = readers.get(kind, str)
    yield from ((number, command_in(line)) for number, line in numbered(text))


def _process(line: str) -> str:
    return line.partition(":")[2]


def _recipe(line: str) -> str:
    return line.lstrip("\t@-+ ") if line.startswith("\t") else ""


def _step(line: str) -> str:
    """The command in a line of a pipeline: behind the key or dash of YAML, or what Groovy hands to a shell."""
    groovy = _GROOVY.search(line)
    if groovy:
        return groovy[2]
    rest = line[_YAML.match(line).end() :]  # type: ignore[union-attr]
    quoted = re.fullmatch(r"([\"'])(.*)\1\s*", rest)
    return quoted[2] if quoted else rest


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """The instructions of a Dockerfile: the line each begins on, its keyword, the rest with all that continues it."""
    first, kept = 0, ""
    for number, line in numbered(text):
        if line.lstrip().startswith("#"):
            continue
        first = first or number
        kept += line.rstrip().rstrip("\\") + " "
        if not line.rstrip().endswith("\\"):
            keyword, _space, rest = kept.strip().partition(" ")
            yield first, keyword.upper(), rest.strip()
            first, kept = 0, ""


def _of_docker(keyword: str, rest: str) -> str:
    """What an instruction runs; a copy is one by ``cp``."""
    plain = re.sub(r"^(--\S+\s+)+", "", rest)
    if keyword in ("COPY", "ADD"):
        return f"cp {plain}"
    if keyword not in ("RUN", "CMD", "ENTRYPOINT"):
        return ""
    return _exec_form(plain) if plain.startswith("[") else plain


def _exec_form(text: str) -> str:
    try:
        words: Any = json.loads(text)
    except ValueError:
        return text
    return " ".join(f"'{word}'" if re.search(r"\s", str(word)) else str(word) for word in words)
