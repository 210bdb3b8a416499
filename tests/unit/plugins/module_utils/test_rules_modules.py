# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ES module or CommonJS, as Node.js 20.20, 24.19 and tsx 3.14 to 4.23 take each of these files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._command import Output
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_modules import (
    cjs_in_esm,
    duplicate_dirname,
    esm_in_cjs,
    node_check,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Program

Find = Callable[..., list[Finding]]

OLD, NEW = {"node": Program("20.18.0")}, {"node": Program("24.19.0")}
MODULE, COMMON, NONE = {"type": "module"}, {"type": "commonjs"}, {"name": "shop"}
ESM_DIRNAME = 'import p from "path"; const __dirname = p.dirname(import.meta.filename);'
CJS_DIRNAME = 'const p = require("path");\nconst __dirname = p.resolve(".");'


@pytest.mark.parametrize(
    ("code", "used"),
    [
        ("module.exports = {}", "module.exports"),
        ("exports.app = 1", "exports"),
        ("exports['app'] = 1", "exports"),
        ('Object.defineProperty(exports, "__esModule", { value: true });', "exports"),
        ('const p = require("path")', "require()"),
        ("console.log(`${__dirname}/x`)", "__dirname"),
        ("f(__filename)", "__filename"),
        ('import fs from "fs"; fs.x(__dirname, require("y"))', "require(), __dirname"),
    ],
)
def test_commonjs_in_an_es_module(find: Find, code: str, used: str) -> None:
    (found,) = find(cjs_in_esm, {"package.json": MODULE, "server.js": code})
    assert found.severity == ERROR
    assert f'("type": "module" in package.json) but uses {used}.' in found.message
    assert found.evidence[0].file == "server.js"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("// module.exports = require('x')\n'__dirname'", id="comment and string"),
        pytest.param(
            'import { createRequire } from "module"; const require = createRequire(import.meta.url); require("x")',
            id="own",
        ),
        pytest.param("const __dirname = import.meta.dirname; f(__dirname)", id="own __dirname"),
        pytest.param("let a = 1, __dirname = x; f(__dirname)", id="second of a declaration"),
        pytest.param("import { __dirname } from './paths.js'; f(__dirname)", id="imported"),
        pytest.param("const { require, a } = amd; require('x')", id="destructured"),
        pytest.param(
            "var c = wrap({ 'x'(exports, module) { module.exports = 1; exports.a = 2 } })", id="bundler's wrapper"
        ),
        pytest.param("define(function (require, exports, module) { module.exports = require('x') })", id="AMD"),
        pytest.param("load((require) => require('x'))", id="arrow"),
        pytest.param("if (typeof module !== 'undefined') module.exports = f", id="universal module"),
        pytest.param("loader.require('x'); this.module.exports = 1; x.exports.y = 2; a.#require(1)", id="properties"),
        pytest.param("class A { require(x) { return x } }", id="a method"),
        pytest.param("f({ __dirname: 1 }); exports.x === 1", id="a key, a comparison"),
    ],
)
def test_no_commonjs_in_an_es_module(find: Find, code: str) -> None:
    assert find(cjs_in_esm, {"package.json": MODULE, "server.js": code}) == []


