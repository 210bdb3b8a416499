# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stale builds: the incident, its relatives, and what only looks like them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_build import stale_build_output, stale_compiled_entry

Find = Callable[..., list[Finding]]

TSX = {"script": "src/server.ts", "loader": "tsx"}
SOURCE = "export const answer = 42;\n"
STALE = '"use strict";\nconst __dirname = require("path").resolve();\n'
BUILT = {"src/server.ts": SOURCE, "dist/server.js": STALE}


def source_map(text: str, source: str = "../src/server.ts") -> dict[str, Any]:
    return {"version": 3, "sources": [source], "sourcesContent": [text], "mappings": ""}


@pytest.mark.parametrize(
    ("files", "where"),
    [
        pytest.param({"package.json": {"type": "module", "main": "dist/server.js"}}, "main in package.json", id="main"),
        pytest.param({"package.json": {"main": "./dist/server"}}, "main in package.json", id="without suffix"),
        pytest.param({"package.json": {"module": "dist/server.js"}}, "module in package.json", id="module"),
        pytest.param({"package.json": {"bin": {"shop": "./dist/server.js"}}}, "bin in package.json", id="bin"),
        pytest.param({"package.json": {"exports": "./dist/server.js"}}, "exports in package.json", id="exports"),
        pytest.param(
            {"package.json": {"exports": {".": {"types": "./d.ts", "import": "./dist/server.js"}}}},
            "exports in package.json",
            id="conditional exports",
        ),
        pytest.param({"package.json": {"exports": {"./*": "./dist/*.js"}}}, "exports in package.json", id="pattern"),
        pytest.param(
            {"package.json": {"imports": {"#app": "./dist/server.js"}}}, "imports in package.json", id="imports"
        ),
        pytest.param(
            {"package.json": {"scripts": {"start": "NODE_ENV=production node dist/server.js"}}},
            "scripts.start in package.json",
            id="npm start",
        ),
        pytest.param(
            {"tsconfig.json": '{"compilerOptions": {// aliases\n"paths": {"@/*": ["dist/*", "src/*"],},},}'},
            "paths[@/*] in tsconfig.json",
            id="alias",
        ),
        pytest.param(
            {
                "tsconfig.json": {"extends": "./base"},
                "base.json": {"compilerOptions": {"paths": {"app": ["dist/server"]}}},
            },
            "paths[app] in tsconfig.json",
            id="inherited alias",
        ),
    ],
)
def test_what_resolves_to_the_build_of_a_source_entry_is_an_error(find: Find, files: Any, where: str) -> None:
    (found,) = find(stale_build_output, {**BUILT, **files}, entry=TSX)
    assert found.severity == ERROR
    assert f"{where} leads to dist/server.js" in found.message
    assert (found.evidence[-1].file, found.evidence[-1].line) == ("dist/server.js", 2)


def test_the_evidence_names_every_line_that_resolves(find: Find) -> None:
    manifest = {"main": "dist/server.js", "scripts": {"start": "node dist/server.js"}}
    (found,) = find(stale_build_output, {**BUILT, "package.json": manifest}, entry=TSX)
    assert [str(item) for item in found.evidence] == [
        'package.json:2: "main": "dist/server.js",',
        'package.json:4: "start": "node dist/server.js"',
        'dist/server.js:2: const __dirname = require("path").resolve();',
    ]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"package.json": {"type": "module"}}, id="no field leads there"),
        pytest.param(
            {"package.json": {"exports": {"import": "./src/server.ts", "browser": "./dist/server.js"}}}, id="browser"
        ),
        pytest.param({"package.json": {"scripts": {"build": "tsc --outDir dist"}}}, id="a script that builds"),
        pytest.param(
            {"tsconfig.json": {"compilerOptions": {"paths": {"@/*": ["src/*", "dist/*"]}}}}, id="source first"
        ),
    ],
)
def test_a_build_that_nothing_resolves_to_is_a_warning_that_says_so(find: Find, files: Any) -> None:
    (found,) = find(stale_build_output, {**BUILT, **files}, entry=TSX)
    assert found.severity == WARNING
    assert "harmless" in found.message
    assert found.evidence[0].file == "dist/server.js"


def test_a_condition_given_to_node_decides(find: Find) -> None:
    manifest = {"imports": {"#app": {"source": "./src/server.ts", "default": "./dist/server.js"}}}
    files = {**BUILT, "package.json": manifest}
    assert find(stale_build_output, files, entry=TSX)[0].severity == ERROR
    source = {**TSX, "node_args": ("--conditions=source",)}
    assert find(stale_build_output, files, entry=source)[0].severity == WARNING


@pytest.mark.parametrize(
    ("files", "entry"),
    [
        pytest.param(
            {"package.json": {"main": "dist/server.js"}, "src/server.ts": SOURCE}, TSX, id="no build is shipped"
        ),
        pytest.param(
            {**BUILT, "package.json": {"main": "dist/server.js"}}, {"script": "dist/server.js"}, id="compiled entry"
        ),
        pytest.param(
            {"src/server.ts": "", "dist/index.html": "", "dist/app.js": "", "package.json": {}},
            TSX,
            id="a browser's build",
        ),
        pytest.param(
            {"server.js": "require('./lib/app')", "lib/app.js": "", "package.json": {"main": "lib/app.js"}},
            {"script": "server.js"},
            id="lib written by hand",
        ),
        pytest.param(
            {"src/app.js": "", "lib/app.js": "module.exports = 1", "src/server.js": ""},
            {"script": "src/server.js"},
            id="the same names in lib and src",
        ),
        pytest.param(
            {"index.js": "require('./dist/main')", "dist/main.js": "exports.__esModule = 1", "package.json": {}},
            {"script": "index.js"},
            id="a front that requires its own build",
        ),
        pytest.param(
            {"bin/run": "import('../dist/cli.js')", "dist/cli.js": "exports.__esModule = 1", "package.json": {}},
            {"script": "bin/run"},
            id="a published command without its sources",
        ),
        pytest.param(
            {
                "src/a.js": "",
                "dist/a.js": "exports.__esModule = 1",
                "server.js": "",
                "package.json": {"main": "dist/a.js"},
            },
            {"script": "server.js"},
            id="a library beside plain JavaScript",
        ),
    ],
)
def test_what_only_looks_like_a_stale_build(find: Find, files: Any, entry: Any) -> None:
    assert find(stale_build_output, files, entry=entry) == []


