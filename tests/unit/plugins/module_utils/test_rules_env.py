# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The environment: names are compared and shown, values never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_env import (
    env_file_missing,
    env_file_readable,
    env_keys,
    env_keys_missing,
    node_env_unset,
    sentry_disabled,
    switched_on,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import EnvFile

Find = Callable[..., list[Finding]]

EXAMPLE = '# needed\nDATABASE_URL=\n#OPTIONAL=1\nexport API_KEY = secret-looking\nLOG="a\nNOT_A_KEY=1"\n'


SENTRY = {"package.json": {"dependencies": {"@sentry/node": "^8"}}}


def test_env_keys_and_their_lines() -> None:
    assert env_keys(EXAMPLE) == {"DATABASE_URL": 2, "API_KEY": 4, "LOG": 5}


@pytest.mark.parametrize(
    ("files", "entry", "host", "missing"),
    [
        ({}, {}, {}, ["DATABASE_URL", "API_KEY", "LOG"]),
        ({}, {"env": frozenset({"LOG", "API_KEY"})}, {}, ["DATABASE_URL"]),
        ({}, {}, {"env_file": EnvFile("/e", 0o600, 0, frozenset({"API_KEY", "DATABASE_URL"}))}, ["LOG"]),
        ({}, {}, {"env_file": EnvFile("/e", 0o600, 0, None)}, ["DATABASE_URL", "API_KEY", "LOG"]),
        ({}, {}, {"env_keys": frozenset({"API_KEY", "DATABASE_URL", "LOG"})}, []),
        ({".env": "DATABASE_URL=1", ".env.production": "LOG=2", ".env.sample": "API_KEY=3"}, {}, {}, ["API_KEY"]),
    ],
)
def test_env_keys_missing(find: Find, files: Any, entry: Any, host: Any, missing: list[str]) -> None:
    found = find(env_keys_missing, {".env.example": EXAMPLE, **files}, entry=entry, host=host)
    assert [item.text for finding in found for item in finding.evidence] == missing
    assert "secret-looking" not in "".join(map(str, found))


def test_no_example_asks_for_nothing(find: Find) -> None:
    assert find(env_keys_missing, {"server.js": ""}) == []


@pytest.mark.parametrize(
    ("named", "there", "node_args", "hit"),
    [
        ("/e", None, (), True),
        ("/e", EnvFile("/e", 0o600, 0, frozenset()), (), False),
        ("", None, (), False),
        ("/e", None, ("--env-file-if-exists=/e",), False),
    ],
)
def test_env_file_missing(find: Find, named: str, there: EnvFile | None, node_args: Any, hit: bool) -> None:
    found = find(env_file_missing, entry={"node_args": node_args}, host={"env_file": there}, env_file=named)
    assert bool(found) is hit


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (EnvFile("/e", 0o600, 7, frozenset()), []),
        (EnvFile("/e", 0o400, 7, frozenset()), []),
        (EnvFile("/e", 0o640, 7, frozenset()), ["mode 0640"]),
        (EnvFile("/e", 0o700, 7, frozenset()), ["mode 0700"]),
        (EnvFile("/e", 0o600, 8, None), ["belongs to uid 8", "cannot be read"]),
        (None, []),
    ],
)
def test_env_file_readable(find: Find, file: EnvFile | None, said: list[str]) -> None:
    found = find(env_file_readable, host={"env_file": file, "uid": 7})
    assert [part in item.message for part, item in zip(said, found)] == [True] * len(said)
    assert len(found) == len(said)


@pytest.mark.parametrize(
    ("entry", "host", "hit"),
    [
        ({"env": frozenset({"PORT"})}, {}, True),
        ({"env": frozenset({"NODE_ENV"})}, {}, False),
        ({"name": "shop"}, {"env_keys": frozenset({"NODE_ENV"})}, False),
        ({"name": "shop"}, {"env_file": EnvFile("/e", 0o600, 0, frozenset({"NODE_ENV"}))}, False),
        ({"name": "shop"}, {"env_file": EnvFile("/e", 0o600, 0, None)}, True),
        ({"name": "shop", "interpreter": "python3"}, {}, False),
        ({}, {}, False),
    ],
)
def test_node_env_unset(find: Find, entry: Any, host: Any, hit: bool) -> None:
    assert bool(find(node_env_unset, entry=entry, host=host)) is hit


@pytest.mark.parametrize(
    ("files", "entry", "host", "hit"),
    [
        (SENTRY, {}, {}, True),
        (SENTRY, {"env": frozenset({"SENTRY_ENABLED"})}, {}, True),
        (SENTRY, {"env_on": frozenset({"SENTRY_ENABLED"})}, {}, False),
        (SENTRY, {}, {"env_on": frozenset({"SENTRY_ENABLED"})}, False),
        ({"package.json": {"devDependencies": {"@sentry/cli": "^2"}}}, {}, {}, False),
        ({"package.json": {"dependencies": {"sentry": "1"}}}, {}, {}, False),
        ({"b/package.json": SENTRY["package.json"], "b/a.js": ""}, {"script": "b/a.js"}, {}, True),
    ],
)  # fmt: skip
def test_sentry_disabled(find: Find, files: Any, entry: Any, host: Any, hit: bool) -> None:
    assert bool(find(sentry_disabled, files, entry=entry, host=host)) is hit


def test_switched_on() -> None:
    text = "A=true\nexport B='1'\nC=Yes # so\nD=on\nE=false\nF=0\nG=\n#H=true\nI=truely\nJ=trueish secret\n"
    assert switched_on(text) == {"A", "B", "C", "D"}
