# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Other ways to deploy the app: in step with the entry, or the next incident."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_deploy import (
    deploy_builds_unused,
    deploy_starts_otherwise,
)
from ansible_collections.nodeops.pm2.tests.unit.plugins.module_utils.conftest import SLOTS

Find = Callable[..., list[Finding]]

TSX = {"script": "src/server.ts", "loader": "tsx", "max_restarts": 3}
APP = {
    "package.json": {"scripts": {"build": "tsc", "start": "tsx src/server.ts"}},
    "tsconfig.json": {"compilerOptions": {"outDir": "dist"}},
    "src/server.ts": "",
}


@pytest.mark.parametrize(
    ("files", "severity", "said"),
    [
        ({"deploy.sh": "npm ci\nnpm run build\npm2 reload shop\n"}, ERROR, "deploy.sh still builds dist/"),
        ({"deploy.sh": "npm run build\nrsync -a dist/ host:/srv\n"}, ERROR, "deploy.sh still builds and copies dist/"),
        ({"tools/x.sh": "scp -r ./dist host:/srv\n"}, ERROR, "tools/x.sh still copies dist/"),
        ({"deploy.sh": "git pull && npm run build"}, WARNING, "still builds dist/"),
        ({"Makefile": "deploy:\n\tnpm run build\n\tpm2 restart shop\n"}, ERROR, "Makefile still builds"),
        ({".github/workflows/a.yml": "- run: npm run build\n- run: ssh h 'pm2 reload shop'\n"}, ERROR, "still builds"),
        ({".gitlab-ci.yml": "x:\n  script:\n    - npx tsc\n    - pm2 reload shop\n"}, ERROR, "still builds"),
        ({"Dockerfile": "RUN npm run build\nCOPY --from=b /app/dist ./dist\n"}, WARNING, "still builds and copies"),
        ({"package.json": {"scripts": {"build": "tsc", "deploy": "npm run build && pm2 reload shop"}}}, ERROR,
         "scripts.deploy of package.json still builds"),
        ({"package.json": {"scripts": {"build": "tsc", "start": "npm run build && tsx src/server.ts"}}}, WARNING,
         "scripts.start of package.json still builds"),
    ],
)  # fmt: skip
def test_a_deploy_that_builds_what_is_not_run(find: Find, files: Any, severity: str, said: str) -> None:
    (found,) = find(deploy_builds_unused, {**APP, **files}, entry=TSX, slots=SLOTS)
    assert found.severity == severity
    assert said in found.message
    assert "which src/server.ts does not run" in found.message
    assert found.evidence[0].line > 0


@pytest.mark.parametrize(
    ("files", "entry"),
    [
        pytest.param({"ci.sh": "npm run build && npm test"}, TSX, id="no deploy"),
        pytest.param({".github/workflows/ci.yml": "- run: npm run build"}, TSX, id="a pipeline that only tests"),
        pytest.param(
            {"deploy.sh": "npm run build\npm2 reload shop\n"}, {"script": "dist/server.js"}, id="the build is run"
        ),
        pytest.param({"deploy.sh": "npm ci --omit=dev\npm2 reload shop\n"}, TSX, id="nothing is built"),
        pytest.param({"deploy.sh": "npm run typecheck\npm2 reload shop\n"}, TSX, id="another script"),
        pytest.param({"deploy.sh": "npx tsc --noEmit\npm2 reload shop\n"}, TSX, id="types are checked only"),
        pytest.param({"deploy.sh": "npm run build -w web\npm2 reload shop\n"}, TSX, id="another package's build"),
        pytest.param(
            {"package.json": {"scripts": {"build": "vite build"}}, "deploy.sh": "npm run build\nrsync dist/ h:\n"},
            TSX,
            id="a build for browsers",
        ),
        pytest.param({"deploy.sh": "echo 'npm run build'; # npm run build\npm2 reload shop"}, TSX, id="only words"),
    ],
)
def test_a_deploy_that_is_in_step(find: Find, files: Any, entry: Any) -> None:
    assert find(deploy_builds_unused, {**APP, **files}, entry=entry, slots=SLOTS) == []