WORKSPACE = {
    "package.json": {"workspaces": ["packages/*"]},
    "packages/api/package.json": {"name": "api"},
    "packages/api/src/server.ts": "import { db } from '@shop/db';",
    "packages/db/package.json": {"name": "@shop/db", "main": "dist/index.js"},
    "packages/db/src/index.ts": SOURCE,
    "packages/db/dist/index.js": "exports.answer = 42;",
}


@pytest.mark.parametrize(
    ("text", "severities"),
    [
        pytest.param(SOURCE, [], id="proved to be fresh"),
        pytest.param("export const answer = 41;\n", [ERROR], id="proved to be stale"),
        pytest.param(None, [WARNING], id="not proved"),
    ],
)
def test_another_workspace_package_is_judged_by_its_age(find: Find, text: str | None, severities: list[str]) -> None:
    sources = {"packages/db/dist/index.js.map": source_map(text, "../src/index.ts")} if text else {}
    found = find(
        stale_build_output, {**WORKSPACE, **sources}, entry={"script": "packages/api/src/server.ts", "loader": "tsx"}
    )
    assert [item.severity for item in found] == severities


def test_an_import_of_stale_output_is_an_error(find: Find) -> None:
    files = {
        "src/server.ts": "import '../dist/db.js';",
        "src/db.ts": SOURCE,
        "dist/db.js": "",
        "dist/db.js.map": source_map("old", "../src/db.ts"),
    }
    (found,) = find(stale_build_output, files, entry=TSX)
    assert found.severity == ERROR
    assert str(found.evidence[0]) == "src/server.ts:1: import '../dist/db.js';"


COMPILED = {"script": "dist/server.js"}


def inline(text: str) -> str:
    encoded = base64.b64encode(json.dumps(source_map(text)).encode()).decode()
    return f"x\n//# sourceMappingURL=data:application/json;base64,{encoded}\n"


def build_info(text: str) -> dict[str, Any]:
    version = hashlib.sha256(text.encode()).hexdigest()
    return {"fileNames": ["../src/server.ts"], "fileInfos": [{"version": version, "signature": "-"}]}


@pytest.mark.parametrize(
    ("files", "times", "said"),
    [
        pytest.param({"dist/server.js.map": source_map("old\n")}, {}, "source map", id="source map"),
        pytest.param(
            {"dist/server.js.map": source_map("old\n", "webpack://shop/./src/server.ts")}, {}, "source map", id="bundle"
        ),
        pytest.param({"dist/server.js": inline("old\n")}, {}, "source map", id="inline source map"),
        pytest.param({"dist/.tsbuildinfo": build_info("old\n")}, {}, "hash", id="tsbuildinfo"),
        pytest.param(
            {"dist/.tsbuildinfo": {"program": build_info("old\n")}}, {}, "hash", id="tsbuildinfo of older compilers"
        ),
        pytest.param({}, {"src/server.ts": 103.0, "dist/server.js": 100.0}, "3 s after", id="mtime"),
    ],
)
def test_a_compiled_entry_older_than_its_source(find: Find, files: Any, times: Any, said: str) -> None:
    (found,) = find(stale_compiled_entry, {**BUILT, **files}, entry=COMPILED, times=times)
    assert found.severity == ERROR
    assert said in found.message
    assert {"dist/server.js", "src/server.ts"} <= {item.file for item in found.evidence}


@pytest.mark.parametrize(
    ("files", "times"),
    [
        pytest.param(
            {"dist/server.js.map": source_map(SOURCE)}, {"src/server.ts": 9e9, "dist/server.js": 1.0}, id="map"
        ),
        pytest.param({"dist/server.js.map": source_map(SOURCE.replace("\n", "\r\n"))}, {}, id="other line ends"),
        pytest.param(
            {"dist/.tsbuildinfo": build_info(SOURCE)}, {"src/server.ts": 9e9, "dist/server.js": 1.0}, id="hash"
        ),
        pytest.param({}, {"src/server.ts": 102.0, "dist/server.js": 100.0}, id="one step of a zip's clock"),
        pytest.param({}, {"src/server.ts": 100.0, "dist/server.js": 900.0}, id="built later"),
        pytest.param({}, {}, id="nothing is known"),
    ],
)
def test_a_compiled_entry_that_is_not_known_to_be_older(find: Find, files: Any, times: Any) -> None:
    assert find(stale_compiled_entry, {**BUILT, **files}, entry=COMPILED, times=times) == []


def test_what_the_compiled_entry_loads_is_compared_too(find: Find) -> None:
    files = {
        "dist/server.js": "require('./db')",
        "dist/db.js": "",
        "dist/db.js.map": source_map("old", "../src/db.ts"),
        "src/server.ts": "",
        "src/db.ts": SOURCE,
    }
    (found,) = find(stale_compiled_entry, files, entry=COMPILED)
    assert found.message.startswith("dist/db.js is older")


def test_a_source_entry_is_not_compared(find: Find) -> None:
    assert find(stale_compiled_entry, BUILT, entry=TSX, times={"src/server.ts": 9.0, "dist/server.js": 1.0}) == []
