# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a shell text runs, as far as one can tell without running it."""

from __future__ import annotations

import shlex

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._shell import commands, numbered, options

BUILD = "npm run build"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("npm run build", [(1, BUILD)]),
        ("# npm run build", []),
        ("ls # npm run build", [(1, "ls")]),
        ("echo 'npm run build'", [(1, "echo npm run build")]),
        ("cd x && npm run build; ls || true", [(1, "cd x"), (1, BUILD), (1, "ls"), (1, "true")]),
        ("if npm run build; then ls; fi", [(1, BUILD), (1, "ls"), (1, "fi")]),
        ("(cd x; npm run build) | tee log", [(1, "cd x"), (1, BUILD), (1, "tee log")]),
        ("a=$(npm run build)", [(1, BUILD)]),
        ("A=1 B='x y' npm run build", [(1, BUILD)]),
        ("sudo -u deploy -H npm run build", [(1, BUILD)]),
        ("env -u X A=1 nohup npm run build &", [(1, BUILD)]),
        ("timeout -k 5 60 npm run build", [(1, BUILD)]),
        ("cross-env NODE_ENV=production npm run build", [(1, BUILD)]),
        ("npx --yes pm2 start a.js", [(1, "pm2 start a.js")]),
        ("pnpm exec pm2 start a.js", [(1, "pm2 start a.js")]),
        ("./node_modules/.bin/pm2 start a.js", [(1, "pm2 start a.js")]),
        ("ls\n\nnpm run \\\n  build", [(1, "ls"), (3, BUILD)]),
        ("npm run build \\", [(1, BUILD)]),
        ('ssh host "cd x && npm run build"', [(1, "ssh host cd x && npm run build"), (1, "cd x"), (1, BUILD)]),
        ("sh -c 'sh -c \"a b\"'", [(1, 'sh -c sh -c "a b"'), (1, "sh -c a b"), (1, "a b")]),
        ("ssh host <<EOF\nnpm run build\nEOF", [(1, "ssh host <<EOF"), (2, BUILD), (3, "EOF")]),
        ("echo it's\nnpm run build", [(1, "echo it s"), (2, BUILD)]),
        ("sudo", []),
        ("", []),
    ],
)  # fmt: skip
def test_commands(text: str, found: list[tuple[int, str]]) -> None:
    assert [(one.line, " ".join(one.words)) for one in commands(numbered(text))] == found


def test_shells_in_shells_come_to_an_end() -> None:
    text = "echo deep"
    for _depth in range(7):
        text = f"bash -c {shlex.quote(text)}"
    assert [one.program for one in commands(numbered(text))] == ["bash"] * 5


def test_a_line_without_end_takes_no_time() -> None:
    assert len(list(commands(numbered("a;" * 500_000)))) < 20_000


@pytest.mark.parametrize(
    ("words", "found", "rest"),
    [
        ("a --name x b", {"--name": "x"}, ["a", "b"]),
        ("--name=x --force a", {"--name": "x", "--force": ""}, ["a"]),
        ("a -- --name x", {}, ["a", "--name", "x"]),
        ("--name", {"--name": ""}, []),
    ],
)
def test_options(words: str, found: dict[str, str], rest: list[str]) -> None:
    assert options(words.split(), frozenset({"--name"})) == (found, rest)
