# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Compiled output again: what git keeps, what the workspace serves, whose maps there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_output import (
    output_not_ignored,
    source_map_foreign,
    workspace_stale,
)

Find = Callable[..., list[Finding]]

TSX = {"script": "src/server.ts", "loader": "tsx"}
TSCONFIG = {"compilerOptions": {"outDir": "dist"}}


@pytest.mark.parametrize(
    ("files", "hit"),
    [
        ({".gitignore": "node_modules", "tsconfig.json": TSCONFIG}, True),
        ({".gitignore": "node_modules", "package.json": {"scripts": {"build": "tsup"}}}, True),
        ({".gitignore": "dist", "tsconfig.json": TSCONFIG}, False),
        ({"tsconfig.json": TSCONFIG}, False),
        ({".gitignore": "x", "tsconfig.json": {"compilerOptions": {"outDir": "dist", "noEmit": True}}}, False),
        ({".gitignore": "x", "package.json": {"scripts": {"build": "vite build"}}}, False),
        ({".gitignore": "x"}, False),
    ],
)
def test_output_not_ignored(find: Find, files: Any, hit: bool) -> None:
    found = find(output_not_ignored, {"src/server.ts": "", **files}, entry=TSX)
    assert [item.message for item in found] == ["A build writes dist/, and .gitignore does not say so."] * hit


def test_a_compiled_entry_asks_for_nothing(find: Find) -> None:
    files = {".gitignore": "x", "tsconfig.json": TSCONFIG, "dist/server.js": ""}
    assert find(output_not_ignored, files, entry={"script": "dist/server.js"}) == []


def source_map(text: str, **more: Any) -> dict[str, Any]:
    return {"version": 3, "sources": ["../src/index.ts"], "sourcesContent": [text], "mappings": "", **more}


WORKSPACE = {
    "package.json": {"workspaces": ["packages/*"]},
    "packages/api/package.json": {"name": "api", "dependencies": {"@shop/db": "*"}},
    "packages/api/dist/server.js": "const db = require('@shop/db');",
    "packages/db/package.json": {"name": "@shop/db", "main": "dist/index.js"},
    "packages/db/src/index.ts": "export const a = 1;\n",
}
BUILT = {**WORKSPACE, "packages/db/dist/index.js": "exports.a = 1;"}
COMPILED = {"script": "packages/api/dist/server.js"}
SOURCE = {"script": "packages/api/src/server.ts", "loader": "tsx"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**BUILT, "packages/db/dist/index.js.map": source_map("export const a = 0;\n")}, "is older than its source"),
        (WORKSPACE, "what packages/db/package.json leads to is not in the release"),
    ],
)
def test_a_package_of_the_workspace_that_is_stale_or_not_built(find: Find, files: Any, said: str) -> None:
    (found,) = find(workspace_stale, files, entry=COMPILED)
    assert found.severity == ERROR
    assert found.message.startswith("packages/api/dist/server.js imports @shop/db, ")
    assert said in found.message
    assert str(found.evidence[0]) == "packages/api/dist/server.js:1: const db = require('@shop/db');"


@pytest.mark.parametrize(
    ("files", "entry"),
    [
        pytest.param(
            {**BUILT, "packages/db/dist/index.js.map": source_map("export const a = 1;\n")}, COMPILED, id="fresh"
        ),
        pytest.param(BUILT, COMPILED, id="nothing is known"),
        pytest.param({**WORKSPACE, "packages/api/dist/server.js": ""}, COMPILED, id="not imported"),
        pytest.param(
            {**WORKSPACE, "packages/api/src/server.ts": "import type { A } from '@shop/db';"},
            SOURCE,
            id="only its types",
        ),
        pytest.param(
            {
                **WORKSPACE,
                "packages/api/src/server.ts": "import '@shop/db';",
                "packages/db/package.json": {"name": "@shop/db", "exports": "./src/index.ts"},
            },
            SOURCE,
            id="its source is served",
        ),
        pytest.param(
            {
                **WORKSPACE,
                "packages/api/src/server.ts": "import '@shop/db';",
                "tsconfig.json": {"compilerOptions": {"paths": {"@shop/*": ["packages/*/src"]}}},
            },
            SOURCE,
            id="an alias leads elsewhere",
        ),
        pytest.param(
            {**WORKSPACE, "package.json": {}, "fixtures/db/package.json": {"name": "@shop/db", "main": "x.js"}},
            COMPILED,
            id="not of the workspace",
        ),
        pytest.param({**WORKSPACE, "node_modules/@shop/db/package.json": "{}"}, COMPILED, id="shipped otherwise"),
    ],
)
def test_a_package_of_the_workspace_that_will_do(find: Find, files: Any, entry: Any) -> None:
    assert find(workspace_stale, files, entry=entry) == []


CODE = "use();\nuse();\n//# debugId=0f8fad5b-d9cb-469f-a165-70867728950e\n//# sourceMappingURL=server.js.map\n"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"file": "other.js"}, "says that it is of other.js"),
        ({"debug_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}, "has another debug id than the code"),
        ({"mappings": "AAAA;" * 40}, "maps more lines than the code has"),
    ],
)
def test_the_map_of_another_build(find: Find, more: Any, why: str) -> None:
    files = {"dist/server.js": CODE, "dist/server.js.map": {"version": 3, "sources": [], **more}}
    (found,) = find(source_map_foreign, files, entry={"script": "dist/server.js"})
    assert found.severity == WARNING
    assert found.message == f"1 source maps are of another build: dist/server.js.map {why}."


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"file": "server.js"},
        {"file": "server.js.map"},
        {"debugId": "0F8FAD5B-D9CB-469F-A165-70867728950E"},
        {"mappings": "AAAA;AACA;;;;"},
        {"mappings": None},
    ],
)
def test_the_map_of_this_build(find: Find, more: Any) -> None:
    files = {"dist/server.js": CODE, "dist/server.js.map": {"version": 3, "sources": [], **more}}
    assert find(source_map_foreign, files, entry={"script": "dist/server.js"}) == []
