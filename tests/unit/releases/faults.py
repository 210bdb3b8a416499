# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each fault as one small change of a healthy release: what a day's work does to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING
from ansible_collections.nodeops.pm2.plugins.module_utils._command import Output
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import EnvFile, Holder, Program
from ansible_collections.nodeops.pm2.tests.unit.releases import healthy
from ansible_collections.nodeops.pm2.tests.unit.releases.healthy import Release

GONE = None
Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Fault:
    """A change, and the rule that has to see it.

    :param files: content by path, a function of the old one, or :data:`GONE`.
    :param also: rules that rightly call it an error as well.
    """

    rule: str
    severity: str
    base: Release
    files: Mapping[str, Any] = field(default_factory=dict)
    entry: Mapping[str, Any] = field(default_factory=dict)
    host: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    modes: Mapping[str, int] = field(default_factory=dict)
    also: tuple[str, ...] = ()

    def apply(self) -> Release:
        """The release with the fault in it."""
        files = dict(self.base.files)
        for path, content in self.files.items():
            if content is GONE:
                del files[path]
            else:
                files[path] = content(files[path]) if callable(content) else content
        merged = {
            name: {**getattr(self.base, name), **getattr(self, name)} for name in ("entry", "host", "options", "modes")
        }
        return replace(self.base, files=files, **merged)


def edited(**fields: Any) -> Change:
    """A JSON file with other values; those that are ``None`` are taken out."""
    return lambda old: {name: value for name, value in {**old, **fields}.items() if value is not None}


def swapped(old: str, new: str) -> Change:
    """A text in which one thing is another."""

    def change(text: str) -> str:
        if old not in text:
            raise ValueError(f"there is no {old!r} to change")
        return text.replace(old, new)

    return change


def in_lock(name: str, **fields: Any) -> Change:
    """A lockfile with other values for one package."""

    def change(old: dict[str, Any]) -> dict[str, Any]:
        packages = {**old["packages"]}
        packages[name] = edited(**fields)(packages[name])
        return {**old, "packages": packages}

    return change


STALE = '"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\nconst __dirname = "/";\n'
ECOSYSTEM = "module.exports = {{ apps: [{{ name: 'shop', script: '{script}', {more} }}] }};\n"
LIMITS = "max_restarts: 3, min_uptime: '10s'"
TSX_ECOSYSTEM = ECOSYSTEM.format(script="src/server.ts", more=f"interpreter: 'tsx', {LIMITS}")
RANDOM = "q7Wm2Zx9Lk4Tb8Vn3Hc6Rj5Ds1Fg0Pya8Kd"
KEY = "-----BEGIN " + "PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj" * 3
ENV_FILE = EnvFile("/srv/shop/.env", 0o600, 0, frozenset({"NODE_ENV"}))
tsx, express, nest, esm = healthy.TSX_APP, healthy.EXPRESS, healthy.NEST, healthy.ESM

