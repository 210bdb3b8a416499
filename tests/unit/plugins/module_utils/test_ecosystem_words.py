# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_words import (
    loads_tsx,
    name_of,
    take_flags,
    tool,
    value_of,
    with_value,
    words,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", []),
        ("--port 80 'two words'", ["--port", "80", "two words"]),
        (["--port", 80, 1.5], ["--port", "80", "1.5"]),
        (("a",), ["a"]),
    ],
)
def test_words(given: Any, expected: list[str]) -> None:
    assert words("args", given) == expected


@pytest.mark.parametrize("given", [{"a": 1}, None, 5, True, [None], [{"a": 1}], [True], "it's"])
def test_what_is_no_list_of_words_is_refused(given: Any) -> None:
    with pytest.raises(DeployError, match="args of the PM2 process cannot be read"):
        words("args", given)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("tsx", "tsx"),
        ("tsx@4.19", "tsx"),
        ("/usr/local/bin/tsx", "tsx"),
        ("./node_modules/.bin/tsx", "tsx"),
        ("node_modules/tsx/dist/cli.mjs", "tsx"),
        ("/usr/lib/node_modules/npm/bin/npm-cli.js", "npm"),
        ("/usr/lib/node_modules/npm/bin/npx-cli.js", "npx"),
        ("node_modules/ts-node/dist/bin.js", "ts-node"),
        ("nodejs", "node"),
        ("/opt/node/bin/node", "node"),
        ("src/server.ts", "server.ts"),
        ("@scope", "@scope"),
    ],
)
def test_tool(word: str, expected: str) -> None:
    assert tool(word) == expected


@pytest.mark.parametrize(
    ("line", "flags", "rest"),
    [
        ([], [], []),
        (["a", "--b"], [], ["a", "--b"]),
        (["--import", "x", "a"], [("--import", "x")], ["a"]),
        (["--import=x", "a"], [("--import=x",)], ["a"]),
        (["--no-cache", "a"], [("--no-cache",)], ["a"]),
        (["-r", "x", "--", "-a"], [("-r", "x")], ["-a"]),
    ],
)
def test_take_flags(line: list[str], flags: list[tuple[str, ...]], rest: list[str]) -> None:
    assert take_flags(line) == (flags, rest)


def test_a_flag_without_its_value_is_refused() -> None:
    with pytest.raises(DeployError, match="a value after --import"):
        take_flags(["--import"])


@pytest.mark.parametrize("flag", [("--import", "x=1"), ("--import=x=1",)])
def test_a_flag_is_the_same_in_both_forms(flag: tuple[str, ...]) -> None:
    assert (name_of(flag), value_of(flag)) == ("--import", "x=1")
    assert value_of(with_value(flag, "y=2")) == "y=2"
    assert len(with_value(flag, "y=2")) == len(flag)


@pytest.mark.parametrize(
    ("flag", "expected"),
    [
        (("--import", "tsx"), True),
        (("--import=tsx",), True),
        (("--import", "tsx/esm"), True),
        (("--loader", "tsx"), True),
        (("-r", "tsx/cjs"), True),
        (("--import", "file:///srv/app/node_modules/tsx/dist/loader.mjs"), True),
        (("--import", "./node_modules/tsx/dist/loader.mjs"), True),
        (("--import", "./src/tsx/instrument.mjs"), False),
        (("--import", "tsx-helper"), False),
        (("--title", "tsx"), False),
    ],
)
def test_loads_tsx(flag: tuple[str, ...], expected: bool) -> None:
    assert loads_tsx(flag) is expected
