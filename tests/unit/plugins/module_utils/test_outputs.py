# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a build writes, and what of it is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._outputs import of_scripts, used
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

TSCONFIG = {"compilerOptions": {"outDir": "./build"}}


@pytest.mark.parametrize(
    ("scripts", "written"),
    [
        ({"build": "tsc"}, {"build"}),
        ({"build": "tsc -p tsconfig.other.json"}, {"out"}),
        ({"build": "tsc --outDir lib --noEmitOnError"}, {"lib"}),
        ({"check": "tsc --noEmit", "dev": "tsc --watch"}, set()),
        ({"build": "tsc -p tsconfig.check.json"}, set()),
        ({"build": "rimraf dist && npm run compile", "compile": "tsc"}, {"build"}),
        ({"build": "npm run build"}, set()),
        ({"a": "run-s b:*", "b:js": "swc src -d dist", "b:types": "tsc -p tsconfig.other.json"}, {"dist", "out"}),
        ({"build": "npm --prefix web run build", "x": "npm run build -w web"}, {"web/dist"}),
        ({"build": "nest build"}, {"build"}),
        ({"build": "tsup src/index.ts"}, {"dist"}),
        ({"build": "esbuild src/a.ts --bundle --outfile=dist/a.js"}, {"dist"}),
        ({"build": "babel src --out-dir lib --extensions .ts"}, {"lib"}),
        ({"build": "vite build", "other": "webpack"}, set()),
        ({"build": "tsc --outDir ../elsewhere"}, set()),
        ({"build": "yarn compile", "compile": "tsc"}, {"build"}),
        ({"build": "npm compile", "compile": "node x.js"}, set()),
    ],
)  # fmt: skip
def test_what_npm_scripts_write(tree_of: Callable[..., Tree], scripts: Any, written: set[str]) -> None:
    tree = tree_of(
        {
            "package.json": {"scripts": scripts},
            "web/package.json": {"scripts": {"build": "tsup"}},
            "tsconfig.json": TSCONFIG,
            "tsconfig.other.json": {"compilerOptions": {"outDir": "out"}},
            "tsconfig.check.json": {"extends": "./tsconfig.json", "compilerOptions": {"noEmit": True}},
        }
    )
    assert of_scripts(tree, "") == written


@pytest.mark.parametrize(
    ("files", "script", "found"),
    [
        ({"dist/server.js": ""}, "dist/server.js", {"dist"}),
        ({}, "dist/server.js", {"dist"}),
        ({"api/package.json": {}, "api/build/a.js": ""}, "api/build/a.js", {"api/build"}),
        ({"src/server.ts": ""}, "src/server.ts", set()),
        ({"src/server.ts": "app.use(serve('./dist/public'))"}, "src/server.ts", {"dist"}),
        ({"src/server.ts": "// once there was a dist here"}, "src/server.ts", set()),
        ({"index.js": "require('./dist/a')", "dist/a.js": "exports.__esModule = true"}, "index.js", {"dist"}),
    ],
)  # fmt: skip
def test_what_is_run(tree_of: Callable[..., Tree], files: Any, script: str, found: set[str]) -> None:
    tree = tree_of({"package.json": {"scripts": {"build": "tsup"}}, **files})
    assert used(tree, Entry(script)) == found
