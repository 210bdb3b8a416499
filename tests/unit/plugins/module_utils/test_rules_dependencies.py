# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Lockfiles of three package managers, and engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_dependencies import (
    engines_node,
    lockfile_missing,
    lockfile_out_of_step,
    lockfile_several,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Program

Find = Callable[..., list[Finding]]

PACKAGE = {"dependencies": {"express": "^4.19.0"}}


def npm(range_: str = "^4.19.0", version: str = "4.19.2", more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    root = {"dependencies": {"express": range_}}
    return {"lockfileVersion": 3, "packages": {"": root, "node_modules/express": {"version": version}, **(more or {})}}


@pytest.mark.parametrize(
    ("files", "hit"),
    [
        ({"package.json": PACKAGE}, True),
        ({"package.json": {"devDependencies": {"tsx": "4"}}}, True),
        ({"package.json": {"name": "x", "dependencies": {}}}, False),
        ({"package.json": {"peerDependencies": {"x": "1"}}}, False),
        ({"server.js": ""}, False),
        ({"package.json": PACKAGE, "yarn.lock": ""}, False),
        ({"package.json": PACKAGE, "bun.lock": ""}, False),
        ({"package.json": PACKAGE, "node_modules/express/index.js": ""}, False),
    ],
)
def test_lockfile_missing(find: Find, files: Any, hit: bool) -> None:
    assert bool(find(lockfile_missing, files)) is hit


@pytest.mark.parametrize(
    ("files", "hit"),
    [
        ({"package-lock.json": {}, "yarn.lock": ""}, True),
        ({"package-lock.json": {}, "npm-shrinkwrap.json": {}}, False),
        ({"pnpm-lock.yaml": ""}, False),
    ],
)
def test_lockfile_several(find: Find, files: Any, hit: bool) -> None:
    assert [item.severity for item in find(lockfile_several, files)] == ([WARNING] if hit else [])


PNPM_9 = """lockfileVersion: '9.0'
overrides:
  ms@2: 2.1.3
importers:
  .:
    dependencies:
      '@fastify/cors':
        specifier: ^9.0.0
        version: 9.0.1(fastify@4.0.0)
      ms:
        specifier: 2.1.3
        version: 2.1.3
  packages/db:
    dependencies:
      pg:
        specifier: ^8.0.0
        version: 8.1.0
packages:
  pg@8.1.0:
    resolution: {integrity: x}
"""
PNPM_6 = "lockfileVersion: '6.0'\ndependencies:\n  express:\n    specifier: ^4.19.0\n    version: 4.19.2\n"
PNPM_5 = "lockfileVersion: 5.4\nspecifiers:\n  express: ^4.19.0\ndependencies:\n  express: 4.19.2\n"
YARN_1 = 'express@^4.18.0, express@^4.19.0:\n  version "4.19.2"\n\n"@fastify/cors@^9.0.0":\n  version "9"\n'
YARN_4 = (
    '"express@npm:^4.18.0, express@npm:^4.19.0":\n  version: 4\n\n"db@workspace:^, db@workspace:packages/db":\n  x: 1\n'
)
WORKSPACE = {"workspaces": ["packages/*"], "dependencies": {"express": "^4.19.0"}}
DB = {"name": "db", "dependencies": {"pg": "^8.0.0"}}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"package.json": PACKAGE, "package-lock.json": npm()}, id="npm"),
        pytest.param(
            {
                "package.json": WORKSPACE,
                "packages/db/package.json": DB,
                "package-lock.json": npm(more={"packages/db": DB, "node_modules/pg": {"version": "8.1.0"}}),
            },
            id="npm workspaces",
        ),
        pytest.param(
            {"package.json": PACKAGE, "package-lock.json": {"dependencies": {"express": {"version": "4.19.2"}}}},
            id="npm 6",
        ),
        pytest.param(
            {"package.json": PACKAGE, "example/package.json": DB, "package-lock.json": npm()}, id="no workspace"
        ),
        pytest.param(
            {
                "package.json": {"dependencies": {"@fastify/cors": "^9.0.0", "ms": "^2.0.0"}},
                "packages/db/package.json": DB,
                "pnpm-workspace.yaml": "packages:\n  - 'packages/*'\n",
                "pnpm-lock.yaml": PNPM_9,
            },
            id="pnpm 9, an override",
        ),
        pytest.param({"package.json": PACKAGE, "pnpm-lock.yaml": PNPM_6}, id="pnpm 8"),
        pytest.param({"package.json": PACKAGE, "pnpm-lock.yaml": PNPM_5}, id="pnpm 7"),
        pytest.param(
            {"package.json": {"dependencies": {"express": "^4.19.0", "@fastify/cors": "^9.0.0"}}, "yarn.lock": YARN_1},
            id="yarn 1",
        ),
        pytest.param(
            {
                "package.json": {"dependencies": {"express": "^4.19.0", "db": "workspace:^", "git": "user/repo"}},
                "packages/db/package.json": {"name": "db"},
                "yarn.lock": YARN_4,
            },
            id="yarn 4",
        ),
        pytest.param(
            {
                "package.json": {"dependencies": {"ms": "^2.0.0"}, "resolutions": {"**/ms": "2.1.3"}},
                "yarn.lock": YARN_1,
            },
            id="yarn's resolutions",
        ),
        pytest.param({"package.json": PACKAGE, "bun.lock": "{}"}, id="bun's is not read"),
    ],
)
def test_lockfiles_in_step(find: Find, files: Any) -> None:
    assert find(lockfile_out_of_step, files) == []


