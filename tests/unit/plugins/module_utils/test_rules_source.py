# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The source itself: declared twice, compiled beside it, the route that the gate asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_source import (
    duplicate_declaration,
    health_route_missing,
    js_beside_ts,
)

Find = Callable[..., list[Finding]]

TSX = {"script": "src/server.ts", "loader": "tsx"}


@pytest.mark.parametrize(
    ("code", "name", "lines"),
    [
        ("import path from 'path';\nconst path = require('path');", "path", [1, 2]),
        ("import { dirname } from 'path';\nexport const dirname = 1;", "dirname", [1, 2]),
        ("import {\n  a as b,\n  c,\n} from 'x';\nlet c;", "c", [1, 5]),
        ("import * as fs from 'fs';\nimport fs from 'fs';", "fs", [1, 2]),
        ("const a = 1;\nf(() => {\n  const b = 2;\n});\nclass a {}", "a", [1, 5]),
    ],
)
def test_declared_twice(find: Find, code: str, name: str, lines: list[int]) -> None:
    (found,) = find(duplicate_declaration, {"src/server.ts": code}, entry=TSX)
    assert found.severity == ERROR
    assert found.message == f"src/server.ts declares {name} twice."
    assert [item.line for item in found.evidence] == lines


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("const a = 1;\n{\nconst a = 2;\n}", id="a block"),
        pytest.param("const a = 1;\nfunction f() {\nconst a = 2;\n}", id="a function"),
        pytest.param("for (\nlet i = 0; i < 1; i++) {}\nfor (\nlet i = 0; i < 1; i++) {}", id="loops"),
        pytest.param(
            "function f(a: string): void;\nfunction f(a: number): void;\nfunction f(a: any) {}", id="overloads"
        ),
        pytest.param("import type { A } from 'a';\nconst A = 1;", id="a type"),
        pytest.param("import { type A, b } from 'a';\nconst A = 1;", id="a type among others"),
        pytest.param(
            "export interface A {}\nexport const A = 1;\nexport type B = 1;\nclass B {}", id="types and values"
        ),
        pytest.param("var a = 1;\nvar a = 2;", id="var"),
        pytest.param("// const a = 1;\nconst a = '\\\nconst a';\n", id="comments and strings"),
        pytest.param("const a = `\nconst a = 1\n`;", id="a template"),
        pytest.param("const a = 1;\nclass B {\n}\n}}}\nconst a = 2;", id="braces that are not understood"),
        pytest.param("export default class A {}\nexport { A as B };\nconst C = class A {};", id="class expressions"),
        pytest.param("const enum A { B }\nconst enum A { C }", id="enums"),
        pytest.param("if (x) f(\n{ a: 1 });\nconst a = 1;", id="a key"),
    ],
)
def test_declared_once(find: Find, code: str) -> None:
    assert find(duplicate_declaration, {"src/server.ts": code}, entry=TSX) == []


def test_only_what_is_loaded_counts(find: Find) -> None:
    files = {"src/server.ts": "import './a.js'", "src/a.ts": "", "src/b.ts": "const a = 1;\nconst a = 2;"}
    assert find(duplicate_declaration, files, entry=TSX) == []
    assert len(find(duplicate_declaration, {**files, "src/a.ts": "import './b'"}, entry=TSX)) == 1


def locked(version: str) -> dict[str, Any]:
    return {"package-lock.json": {"packages": {"node_modules/tsx": {"version": version}}}}


@pytest.mark.parametrize(
    ("files", "severities"),
    [
        ({"src/db.js": ""}, [WARNING]),
        ({"src/db.js": "", "src/db.js.map": ""}, [WARNING]),
        ({"src/db.js": "", **locked("4.19.0")}, [WARNING]),
        ({"src/db.js": "", **locked("4.7.1")}, [ERROR]),
        ({"src/other.js": ""}, []),
        ({"src/types.d.ts": "", "src/types.js": ""}, []),
        ({"src/view.tsx": "", "src/view.js": ""}, [WARNING]),
        ({"jest.config.ts": "", "jest.config.js": ""}, []),
    ],
)
def test_js_beside_ts(find: Find, files: Any, severities: list[str]) -> None:
    found = find(js_beside_ts, {"src/server.ts": "", "src/db.ts": "", **files}, entry=TSX)
    assert [item.severity for item in found] == severities


def test_a_compiled_entry_may_lie_beside_its_source(find: Find) -> None:
    assert find(js_beside_ts, {"server.ts": "", "server.js": ""}, entry={"script": "server.js"}) == []


@pytest.mark.parametrize(
    ("files", "path", "hit"),
    [
        ({"src/server.ts": "app.get('/health', f)"}, "/health", False),
        ({"src/server.ts": "app.use('/api', api)", "src/api.ts": "api.get('/health', f)"}, "/api/health", False),
        ({"src/server.ts": "", "src/h.controller.ts": "@Controller('health')"}, "/health?x=1", False),
        ({"src/server.ts": "", "src/routes/health.ts": "export default f"}, "/health", False),
        ({"src/server.ts": "", "openapi.yaml": "paths:\n  /health:"}, "/health", False),
        ({"src/server.ts": "app.get('/status', f)"}, "/health", True),
        ({"src/server.ts": "", "README.md": "/health", "a.sh": "curl /health", "package.json": '{"a": "health"}'},
         "/health", True),
        ({"src/server.ts": "app.get('/status', f)"}, "/", False),
        ({"src/server.ts": "app.get('/status', f)"}, "", False),
    ],
)  # fmt: skip
def test_health_route_missing(find: Find, files: Any, path: str, hit: bool) -> None:
    found = find(health_route_missing, files, entry=TSX, health_path=path)
    assert [item.severity for item in found] == [WARNING] * hit


def test_the_route_of_a_package_is_not_looked_for(find: Find) -> None:
    entry = {"script": "node_modules/.bin/json-server"}
    assert find(health_route_missing, {"db.json": "{}"}, entry=entry, health_path="/health") == []
