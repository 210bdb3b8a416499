# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Healthy releases of every usual kind, small, made here: nothing in them deserves a word from any rule."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Files = Mapping[str, Any]


@dataclass(frozen=True)
class Release:
    """A release as it is packed.

    :param files: text, bytes, or what becomes JSON, by path.
    :param entry: what differs from an entry run by Node.js alone.
    :param host: what differs from a host on which all is well.
    :param options: of the check.
    :param modes: permission bits by path, where they are not 0644.
    """

    files: Files
    entry: Mapping[str, Any]
    host: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)


def package(name: str, *, dependencies: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A package.json."""
    return {"name": name, "version": "1.0.0", "private": True, **more, "dependencies": dict(dependencies or {})}


def lock(manifest: Mapping[str, Any], **workspaces: Mapping[str, Any]) -> dict[str, Any]:
    """npm's lockfile for it, and for the packages of its workspace by their directories (``packages__db``)."""
    packages: dict[str, Any] = {"": dict(manifest)}
    members = {directory.replace("__", "/"): dict(item) for directory, item in workspaces.items()}
    packages.update(members)
    packages.update(
        {f"node_modules/{item['name']}": {"resolved": path, "link": True} for path, item in members.items()}
    )
    for item in (manifest, *members.values()):
        for section in ("dependencies", "devDependencies"):
            for name, wanted in item.get(section, {}).items():
                entry = locked(name, wanted)
                packages.setdefault(
                    f"node_modules/{name}", entry if section == "dependencies" else {**entry, "dev": True}
                )
    return {"name": manifest["name"], "version": "1.0.0", "lockfileVersion": 3, "requires": True, "packages": packages}


def locked(name: str, wanted: str) -> dict[str, Any]:
    """One entry of it."""
    version = wanted.lstrip("^~")
    digest = base64.b64encode(hashlib.sha512(f"{name}@{version}".encode()).digest()).decode()
    url = f"https://registry.example/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
    return {"version": version, "resolved": url, "integrity": f"sha512-{digest}"}


def source_map(source: str, text: str, file: str) -> dict[str, Any]:
    """A source map that holds its source."""
    return {"version": 3, "file": file, "sources": [source], "sourcesContent": [text], "mappings": "AAAA"}


def compiled(code: str, name: str) -> str:
    """What a compiler writes around CommonJS."""
    head = '"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\n'
    return f"{head}{code}\n//# sourceMappingURL={name}.map\n"


def with_lock(manifest: dict[str, Any], **files: Any) -> dict[str, Any]:
    """The two files of a package, and others."""
    return {
        "package.json": manifest,
        "package-lock.json": lock(manifest),
        ".gitignore": "node_modules\ndist\n.env\n",
        **files,
    }


TSCONFIG = {"compilerOptions": {"module": "nodenext", "target": "es2022", "outDir": "dist", "rootDir": "src"}}
TSX = {"loader": "tsx"}

_EXPRESS = package(
    "express-app", dependencies={"express": "^4.21.2"}, scripts={"start": "node server.js"}, main="server.js"
)
EXPRESS = Release(
    {
        **with_lock(_EXPRESS),
        "server.js": "const path = require('path');\nconst { app } = require('./app');\n\n"
        "app.set('views', path.join(__dirname, 'views'));\napp.listen(process.env.PORT);\n",
        "app.js": "const express = require('express');\nconst health = require('./routes/health');\n\n"
        "const app = express();\napp.use('/health', health);\nmodule.exports = { app };\n",
        "routes/health.js": "const { Router } = require('express');\n\nconst router = Router();\n"
        "router.get('/', (request, response) => response.json({ ok: true }));\nmodule.exports = router;\n",
        "test/health.test.js": "const { app } = require('../app');\n",
        ".env.example": "NODE_ENV=\nPORT=\n# LOG_LEVEL=info\n",
        "Dockerfile": 'FROM node:24\nCOPY . .\nRUN npm ci --omit=dev\nCMD ["node", "server.js"]\n',
        "Makefile": "test:\n\tnpm test\n\nstart:\n\tnode server.js\n",
    },
    {"script": "server.js"},
)

_FASTIFY = package(
    "fastify-app",
    dependencies={"fastify": "^5.2.0"},
    type="module",
    scripts={"start": "node src/server.js"},
    engines={"node": ">=20"},
)
FASTIFY = Release(
    {
        **with_lock(_FASTIFY),
        "src/server.js": "import Fastify from 'fastify';\nimport health from './plugins/health.js';\n\n"
        "const app = Fastify({ logger: true });\nawait app.register(health);\n"
        "await app.listen({ path: process.env.PORT });\n",
        "src/plugins/health.js": "export default async function health(app) {\n"
        "  app.get('/health', async () => ({ ok: true }));\n}\n",
    },
    {"script": "src/server.js"},
)

_NEST_SOURCE = "import { NestFactory } from '@nestjs/core';\nimport { AppModule } from './app.module';\nboot();\n"
_NEST_MODULE = (
    "import { Controller, Get, Module } from '@nestjs/common';\n@Controller('health')\nexport class AppModule {}\n"
)
_NEST = package(
    "nest-app",
    dependencies={"@nestjs/common": "^11.0.1", "@nestjs/core": "^11.0.1"},
    devDependencies={"@nestjs/cli": "^11.0.0"},
    scripts={
        "build": "nest build",
        "start": "nest start",
        "start:prod": "node dist/main",
        "deploy": "npm run build && ./deploy.sh",
    },
)
NEST = Release(
    {
        **with_lock(_NEST),
        "tsconfig.json": "{\n  // comments are usual here\n"
        '  "compilerOptions": {"module": "commonjs", "outDir": "./dist",},\n}',
        "tsconfig.build.json": {"extends": "./tsconfig.json", "exclude": ["node_modules", "test", "dist"]},
        "nest-cli.json": {"sourceRoot": "src"},
        "deploy.sh": "#!/bin/sh\nset -e\nnpm ci\nnpm run build\nrsync -a dist/ host:/srv/app/dist/\npm2 reload shop\n",
        "src/main.ts": _NEST_SOURCE,
        "src/app.module.ts": _NEST_MODULE,
        "dist/main.js": compiled("const app_module_1 = require('./app.module');", "main.js"),
        "dist/main.js.map": source_map("../src/main.ts", _NEST_SOURCE, "main.js"),
        "dist/app.module.js": compiled("exports.AppModule = class {}; Controller('health');", "app.module.js"),
        "dist/app.module.js.map": source_map("../src/app.module.ts", _NEST_MODULE, "app.module.js"),
    },
    {"script": "dist/main.js"},
)

_KOA = package("koa-app", dependencies={"koa": "^2.15.3", "@koa/router": "^13.1.0"}, scripts={"start": "node index.js"})
KOA = Release(
    {
        **with_lock(_KOA),
        "index.js": "const Koa = require('koa');\nconst Router = require('@koa/router');\n\n"
        "const router = new Router();\n"
        "router.get('/health', (context) => { context.body = 'ok'; });\n"
        "new Koa().use(router.routes()).listen(process.env.PORT);\n",
        "ecosystem.config.js": "const { name } = require('./package.json');\nrequire('dotenv').config();\n\n"
        "module.exports = {\n  apps: [\n"
        "    { name: name.replace('koa-app', 'shop'), script: './index.js', max_restarts: 3,"
        " min_uptime: '10s', env: { NODE_ENV: 'production' } },\n"
        "    { name: 'mailer', script: './mailer.js', cron_restart: '0 * * * *' },\n  ],\n};\n",
        "mailer.js": "",
    },
    {"script": "index.js"},
)

_HONO_SOURCE = "import { Hono } from 'hono';\nconst app = new Hono();\napp.get('/health', (c) => c.text('ok'));\n"
_HONO = package(
    "hono-app",
    dependencies={"hono": "^4.6.14", "@hono/node-server": "^1.13.7"},
    devDependencies={"tsup": "^8.3.5"},
    type="module",
    scripts={"build": "tsup src/index.ts --format esm --sourcemap", "start": "node dist/index.js"},
)
HONO = Release(
    {
        **with_lock(_HONO),
        "src/index.ts": _HONO_SOURCE,
        "dist/index.js": "import { Hono } from 'hono';\nvar app = new Hono();\n"
        "app.get('/health', (c) => c.text('ok'));\n"
        "export { app };\n//# sourceMappingURL=index.js.map\n",
        "dist/index.js.map": source_map("../src/index.ts", _HONO_SOURCE, "index.js"),
        ".github/workflows/release.yml": "on: push\njobs:\n  release:\n    steps:\n      - run: npm ci\n"
        "      - run: npm run build\n"
        "      - run: scp -r dist host:/srv/app\n",
    },
    {"script": "dist/index.js"},
)

_TSX_APP = package(
    "tsx-app",
    dependencies={"express": "^4.21.2", "tsx": "^4.19.2"},
    devDependencies={"typescript": "^5.7.2"},
    type="module",
    scripts={
        "start": "tsx src/server.ts",
        "dev": "tsx watch src/server.ts",
        "typecheck": "tsc --noEmit",
        "build": "tsc",
    },
    imports={"#lib/*": "./src/lib/*.ts"},
)
TSX_APP = Release(
    {
        **with_lock(_TSX_APP),
        "tsconfig.json": {"compilerOptions": {**TSCONFIG["compilerOptions"], "paths": {"@/*": ["./src/*"]}}},
        "src/server.ts": "import path from 'node:path';\nimport { fileURLToPath } from 'node:url';\n"
        "import { app } from './app.js';\n"
        "import type { Server } from 'node:http';\n\n"
        "const __dirname = path.dirname(fileURLToPath(import.meta.url));\n"
        "const server: Server = app.listen(process.env.PORT);\nexport { __dirname, server };\n",
        "src/app.ts": "import express from 'express';\nimport { greeting } from '@/lib/greeting';\n\n"
        "export const app = express();\n"
        "app.get('/health', (_request, response) => { response.json({ greeting }); });\n",
        "src/lib/greeting.ts": "export function greet(name: string): string;\n"
        "export function greet(name: number): string;\n"
        "export function greet(name: unknown): string {\n  return `Hello ${String(name)}`;\n}\n"
        "export const greeting = greet('you');\n",
        "src/types.d.ts": "declare module 'x';\n",
        ".github/workflows/ci.yml": "on: push\njobs:\n  test:\n    steps:\n"
        "      - uses: actions/checkout@v4\n      - run: npm ci\n"
        "      - run: npm run typecheck\n      - run: npm run build\n      - run: npm test\n",
        "deploy.sh": "#!/usr/bin/env bash\nset -euo pipefail\nnpm ci\nnpm run typecheck\n"
        "ansible-playbook nodeops.pm2.deploy\n",
        "Dockerfile": "FROM node:24\nRUN npm ci\nCMD node --import tsx src/server.ts\n",
        "test/server.test.ts": "import { app } from '../src/app.js';\n",
    },
    {"script": "src/server.ts", **TSX},
)

_DB = package("@shop/db", type="module", exports={".": {"types": "./src/index.ts", "default": "./src/index.ts"}})
_API = package(
    "@shop/api", dependencies={"@shop/db": "*", "tsx": "^4.19.2"}, type="module", scripts={"start": "tsx src/server.ts"}
)
_ROOT = package("workspace", workspaces=["packages/*"])
WORKSPACE = Release(
    {
        "package.json": _ROOT,
        "package-lock.json": lock(_ROOT, packages__db=_DB, packages__api=_API),
        ".gitignore": "node_modules\ndist\n",
        "packages/db/package.json": _DB,
        "packages/db/src/index.ts": "export const db = 1;\n",
        "packages/api/package.json": _API,
        "packages/api/src/server.ts": "import { db } from '@shop/db';\n"
        "import { routes } from './routes.js';\nroutes('/health', db);\n",
        "packages/api/src/routes.ts": "export const routes = (path: string, db: number) => [path, db];\n",
    },
    {"script": "packages/api/src/server.ts", **TSX},
)

_BUILT_DB = package("@shop/db", main="dist/index.js", scripts={"build": "tsc"})
_BUILT_API = package(
    "@shop/api", dependencies={"@shop/db": "*"}, scripts={"build": "tsc", "start": "node dist/server.js"}
)
_DB_SOURCE, _API_SOURCE = "export const db = 1;\n", "import { db } from '@shop/db';\nserve('/health', db);\n"
WORKSPACE_BUILT = Release(
    {
        "package.json": _ROOT,
        "package-lock.json": lock(_ROOT, packages__db=_BUILT_DB, packages__api=_BUILT_API),
        ".gitignore": "node_modules\n",
        **{f"packages/{name}/tsconfig.json": TSCONFIG for name in ("db", "api")},
        "packages/db/package.json": _BUILT_DB,
        "packages/db/src/index.ts": _DB_SOURCE,
        "packages/db/dist/index.js": compiled("exports.db = 1;", "index.js"),
        "packages/db/dist/index.js.map": source_map("../src/index.ts", _DB_SOURCE, "index.js"),
        "packages/api/package.json": _BUILT_API,
        "packages/api/src/server.ts": _API_SOURCE,
        "packages/api/dist/server.js": compiled(
            "const db_1 = require('@shop/db');\nserve('/health', db_1.db);", "server.js"
        ),
        "packages/api/dist/server.js.map": source_map("../src/server.ts", _API_SOURCE, "server.js"),
    },
    {"script": "packages/api/dist/server.js"},
)

COMMONJS = Release(
    {
        "package.json": package("plain", scripts={"start": "node ./bin/www"}),
        "bin/www": "#!/usr/bin/env node\nconst http = require('http');\n"
        "const { handle } = require('../lib/handle');\n\n"
        "http.createServer(handle).listen(process.env.PORT);\n",
        "lib/handle.js": "exports.handle = ({ url }, reply) => reply.end(url === '/health' ? 'ok' : __dirname);\n",
        "lib/data.json": {"a": 1},
    },
    {"script": "bin/www"},
)

ESM = Release(
    {
        "package.json": package("plain-esm", type="module", scripts={"start": "node server.js"}),
        "server.js": "import http from 'node:http';\nimport { createRequire } from 'node:module';\n"
        "import { handle } from './handle.js';\n\n"
        "const require = createRequire(import.meta.url);\nconst { a } = require('./data.json');\n"
        "const __filename = import.meta.filename;\n"
        "http.createServer((...both) => handle(...both, a, __filename)).listen(process.env.PORT);\n",
        "handle.js": "export const handle = ({ url }, response) => response.end(url === '/health' ? 'ok' : 'no');\n",
        "data.json": {"a": 1},
        "legacy.cjs": "module.exports = require('path').join(__dirname, 'x');\n",
    },
    {"script": "server.js"},
)

_DUAL_SOURCE = "export const serve = () => '/health';\n"
_DUAL = package(
    "dual",
    type="module",
    main="./dist/cjs/index.js",
    module="./dist/esm/index.js",
    exports={".": {"import": "./dist/esm/index.js", "require": "./dist/cjs/index.js"}},
    scripts={"build": "tsc -p tsconfig.json && tsc -p tsconfig.cjs.json", "start": "node dist/esm/index.js"},
)
DUAL = Release(
    {
        "package.json": _DUAL,
        "tsconfig.json": {"compilerOptions": {"module": "nodenext", "outDir": "dist/esm"}},
        "tsconfig.cjs.json": {"compilerOptions": {"module": "commonjs", "outDir": "dist/cjs"}},
        "src/index.ts": _DUAL_SOURCE,
        "dist/esm/index.js": "export const serve = () => '/health';\n//# sourceMappingURL=index.js.map\n",
        "dist/esm/index.js.map": source_map("../../src/index.ts", _DUAL_SOURCE, "index.js"),
        "dist/cjs/package.json": {"type": "commonjs"},
        "dist/cjs/index.js": compiled("exports.serve = () => '/health';", "index.js"),
        "dist/cjs/index.js.map": source_map("../../src/index.ts", _DUAL_SOURCE, "index.js"),
    },
    {"script": "dist/esm/index.js"},
)

PNPM = Release(
    {
        "package.json": package(
            "pnpm-app", dependencies={"fastify": "^5.2.0", "@shop/db": "workspace:*"}, type="module"
        ),
        "pnpm-workspace.yaml": "packages:\n  - 'packages/*'\n",
        "pnpm-lock.yaml": "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      '@shop/db':\n"
        "        specifier: workspace:*\n"
        "        version: link:packages/db\n      fastify:\n        specifier: ^5.2.0\n"
        "        version: 5.2.0\n\n  packages/db: {}\n\n"
        "packages:\n\n  fastify@5.2.0:\n    resolution: {integrity: sha512-abc}\n\nsnapshots:\n\n  fastify@5.2.0: {}\n",
        "server.js": "import Fastify from 'fastify';\nimport { db } from '@shop/db';\n\n"
        "Fastify().get('/health', () => db);\n",
        "packages/db/package.json": package("@shop/db", type="module", exports="./index.js"),
        "packages/db/index.js": "export const db = 1;\n",
    },
    {"script": "server.js"},
)

YARN = Release(
    {
        "package.json": package("yarn-app", dependencies={"express": "^4.21.2"}, scripts={"start": "node server.js"}),
        "yarn.lock": '# yarn lockfile v1\n\n\nexpress@^4.21.2:\n  version "4.21.2"\n'
        '  resolved "https://registry.yarnpkg.com/express/-/express-4.21.2.tgz#cf250e48362174ead6cea4a566abef0162c1ec32"\n'
        "  integrity sha512-abc\n",
        "server.js": "require('express')().get('/health', (_, response) => response.end()).listen(process.env.PORT);\n",
    },
    {"script": "server.js"},
)

_ELF = b"\x7fELF\x02\x01" + bytes(10) + b"\x03\x00\x3e\x00" + bytes(40) + b"libc.so.6\0napi_register_module_v1\0"
SHIPPED = Release(
    {
        "package.json": package("shipped", dependencies={"better-sqlite3": "^11.7.0"}),
        "server.js": "const Database = require('better-sqlite3');\nserve('/health', new Database());\n",
        "node_modules/better-sqlite3/package.json": {"name": "better-sqlite3", "version": "11.7.0"},
        "node_modules/better-sqlite3/build/Release/better_sqlite3.node": _ELF,
        "node_modules/fsevents/package.json": {"name": "fsevents", "os": ["darwin"]},
        "node_modules/fsevents/fsevents.node": b"\xcf\xfa\xed\xfe" + bytes(40),
        "node_modules/bcrypt/package.json": {"name": "bcrypt"},
        "node_modules/bcrypt/prebuilds/darwin-arm64/bcrypt.node": b"\xcf\xfa\xed\xfe" + bytes(40),
    },
    {"script": "server.js"},
)

_SPA = package(
    "served", dependencies={"express": "^4.21.2", "tsx": "^4.19.2"}, type="module",
    scripts={"build": "vite build", "start": "tsx server/index.ts"},
)  # fmt: skip
SERVED = Release(
    {
        **with_lock(_SPA),
        "server/index.ts": "import express from 'express';\n\nconst app = express();\n"
        "app.use(express.static('dist'));\n"
        "app.get('/health', (_request, response) => { response.end(); });\n",
        "dist/index.html": "<script src=app.js></script>",
        "dist/app.js": "console.log(1)",
        "deploy.sh": "npm ci\nnpm run build\nrsync -a dist/ host:/srv/dist/\n",
    },
    {"script": "server/index.ts", **TSX},
)

HEALTHY: dict[str, Release] = {
    "express": EXPRESS,
    "fastify": FASTIFY,
    "nest": NEST,
    "koa": KOA,
    "hono": HONO,
    "tsx": TSX_APP,
    "workspace": WORKSPACE,
    "workspace_built": WORKSPACE_BUILT,
    "commonjs": COMMONJS,
    "esm": ESM,
    "dual": DUAL,
    "pnpm": PNPM,
    "yarn": YARN,
    "shipped": SHIPPED,
    "served": SERVED,
}


def as_bytes(content: Any) -> bytes:
    """What is packed of it."""
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content, indent=2) + "\n").encode()
