# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem import ecosystem
from ansible_collections.nodeops.pm2.plugins.module_utils._entry import entry
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot

STRICT = "--unhandled-rejections=strict"


def read(strategy: str = "edge", **process: Any) -> dict[str, Any]:
    slot = Slot("main" if strategy == "restart" else "blue", "demo-blue", "127.0.0.1:3001")
    given = {"app": "demo", "strategy": strategy, **process}
    return entry(ecosystem(given, slot=slot, release_path="/srv/demo/releases/r1", root="/srv/demo"))


def test_entry() -> None:
    found = read(
        script="tsx src/server.ts",
        args="--x 1",
        env={"A": "secret", "SENTRY_ENABLED": True},
        env_file="/srv/demo/shared/.env",
    )
    loader = "file:///srv/demo/releases/r1/node_modules/tsx/dist/loader.mjs"
    assert found == {
        "script": "src/server.ts",
        "interpreter": "node",
        "node_args": ["--import", loader, STRICT, "--env-file=/srv/demo/shared/.env"],
        "args": ["--x", "1"],
        "exec_mode": "fork",
        "loader": "tsx",
        "env": ["A", "BLUEGREEN_APP", "BLUEGREEN_RELEASE", "BLUEGREEN_SLOT", "NODE_ENV", "PORT", "SENTRY_ENABLED"],
        "env_file": "/srv/demo/shared/.env",
        "env_on": ["SENTRY_ENABLED"],
        "name": "demo-blue",
        "max_restarts": 3,
        "min_uptime": 10_000,
        "restart_delay": 0,
    }
    assert "secret" not in repr(found)


@pytest.mark.parametrize("strategy", ["edge", "restart"])
def test_script_is_relative_to_the_release_wherever_that_is(strategy: str) -> None:
    assert read(strategy, script="dist/server.js")["script"] == "dist/server.js"


@pytest.mark.parametrize(
    ("process", "loader", "env_file"),
    [
        ({"script": "src/a.ts"}, "", ""),
        ({"script": "a.js", "node_args": "--env-file .env"}, "", "/srv/demo/releases/r1/.env"),
        ({"script": "a.py", "interpreter": "python3", "node_args": "-u"}, "", ""),
    ],
)
def test_loader_and_env_file(process: dict[str, Any], loader: str, env_file: str) -> None:
    found = read(**process)
    assert (found["loader"], found["env_file"]) == (loader, env_file)