@pytest.mark.parametrize(
    ("files", "entry", "host", "hit"),
    [
        pytest.param({"package.json": COMMON, "server.js": CJS_DIRNAME}, {}, NEW, False, id="it is CommonJS"),
        pytest.param({"package.json": MODULE, "a.cjs": "module.exports=1"}, {"script": "a.cjs"}, NEW, False, id=".cjs"),
        pytest.param({"package.json": COMMON, "a.mjs": "module.exports=1"}, {"script": "a.mjs"}, NEW, True, id=".mjs"),
        pytest.param({"package.json": NONE, "server.js": "import 'a'; require('b')"}, {}, NEW, True, id="detected"),
        pytest.param(
            {"package.json": NONE, "server.js": "import 'a'; require('b')"}, {}, OLD, False, id="not detected"
        ),
        pytest.param({"package.json": NONE, "server.js": CJS_DIRNAME}, {}, NEW, True, id="a redeclaration is detected"),
        pytest.param(
            {"package.json": MODULE, "src/package.json": COMMON, "src/a.js": "module.exports = 1"},
            {"script": "src/a.js"},
            NEW,
            False,
            id="the nearest package.json decides",
        ),
        pytest.param(
            {
                "package.json": MODULE,
                "server.js": "import './b.js'",
                "b.js": "import x from './c.js'",
                "c.js": "require('x')",
            },
            {},
            NEW,
            True,
            id="reached",
        ),
        pytest.param(
            {"package.json": MODULE, "server.js": "", "b.js": "require('x')"}, {}, NEW, False, id="not reached"
        ),
        pytest.param(
            {"package.json": MODULE, "server.js": "import('./b.js')", "b.js": "require('x')"}, {}, NEW, False, id="lazy"
        ),
        pytest.param(
            {"package.json": MODULE, "a.ts": "f(__dirname)"}, {"script": "a.ts", "loader": "tsx"}, NEW, True, id="tsx"
        ),
        pytest.param(
            {"package.json": MODULE, "a.ts": "module.exports = 1; import x = require('y')"},
            {"script": "a.ts", "loader": "tsx"},
            NEW,
            False,
            id="what tsx compiles away",
        ),
        pytest.param(
            {"package.json": MODULE, "a.ts": "import './b.js'", "b.ts": "require('c')", "b.js": ""},
            {"script": "a.ts", "loader": "tsx"},
            NEW,
            True,
            id="tsx takes b.ts for b.js",
        ),
        pytest.param(
            {"package.json": MODULE, "server.js": "require('x')"}, {"interpreter": "bun"}, NEW, False, id="not Node.js"
        ),
        pytest.param(
            {"package.json": MODULE, "server.js": "require('x')"},
            {"node_args": ("-r", "@babel/register")},
            NEW,
            False,
            id="another loader",
        ),
        pytest.param(
            {"package.json": MODULE, "server.js": "require('x')"},
            {"node_args": ("--import=./trace.js",)},
            NEW,
            True,
            id="a preload that loads nothing",
        ),
    ],
)
def test_which_files_are_es_modules(find: Find, files: Any, entry: Any, host: Any, hit: bool) -> None:
    assert bool(find(cjs_in_esm, files, entry=entry, host=host)) is hit


TSX = {"script": "a.ts", "loader": "tsx"}