@pytest.mark.parametrize(
    ("files", "severity", "said"),
    [
        pytest.param(
            {"package-lock.json": npm("^3.0.0", "3.1.0")}, ERROR, "express ^4.19.0 (locked: ^3.0.0)", id="npm"
        ),
        pytest.param(
            {"package-lock.json": {"packages": {"": {}}}}, ERROR, "express ^4.19.0 (not locked)", id="npm, nothing"
        ),
        pytest.param({"package-lock.json": npm("^4.18.0")}, WARNING, "is behind", id="npm installs it all the same"),
        pytest.param(
            {"package-lock.json": npm(), "package.json": {"dependencies": {}}},
            WARNING,
            "no longer asked for",
            id="npm, more",
        ),
        pytest.param(
            {"package-lock.json": {"dependencies": {"express": {"version": "3.0.0"}}}},
            ERROR,
            "locked: 3.0.0",
            id="npm 6",
        ),
        pytest.param({"pnpm-lock.yaml": PNPM_6.replace("^4.19.0", "^4.0.0")}, ERROR, "locked: ^4.0.0", id="pnpm 8"),
        pytest.param({"pnpm-lock.yaml": PNPM_5.replace("^4.19.0", "^4.0.0")}, ERROR, "locked: ^4.0.0", id="pnpm 7"),
        pytest.param(
            {"yarn.lock": YARN_1.replace("^4.19.0", "^4.17.0")}, ERROR, "locked: express@^4.17.0", id="yarn 1"
        ),
        pytest.param({"yarn.lock": YARN_4.replace("^4.19.0", "^4.17.0")}, ERROR, "express ^4.19.0", id="yarn 4"),
        pytest.param(
            {"package.json": WORKSPACE, "packages/db/package.json": DB, "package-lock.json": npm()},
            ERROR,
            "pg ^8.0.0 (not locked)",
            id="a workspace package",
        ),
    ],
)
def test_lockfiles_out_of_step(find: Find, files: Any, severity: str, said: str) -> None:
    (found,) = find(lockfile_out_of_step, {"package.json": PACKAGE, **files})
    assert found.severity == severity
    assert said in found.message


def test_the_evidence_is_the_line_of_the_dependency(find: Find) -> None:
    (found,) = find(lockfile_out_of_step, {"package.json": PACKAGE, "yarn.lock": ""})
    assert [str(item) for item in found.evidence] == ['package.json:3: "express": "^4.19.0"', "yarn.lock"]


def test_a_lockfile_longer_than_any_source_is_read(find: Find) -> None:
    lock = npm(more={f"node_modules/{number}": {"resolved": "x" * 1000} for number in range(600)})
    assert find(lockfile_out_of_step, {"package.json": PACKAGE, "package-lock.json": lock}) == []


@pytest.mark.parametrize(
    ("engines", "node", "severity"),
    [
        ({"node": ">=22"}, "20.19.0", ERROR),
        ({"node": ">=22"}, "22.0.0", None),
        ({"node": ">=22"}, "23.0.0-nightly2024", None),
        ({"node": "lts/*"}, "20.19.0", WARNING),
        ({"npm": ">=9"}, "20.19.0", None),
        ("broken", "20.19.0", None),
        ({"node": ">=22"}, "", None),
    ],
)
def test_engines_node(find: Find, engines: Any, node: str, severity: str | None) -> None:
    found = find(engines_node, {"package.json": {"engines": engines}}, host={"node": Program(node)})
    assert [item.severity for item in found] == ([severity] if severity else [])
