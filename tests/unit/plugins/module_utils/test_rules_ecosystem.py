# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An ecosystem file in the repository, beside the one that the deploy writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_file import App, EcosystemFile
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_ecosystem import (
    ecosystem_differs,
    ecosystem_limits,
    ecosystem_unreadable,
)
from ansible_collections.nodeops.pm2.tests.unit.plugins.module_utils.conftest import SLOTS

Find = Callable[..., list[Finding]]

TSX = {
    "script": "src/server.ts",
    "loader": "tsx",
    "args": ("--port", "3001"),
    "env": frozenset({"NODE_ENV", "PORT"}),
    "name": "shop-blue",
    "max_restarts": 3,
    "min_uptime": 10_000,
}
GOOD = {
    "name": "shop",
    "script": "./src/server.ts",
    "exec_interpreter": "tsx",
    "args": ["--port", "3000"],
    "max_restarts": 3,
    "min_uptime": "10s",
    "exec_mode": "fork",
}
FILES = {"src/server.ts": "", "package.json": {"scripts": {"start": "tsx src/server.ts", "old": "node dist/server.js"}}}


def file(
    *apps: dict[str, Any], env: tuple[str, ...] = ("NODE_ENV",), port: str = "", error: str = ""
) -> dict[str, Any]:
    found = tuple(App(app, frozenset(env), port) for app in apps)
    return {"ecosystems": (EcosystemFile("ecosystem.config.js", found, error, 3 if error else 0),), "slots": SLOTS}


@pytest.mark.parametrize(
    "app",
    [
        pytest.param(GOOD, id="the same"),
        pytest.param({**GOOD, "name": "shop-green"}, id="a slot's name"),
        pytest.param({**GOOD, "script": "/srv/shop/current/src/server.ts"}, id="an absolute path"),
        pytest.param(
            {**GOOD, "script": "node_modules/.bin/tsx", "args": "src/server.ts --port 1", "exec_interpreter": ""},
            id="by tsx",
        ),
        pytest.param({**GOOD, "exec_interpreter": "node", "node_args": "--import tsx"}, id="by its loader"),
        pytest.param(
            {"script": "src/server.ts", "exec_interpreter": "tsx", "args": ["--port", "1"]}, id="hardly anything"
        ),
    ],
)
def test_a_file_in_step(find: Find, app: dict[str, Any]) -> None:
    assert find(ecosystem_differs, FILES, entry=TSX, **file(app)) == []
    assert find(ecosystem_unreadable, FILES, entry=TSX, **file(app)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"script": "dist/server.js", "exec_interpreter": "node"},
            "runs dist/server.js, and the deploy runs src/server.ts with tsx",
        ),
        ({"script": "dist/server.js"}, "runs dist/server.js"),
        ({"script": "npm", "args": "run old"}, "runs dist/server.js"),
        ({"script": "npm", "args": ["run", "nothing"]}, "starts the app in a way that PM2 cannot watch"),
        ({"script": "a; rm -rf hunter2"}, "starts the app in a way that PM2 cannot watch"),
        ({"exec_interpreter": "node"}, "loads it without tsx"),
    ],
)
def test_another_start_is_an_error(find: Find, change: dict[str, Any], said: str) -> None:
    found = find(ecosystem_differs, FILES, entry=TSX, **file({**GOOD, **change}))
    assert [item.severity for item in found][:1] == [ERROR]
    assert said in found[0].message
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("app", "more", "said"),
    [
        ({"name": "store"}, {}, "its name is store, not shop"),
        ({"name": "store \x1b[31m hunter2"}, {}, "its name is something else"),
        ({}, {"port": "3000"}, "its PORT is 3000, not 3001 or 3002"),
        ({"exec_mode": "cluster_mode"}, {}, "its exec_mode is cluster"),
        ({"max_restarts": 15}, {}, "its max_restarts is 15, not 3"),
        ({"min_uptime": 5000}, {}, "its min_uptime is 5000, not 10000"),
        ({"restart_delay": "4s"}, {}, "its restart_delay is 4000, not 0"),
        ({"min_uptime": "soon"}, {}, "its min_uptime is none that PM2 can read"),
        ({"args": ["--port", "3000", "--token", "hunter2"]}, {}, "its arguments are others"),
        ({"args": []}, {}, "its arguments are others"),
        ({}, {"env": ("NODE_ENV", "DATABASE_URL")}, "it sets DATABASE_URL, which the deploy does not"),
    ],
)
def test_other_differences_are_a_warning(find: Find, app: dict[str, Any], more: dict[str, Any], said: str) -> None:
    (found,) = find(ecosystem_differs, FILES, entry=TSX, **file({**GOOD, **app}, **more))
    assert found.severity == WARNING
    assert said in found.message
    assert "hunter2" not in str(found)


def test_the_port_of_a_slot_is_no_difference(find: Find) -> None:
    assert find(ecosystem_differs, FILES, entry=TSX, **file(GOOD, port="3002")) == []


@pytest.mark.parametrize(
    ("apps", "count"),
    [
        pytest.param([{"name": "worker", "script": "src/worker.ts"}, GOOD], 0, id="by name"),
        pytest.param([{"name": "worker", "script": "src/worker.ts"}, {**GOOD, "name": ""}], 0, id="by script"),
        pytest.param([{"name": "worker", "script": "w.ts"}, {"name": "mail", "script": "m.ts"}], 1, id="none of them"),
    ],
)
def test_which_app_is_meant(find: Find, apps: list[dict[str, Any]], count: int) -> None:
    found = find(ecosystem_differs, FILES, entry=TSX, **file(*apps))
    assert [item.severity for item in found] == [WARNING] * count


@pytest.mark.parametrize(
    ("limits", "hit"),
    [
        ({"max_restarts": 3, "min_uptime": "10s"}, False),
        ({"max_restarts": 15, "min_uptime": 60_000}, False),
        ({"max_restarts": 15}, True),
        ({}, True),
        ({"max_restarts": 0, "min_uptime": "10s"}, True),
        ({"min_uptime": "10s", "restart_delay": 10_000}, True),
        ({"min_uptime": "10s", "exp_backoff_restart_delay": 100}, True),
        ({"min_uptime": "soon"}, True),
    ],
)
def test_limits_that_cannot_fire(find: Find, limits: dict[str, Any], hit: bool) -> None:
    plain = {"name": "shop", "script": "src/server.ts"}
    found = find(ecosystem_limits, FILES, entry=TSX, **file({**plain, **limits}))
    assert [item.severity for item in found] == [WARNING] * hit


def test_a_file_that_cannot_be_read_says_where(find: Find) -> None:
    (found,) = find(ecosystem_unreadable, {"ecosystem.config.js": "1\n2\npassword"}, **file(error="it ends with Error"))
    assert found.message == "ecosystem.config.js cannot be evaluated: it ends with Error."
    assert [str(item) for item in found.evidence] == ["ecosystem.config.js:3"]