@pytest.mark.parametrize(
    ("files", "entry", "host", "severity"),
    [
        pytest.param({"package.json": COMMON, "server.js": "import 'x'"}, {}, NEW, ERROR, id="type says CommonJS"),
        pytest.param({"package.json": COMMON, "server.js": "x();export{y}"}, {}, NEW, ERROR, id="minified"),
        pytest.param({"package.json": COMMON, "server.js": "export default 1"}, {}, NEW, ERROR, id="export"),
        pytest.param(
            {"package.json": COMMON, "server.js": "import {\n a\n} from 'x'"}, {}, NEW, ERROR, id="over lines"
        ),
        pytest.param({"package.json": COMMON, "server.js": "f(import.meta.url)"}, {}, NEW, ERROR, id="import.meta"),
        pytest.param({"package.json": COMMON, "server.js": "const x = await f()"}, {}, NEW, ERROR, id="await"),
        pytest.param({"package.json": NONE, "server.js": "import 'x'"}, {}, NEW, WARNING, id="Node.js detects"),
        pytest.param({"package.json": NONE, "server.js": "import 'x'"}, {}, OLD, ERROR, id="Node.js does not"),
        pytest.param({"server.js": "import 'x'"}, {}, {"node": Program("20.19.0")}, WARNING, id="20.19 detects"),
        pytest.param({"server.js": "import 'x'"}, {}, {"node": Program("22.6.0")}, ERROR, id="22.6 does not"),
        pytest.param({"package.json": MODULE, "a.cjs": "import 'x'"}, {"script": "a.cjs"}, NEW, ERROR, id=".cjs"),
        pytest.param({"package.json": MODULE, "server.js": "import 'x'"}, {}, NEW, None, id="an ES module"),
        pytest.param({"package.json": COMMON, "server.js": "require('x')"}, {}, NEW, None, id="CommonJS"),
        pytest.param({"package.json": COMMON, "server.js": "import('x').then(f)"}, {}, NEW, None, id="dynamic import"),
        pytest.param(
            {"package.json": COMMON, "server.js": "async function f() {\n await g()\n}\nh(async () => await g())"},
            {},
            NEW,
            None,
            id="await in functions",
        ),
        pytest.param(
            {"package.json": COMMON, "server.js": "const f = async () =>\n  await g()"},
            {},
            NEW,
            None,
            id="await in an arrow",
        ),
        pytest.param(
            {
                "package.json": COMMON,
                "server.js": "x = 'import 1'; y = { export: 1, await: 2 }; z.import; // import 'x'",
            },
            {},
            NEW,
            None,
            id="words",
        ),
        pytest.param(
            {"package.json": COMMON, "a.ts": "import 'x'; f(import.meta.url)"}, TSX, NEW, None, id="tsx compiles it"
        ),
        pytest.param(
            {"package.json": NONE, "a.ts": "import 'x'; await f()"}, TSX, NEW, ERROR, id="tsx cannot compile await"
        ),
        pytest.param({"package.json": MODULE, "a.ts": "import 'x'; await f()"}, TSX, NEW, None, id="and need not"),
    ],
)
def test_es_module_syntax_in_commonjs(find: Find, files: Any, entry: Any, host: Any, severity: str | None) -> None:
    found = find(esm_in_cjs, files, entry=entry, host=host)
    assert [item.severity for item in found] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("files", "entry", "host", "hit"),
    [
        pytest.param({"package.json": COMMON, "server.js": CJS_DIRNAME}, {}, NEW, True, id="CommonJS"),
        pytest.param({"package.json": MODULE, "a.cjs": CJS_DIRNAME}, {"script": "a.cjs"}, NEW, True, id=".cjs"),
        pytest.param({"package.json": NONE, "server.js": CJS_DIRNAME}, {}, OLD, True, id="unmarked"),
        pytest.param({"package.json": NONE, "server.js": CJS_DIRNAME}, {}, NEW, False, id="detected as an ES module"),
        pytest.param({"package.json": MODULE, "server.js": ESM_DIRNAME}, {}, NEW, False, id="an ES module"),
        pytest.param({"package.json": COMMON, "server.js": "let module = 1"}, {}, NEW, True, id="module"),
        pytest.param({"package.json": COMMON, "server.js": "class exports {}"}, {}, NEW, True, id="class"),
        pytest.param(
            {"package.json": COMMON, "server.js": "var __dirname = 1"}, {}, NEW, False, id="var may be repeated"
        ),
        pytest.param(
            {"package.json": COMMON, "server.js": "f(() => { const require = 1 })"}, {}, NEW, False, id="inner"
        ),
        pytest.param(
            {"package.json": COMMON, "a.js": CJS_DIRNAME}, {"script": "a.js", "loader": "tsx"}, NEW, True, id="tsx"
        ),
        pytest.param(
            {"package.json": COMMON, "a.js": ESM_DIRNAME},
            {"script": "a.js", "loader": "tsx"},
            NEW,
            False,
            id="tsx compiles",
        ),
        pytest.param({"package.json": COMMON, "a.ts": CJS_DIRNAME}, TSX, NEW, False, id="and TypeScript always"),
    ],
)
def test_a_second_declaration(find: Find, files: Any, entry: Any, host: Any, hit: bool) -> None:
    found = find(duplicate_dirname, files, entry=entry, host=host)
    assert bool(found) is hit
    assert all(item.severity == ERROR and item.evidence[0].line for item in found)


def test_the_evidence_of_the_postmortem(find: Find) -> None:
    (found,) = find(duplicate_dirname, {"package.json": COMMON, "server.js": CJS_DIRNAME})
    assert str(found.evidence[0]) == 'server.js:2: const __dirname = p.resolve(".");'


def test_node_check_shows_the_line(find: Find) -> None:
    stderr = "/tmp/x/server.js:2\nconst = 1\n      ^\n\nSyntaxError: Unexpected token '='\n    at wrapSafe"
    output = Output(("node",), 1, "", stderr)
    (found,) = find(node_check, {"server.js": "a()\nconst = 1\n"}, host={"syntax": output})
    assert found.message == "node --check refuses server.js: SyntaxError: Unexpected token '='"
    assert str(found.evidence[0]) == "server.js:2: const = 1"


@pytest.mark.parametrize("output", [None, Output(("node",), 0, "", "a warning")])
def test_node_check_that_passes_or_does_not_apply(find: Find, output: Output | None) -> None:
    assert find(node_check, host={"syntax": output}) == []
