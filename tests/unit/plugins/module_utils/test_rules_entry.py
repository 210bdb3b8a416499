# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Script, interpreter, arguments, loader: there, or said not to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_entry import (
    args_missing,
    entry_missing,
    interpreter_missing,
    loader_missing,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Program, entry_of

Find = Callable[..., list[Finding]]

LOCK = {"packages": {"": {}, "node_modules/next": {"bin": {"next": "dist/bin/next"}}}}
NEXT = {"dependencies": {"next": "^15.0.0"}}


@pytest.mark.parametrize(
    ("files", "script", "programs", "said"),
    [
        ({"server.js": ""}, "server.js", [], ""),
        ({}, "server.js", [], "no server.js in the release."),
        ({"dist/main.js": ""}, "dist/main", [], "there is dist/main.js, write it in full."),
        ({}, "", [], "No script"),
        ({}, "/opt/app/run.js", ["/opt/app/run.js"], ""),
        ({}, "/opt/app/run.js", [], "no /opt/app/run.js on this host"),
        ({"package.json": NEXT}, "node_modules/next/dist/bin/next", [], ""),
        ({"package.json": NEXT, "package-lock.json": LOCK}, "node_modules/.bin/next", [], ""),
        ({"package.json": NEXT}, "node_modules/.bin/next", [], ""),
        ({"package.json": {}}, "node_modules/next/dist/bin/next", [], "no node_modules/next"),
        ({"package.json": {}, "node_modules/next/run.js": ""}, "node_modules/next/run.js", [], ""),
        ({"package.json": NEXT, "package-lock.json": LOCK}, "node_modules/.bin/nest", [], "no node_modules/.bin/nest"),
    ],
)
def test_entry_missing(find: Find, files: Any, script: str, programs: list[str], said: str) -> None:
    found = find(entry_missing, files, entry={"script": script}, host={"programs": frozenset(programs)})
    assert [said in item.message for item in found] == ([True] if said else [])


@pytest.mark.parametrize(
    ("files", "interpreter", "programs", "hit"),
    [
        ({}, "node", [], False),
        ({}, "none", [], False),
        ({}, "python3", ["python3"], False),
        ({}, "bun", [], True),
        ({}, "/opt/node/bin/node", [], True),
        ({}, "/opt/node/bin/node", ["/opt/node/bin/node"], False),
        ({"run.sh": ""}, "./run.sh", [], False),
        ({}, "./run.sh", [], True),
        ({"package.json": {"dependencies": {"ts-node": "1"}}}, "ts-node", [], False),
        (
            {"package.json": {"dependencies": {"ts-node": "1"}}},
            "/var/www/app/current/node_modules/.bin/ts-node",
            [],
            False,
        ),
        ({"package.json": {"dependencies": {"ts-node": "1"}}}, "/opt/bin/ts-node", [], True),
        ({"package.json": {"dependencies": {"ts-node": "1"}}}, "node_modules/.bin/tsm", [], True),
        ({"package.json": {}, "package-lock.json": LOCK}, "next", [], False),
    ],
)
def test_interpreter_missing(find: Find, files: Any, interpreter: str, programs: list[str], hit: bool) -> None:
    host = {"programs": frozenset(programs)}
    assert bool(find(interpreter_missing, files, entry={"interpreter": interpreter}, host=host)) is hit


@pytest.mark.parametrize(
    ("args", "missing"),
    [
        (["src/worker.ts"], ["src/worker.ts"]),
        (["./config.json"], ["./config.json"]),
        (["src/there.js", "serve", "8080", "x.js"], []),
        (["conf/shared.json"], []),
        (["--out", "tmp/a.json", "--log-file", "x", "--pid", "run/pid.json"], []),
        (["--config", "conf/gone.json"], ["conf/gone.json"]),
        (["/etc/app.json", "../x.json", "src/*.js", "https://host/a.js", "--file=a/b.json"], []),
        (["./node_modules/a/b.js"], []),
    ],
)
def test_args_missing(find: Find, args: list[str], missing: list[str]) -> None:
    files = {"server.js": "", "src/there.js": ""}
    found = find(args_missing, files, entry={"args": tuple(args)}, shared_files=("conf/shared.json",))
    assert [item.message.split()[2] for item in found] == missing
    assert all(item.severity == ERROR for item in found)


DEV = {"devDependencies": {"tsx": "^4.0.0"}}
PROD = {"dependencies": {"tsx": "^4.0.0"}}
TRANSITIVE = {"packages": {"": {}, "node_modules/tsx": {"version": "4.0.0"}}}
TRANSITIVE_DEV = {"packages": {"": {}, "node_modules/tsx": {"version": "4.0.0", "dev": True}}}


@pytest.mark.parametrize(
    ("files", "install_args", "said"),
    [
        ({"package.json": PROD}, ["--omit=dev"], ""),
        ({"package.json": DEV}, [], ""),
        ({"package.json": DEV}, ["--omit=dev"], "only in devDependencies, which --omit=dev leaves out"),
        ({"package.json": DEV}, ["--omit", "dev"], "only in devDependencies"),
        ({"package.json": DEV}, ["--production"], "only in devDependencies"),
        ({"package.json": DEV}, ["--prod"], "only in devDependencies"),
        ({"package.json": {}}, [], "is no dependency"),
        ({"package.json": {}, "package-lock.json": TRANSITIVE}, ["--omit=dev"], ""),
        ({"package.json": DEV, "package-lock.json": TRANSITIVE_DEV}, ["--omit=dev"], "only in devDependencies"),
        ({"package.json": {}, "node_modules/tsx/package.json": "{}"}, [], ""),
        ({"package.json": PROD, "src/package.json": {"type": "module"}}, [], ""),
    ],
)
def test_loader_missing(find: Find, files: Any, install_args: list[str], said: str) -> None:
    entry = {"script": "src/server.ts", "loader": "tsx"}
    found = find(loader_missing, files, entry=entry, install_args=tuple(install_args))
    assert [said in item.message for item in found] == ([True] if said else [])


@pytest.mark.parametrize(
    ("node", "node_args", "hit"),
    [
        ("20.19.0", (), True),
        ("22.17.0", (), True),
        ("23.5.0", (), True),
        ("22.18.0", (), False),
        ("24.0.0", (), False),
        ("22.7.0", ("--experimental-strip-types",), False),
        ("20.19.0", ("--import", "ts-node/esm"), False),
    ],
)
def test_typescript_that_nothing_reads(find: Find, node: str, node_args: tuple[str, ...], hit: bool) -> None:
    found = find(loader_missing, entry={"script": "a.ts", "node_args": node_args}, host={"node": Program(node)})
    assert bool(found) is hit


@pytest.mark.parametrize(
    ("script", "meant"),
    [
        ("./src/server.ts", "src/server.ts"),
        ("/var/www/app/current/src/server.ts", "src/server.ts"),
        ("/opt/run.js", "/opt/run.js"),
        ("../../shared/run.js", "/var/www/app/shared/run.js"),
    ],
)
def test_a_script_is_read_relative_to_the_release(script: str, meant: str) -> None:
    assert entry_of({"script": script}, root="/var/www/app").script == meant