FAULTS: dict[str, Fault] = {
    # The incident and its relatives.
    "the incident": Fault(
        "stale_build_output", ERROR, tsx, {"dist/server.js": STALE, "package.json": edited(main="dist/server.js")}
    ),
    "exports into a stale build": Fault(
        "stale_build_output", ERROR, tsx, {"dist/app.js": STALE, "package.json": edited(exports="./dist/app.js")}
    ),
    "imports into a stale build": Fault(
        "stale_build_output", ERROR, tsx, {"dist/x.js": STALE, "package.json": edited(imports={"#x": "./dist/x.js"})}
    ),
    "an alias into a stale build": Fault(
        "stale_build_output",
        ERROR,
        tsx,
        {"dist/app.js": STALE, "tsconfig.json": {"compilerOptions": {"paths": {"@/*": ["./dist/*"]}}}},
    ),
    "npm start into a stale build": Fault(
        "stale_build_output",
        ERROR,
        tsx,
        {"dist/server.js": STALE, "package.json": edited(scripts={"start": "node dist/server.js"})},
    ),
    "a build left behind": Fault("stale_build_output", WARNING, tsx, {"dist/server.js": STALE}),
    "a package of the workspace served from a stale build": Fault(
        "stale_build_output",
        ERROR,
        healthy.WORKSPACE,
        {
            "packages/db/package.json": edited(exports="./dist/index.js"),
            "packages/db/dist/index.js": healthy.compiled("exports.db = 0;", "index.js"),
            "packages/db/dist/index.js.map": healthy.source_map(
                "../src/index.ts", "export const db = 0;\n", "index.js"
            ),
        },
    ),
    "source edited after the build": Fault(
        "stale_compiled_entry", ERROR, nest, {"src/app.module.ts": swapped("health", "healthz")}
    ),
    "a package of the workspace edited after its build": Fault(
        "workspace_stale", ERROR, healthy.WORKSPACE_BUILT, {"packages/db/src/index.ts": "export const db = 2;\n"}
    ),
    "a package of the workspace not built": Fault(
        "workspace_stale",
        ERROR,
        healthy.WORKSPACE_BUILT,
        {"packages/db/dist/index.js": GONE, "packages/db/dist/index.js.map": GONE},
    ),
    "the build is not ignored": Fault("output_not_ignored", WARNING, tsx, {".gitignore": "node_modules\n"}),
    "the map of another build": Fault(
        "source_map_foreign", WARNING, healthy.HONO, {"dist/index.js.map": edited(mappings="AAAA;" * 90)}
    ),
    # What Node.js makes of the source.
    "require in an ES module": Fault(
        "cjs_in_esm",
        ERROR,
        healthy.FASTIFY,
        {"src/plugins/health.js": swapped("export", "const fs = require('fs');\nexport")},
    ),
    "type module taken away": Fault(
        "esm_in_cjs", ERROR, esm, {"package.json": edited(type="commonjs")}, also=("duplicate_dirname",)
    ),
    "a __dirname of its own in CommonJS": Fault(
        "duplicate_dirname",
        ERROR,
        express,
        {
            "package.json": edited(type="commonjs"),
            "app.js": swapped("const express", "const __dirname = '/';\nconst express"),
        },
    ),
    "a syntax error": Fault(
        "node_check",
        ERROR,
        express,
        host={"syntax": Output((), 1, "", "/x/server.js:2\nconst = ;\n\nSyntaxError: Unexpected token '='\n")},
    ),
    "import and require of the same": Fault(
        "duplicate_declaration",
        ERROR,
        tsx,
        {"src/app.ts": swapped("import express", "import { express } from './x';\nimport express")},
    ),
    "compiled beside its source": Fault("js_beside_ts", WARNING, tsx, {"src/app.js": STALE}),
    "compiled beside its source, under an old tsx": Fault(
        "js_beside_ts",
        ERROR,
        tsx,
        {
            "src/app.js": STALE,
            "package-lock.json": in_lock("node_modules/tsx", version="4.7.1"),
        },
    ),
    "the health route renamed": Fault(
        "health_route_missing", WARNING, tsx, {"src/app.ts": swapped("/health", "/status"), "test/server.test.ts": ""}
    ),
    # What is started.
    "the entry renamed": Fault("entry_missing", ERROR, express, {"server.js": GONE}),
    "an interpreter nobody installed": Fault("interpreter_missing", ERROR, express, entry={"interpreter": "bun"}),
    "an argument that is not packed": Fault(
        "args_missing", ERROR, express, entry={"args": ("--config", "conf/app.json")}
    ),
    "tsx only for development": Fault(
        "loader_missing",
        ERROR,
        tsx,
        {
            "package.json": edited(dependencies={"express": "^4.21.2"}, devDependencies={"tsx": "^4.19.2"}),
            "package-lock.json": healthy.lock(
                healthy.package("tsx-app", dependencies={"express": "^4.21.2"}, devDependencies={"tsx": "^4.19.2"})
            ),
        },
    ),
    "an ecosystem file that throws": Fault(
        "ecosystem_unreadable", WARNING, tsx, {"ecosystem.config.cjs": "throw new Error('hunter2');\n"}
    ),
    "an ecosystem file of the compiled days": Fault(
        "ecosystem_differs",
        ERROR,
        tsx,
        {"ecosystem.config.cjs": ECOSYSTEM.format(script="dist/server.js", more=LIMITS)},
    ),
    "an ecosystem file that forgot tsx": Fault(
        "ecosystem_differs", ERROR, tsx, {"ecosystem.config.cjs": ECOSYSTEM.format(script="src/server.ts", more=LIMITS)}
    ),
    "an ecosystem file with another port": Fault(
        "ecosystem_differs",
        WARNING,
        tsx,
        {"ecosystem.config.cjs": swapped("interpreter", "env: { PORT: 8080 }, interpreter")(TSX_ECOSYSTEM)},
    ),
    "an ecosystem file with another name": Fault(
        "ecosystem_differs", WARNING, tsx, {"ecosystem.config.cjs": swapped("'shop'", "'store'")(TSX_ECOSYSTEM)}
    ),
    "an ecosystem file with other limits": Fault(
        "ecosystem_differs",
        WARNING,
        tsx,
        {"ecosystem.config.cjs": swapped("restarts: 3", "restarts: 15")(TSX_ECOSYSTEM)},
    ),
    "limits that cannot fire": Fault(
        "ecosystem_limits", WARNING, tsx, {"ecosystem.config.cjs": swapped("'10s'", "1000")(TSX_ECOSYSTEM)}
    ),
    # Other ways to deploy.
    "the deploy script still builds": Fault(
        "deploy_builds_unused", ERROR, tsx, {"deploy.sh": "npm ci\nnpm run build\npm2 reload shop\n"}
    ),
    "the pipeline still copies the build": Fault(
        "deploy_builds_unused",
        ERROR,
        tsx,
        {".github/workflows/x.yml": "steps:\n  - run: npm run build\n  - run: scp -r dist h:\n"},
    ),
    "the other pipeline does": Fault(
        "deploy_builds_unused",
        ERROR,
        tsx,
        {".gitlab-ci.yml": "deploy:\n  script:\n    - npm run build\n    - ssh host 'pm2 reload shop'\n"},
    ),
    "the makefile still builds": Fault(
        "deploy_builds_unused", ERROR, tsx, {"Makefile": "deploy:\n\t@npm run build\n\t@pm2 reload shop\n"}
    ),
    "the image still builds": Fault(
        "deploy_builds_unused", WARNING, tsx, {"Dockerfile": "RUN npm run build\nCMD node --import tsx src/server.ts\n"}
    ),
    "npm run deploy still builds": Fault(
        "deploy_builds_unused",
        ERROR,
        tsx,
        {"package.json": edited(scripts={"build": "tsc", "deploy": "npm run build && pm2 reload shop"})},
    ),
    "the deploy script starts the old entry": Fault(
        "deploy_starts_otherwise", ERROR, tsx, {"deploy.sh": "pm2 start dist/server.js --name shop\n"}
    ),
    "the deploy script starts another name": Fault(
        "deploy_starts_otherwise", WARNING, tsx, {"deploy.sh": "pm2 restart store\n"}
    ),
    "the deploy script has other limits": Fault(
        "deploy_starts_otherwise", WARNING, tsx, {"deploy.sh": "pm2 start src/server.ts --max-restarts 15\n"}
    ),
    # Dependencies.
    "no lockfile": Fault("lockfile_missing", ERROR, express, {"package-lock.json": GONE}),
    "a dependency that the lockfile does not know": Fault(
        "lockfile_out_of_step",
        ERROR,
        express,
        {"package.json": edited(dependencies={"express": "^4.21.2", "pino": "^9.5.0"})},
    ),
    "two lockfiles": Fault("lockfile_several", WARNING, express, {"yarn.lock": "# yarn lockfile v1\n"}),
    "engines of tomorrow": Fault(
        "engines_node", ERROR, healthy.FASTIFY, {"package.json": edited(engines={"node": ">=99"})}
    ),
    "a package over plain HTTP, unhashed": Fault(
        "lockfile_integrity",
        ERROR,
        express,
        {
            "package-lock.json": in_lock(
                "node_modules/express", resolved="http://registry.example/e.tgz", integrity=None
            )
        },
    ),
    "a package exchanged for another": Fault(
        "lockfile_integrity",
        ERROR,
        express,
        {"package-lock.json": in_lock("node_modules/express", resolved="git+ssh://git@evil.example/e.git#0123")},
    ),
    "a package without a hash": Fault(
        "lockfile_integrity", WARNING, express, {"package-lock.json": in_lock("node_modules/express", integrity=None)}
    ),
    "a dependency beside the checkout": Fault(
        "dependency_outside",
        ERROR,
        express,
        {
            "package.json": edited(dependencies={"express": "^4.21.2", "shared": "file:../shared"}),
            "package-lock.json": lambda old: {
                **old,
                "packages": {
                    **old["packages"],
                    "": {**old["packages"][""], "dependencies": {"express": "^4.21.2", "shared": "file:../shared"}},
                    "node_modules/shared": {"resolved": "../shared", "link": True},
                },
            },
        },
    ),
    # The environment and secrets.
    "a setting that nobody set": Fault(
        "env_keys_missing", ERROR, express, {".env.example": "NODE_ENV=\nPORT=\nDATABASE_URL=\n"}
    ),
    "an env file that is not there": Fault("env_file_missing", ERROR, express, options={"env_file": "/srv/shop/.env"}),
    "an env file that all may read": Fault(
        "env_file_readable", ERROR, express, host={"env_file": EnvFile("/srv/shop/.env", 0o644, 0, frozenset())}
    ),
    "NODE_ENV forgotten": Fault("node_env_unset", WARNING, healthy.FASTIFY, entry={"env": frozenset({"PORT"})}),
    "Sentry switched off": Fault(
        "sentry_disabled",
        WARNING,
        healthy.YARN,
        {
            "package.json": edited(dependencies={"@sentry/node": "^8.0.0"}),
            "yarn.lock": '"@sentry/node@^8.0.0":\n  version "8.0.0"\n  resolved "https://x.example/n.tgz#0"\n',
        },
    ),
    "a .env in the repository": Fault(
        "env_committed", ERROR, express, {".env": f"NODE_ENV=production\nAPI_KEY={RANDOM}\n"}
    ),
    "a key in the repository": Fault("private_key_committed", ERROR, express, {"certs/server.key": KEY}),
    "a token in the source": Fault(
        "token_committed",
        ERROR,
        express,
        {"app.js": swapped("const app", f"const token = 'ghp_{RANDOM}9';\nconst app")},
    ),
    # The host.
    "no Node.js": Fault("node_missing", ERROR, express, host={"node": Program(error="there is none.")}),
    "an old Node.js": Fault("node_too_old", ERROR, express, host={"node": Program("18.20.0")}),
    "no PM2": Fault("pm2_missing", ERROR, express, host={"pm2": Program(error="there is none.")}),
    "an old PM2": Fault("pm2_too_old", ERROR, express, host={"pm2": Program("4.5.0")}),
    "an old daemon": Fault("daemon_out_of_step", WARNING, express, host={"daemon": "5.4.3"}),
    "a port that is taken": Fault(
        "port_busy", ERROR, express, host={"holders": (Holder("blue", "127.0.0.1:3001", "pid 7"),)}
    ),
    "a name that is taken": Fault(
        "name_busy",
        ERROR,
        express,
        host={"holders": (Holder("blue", "127.0.0.1:3001", "", "shop-blue", "/var/www/other"),)},
    ),
    "a full disk": Fault("disk_space", ERROR, express, host={"free_bytes": 1000}),
    "no inodes": Fault("inodes", ERROR, express, host={"free_inodes": 10}),
    "somebody else's root": Fault("root_owner", ERROR, express, host={"root_uid": 7}),
    "a path too long for a socket": Fault("path_too_long", ERROR, express, host={"sockets": ("/" + "x" * 120,)}),
    "a shared file that is not there": Fault("shared_missing", ERROR, express, host={"shared_missing": ("app.json",)}),
    # The artifact.
    "writable by everybody": Fault("unsafe_modes", WARNING, express, modes={"server.js": 0o666}),
    "a dump in the artifact": Fault(
        "artifact_grew", WARNING, express, {"dump.sql": "x" * (21 << 20)}, host={"live_bytes": 1 << 20}
    ),
    "dependencies of a Mac": Fault(
        "native_module_foreign",
        ERROR,
        healthy.SHIPPED,
        {"node_modules/better-sqlite3/build/Release/better_sqlite3.node": b"\xcf\xfa\xed\xfe" + bytes(40)},
    ),
    "dependencies of another Node.js": Fault(
        "native_module_foreign",
        ERROR,
        healthy.SHIPPED,
        {
            "node_modules/better-sqlite3/build/Release/better_sqlite3.node": lambda old: old.replace(
                b"napi_register_module_v1", b"node_register_module_v93"
            )
        },
    ),
}

UNPACKED_ONLY = frozenset({"not_read"})
"""Rules on what an archive cannot have: in one, everything can be read."""