@pytest.mark.parametrize(
    ("command", "severity", "said"),
    [
        ("pm2 start dist/server.js", ERROR, "starts PM2 with dist/server.js, and the deploy runs src/server.ts"),
        ("pm2 start dist/server.js --name shop", ERROR, "dist/server.js"),
        ("npx pm2 reload /srv/shop/dist/server.js", ERROR, "/srv/shop/dist/server.js"),
        ("pm2-runtime dist/server.js", ERROR, "dist/server.js"),
        ("pm2 start npm --name shop -- run serve", ERROR, "starts PM2 with dist/server.js"),
        ("pm2 start 'node dist/server.js'", ERROR, "dist/server.js"),
        (
            "pm2 start src/server.ts --name store",
            WARNING,
            "calls the process store, and the deploy calls it shop, shop-blue",
        ),
        ("pm2 restart store", WARNING, "calls the process store"),
        ("pm2 reload ecosystem.config.js --only store", WARNING, "calls the process store"),
        ("pm2 start src/server.ts --max-restarts 15", WARNING, "sets max_restarts to 15, and the deploy to 3"),
        ("pm2 start src/server.ts --max-restarts=15", WARNING, "sets max_restarts to 15"),
    ],
)
def test_a_script_that_starts_something_else(find: Find, command: str, severity: str, said: str) -> None:
    package = {"scripts": {"serve": "node dist/server.js"}}
    files = {**APP, "package.json": package, "deploy.sh": f"set -e\n{command}\n"}
    (found,) = find(deploy_starts_otherwise, files, entry=TSX, slots=SLOTS)
    assert (found.severity, found.evidence[0].line) == (severity, 2)
    assert said in found.message


@pytest.mark.parametrize(
    "command",
    [
        "pm2 start src/server.ts --name shop --interpreter tsx",
        "pm2 start ./src/server.ts",
        "pm2 start /srv/shop/current/src/server.ts",
        "pm2 reload shop",
        "pm2 restart shop-green",
        "pm2 reload all",
        "pm2 reload 0",
        "pm2 start $ENTRY --name ${NAME}",
        "pm2 start ecosystem.config.js --env production",
        "pm2 startOrReload deploy/pm2.json",
        "pm2 logs store",
        "pm2 save",
        "pm2 start npm -- start",
        "echo pm2 start dist/server.js",
        "node dist/migrate.js",
    ],
)
def test_a_script_that_starts_the_same(find: Find, command: str) -> None:
    assert find(deploy_starts_otherwise, {**APP, "deploy.sh": command}, entry=TSX, slots=SLOTS) == []


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"package.json": {"scripts": {"start": "A=b node dist/server.js"}}}, "scripts.start of package.json runs"),
        ({"Procfile": "web: node dist/server.js"}, "Procfile runs"),
        ({"Dockerfile": 'CMD ["node", "--enable-source-maps", "dist/server.js"]'}, "Dockerfile runs"),
    ],
)  # fmt: skip
def test_what_runs_another_file_without_pm2_is_a_warning(find: Find, files: Any, said: str) -> None:
    (found,) = find(deploy_starts_otherwise, {**APP, **files}, entry=TSX, slots=SLOTS)
    assert found.severity == WARNING
    assert f"{said} dist/server.js, and the deploy runs src/server.ts." in found.message


@pytest.mark.parametrize(
    "files",
    [
        {"package.json": {"scripts": {"start": "nest start"}}},
        {"package.json": {"scripts": {"start:prod": "node dist/main"}}},
        {"tools/mail/Dockerfile": "CMD node mail.js"},
        {"Dockerfile": "RUN node build.js\nCMD npm start"},
    ],
)
def test_what_does_not_run_the_app(find: Find, files: Any) -> None:
    assert find(deploy_starts_otherwise, {**APP, **files}, entry=TSX, slots=SLOTS) == []


def test_a_file_of_that_name_elsewhere_is_another_file(find: Find) -> None:
    files = {**APP, "deploy.sh": "cd src\npm2 start server.ts"}
    assert find(deploy_starts_otherwise, files, entry=TSX, slots=SLOTS) == []
    (found,) = find(deploy_starts_otherwise, {**files, "server.ts": ""}, entry=TSX, slots=SLOTS)
    assert found.severity == ERROR


def test_without_slots_names_are_not_compared(find: Find) -> None:
    assert find(deploy_starts_otherwise, {**APP, "deploy.sh": "pm2 reload store"}, entry=TSX) == []


def test_a_line_that_may_hold_a_secret_is_not_shown(find: Find) -> None:
    files = {**APP, "deploy.sh": "API_TOKEN=hunter2 pm2 start dist/server.js\n"}
    (found,) = find(deploy_starts_otherwise, files, entry=TSX, slots=SLOTS)
    assert "hunter2" not in str(found)
