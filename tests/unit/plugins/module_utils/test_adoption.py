# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PM2's records say of an app that was started by hand."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _adoption
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

HOME = "/var/www/shop/backend"


def record(number: int = 0, *, name: str = "backend", **env: Any) -> dict[str, Any]:
    known = {"pm_exec_path": f"{HOME}/dist/server.js", "pm_cwd": HOME, "exec_mode": "fork_mode", "env": {}}
    return {"name": name, "pm_id": number, "pid": 100 + number, "pm2_env": {**known, **env}}


def describe(*records: dict[str, Any], scripts: dict[str, str] | None = None) -> _adoption.Found:
    return _adoption.describe(records, name="backend", directory=HOME, scripts=scripts or {}, ports=[3000])


@pytest.mark.parametrize(
    ("env", "process"),
    [
        pytest.param({}, {"script": "dist/server.js", "interpreter": "", "args": []}, id="a plain script"),
        pytest.param(
            {"exec_interpreter": "/usr/bin/node", "args": ["--port", "3000"], "node_args": ["--inspect"]},
            {"script": "dist/server.js", "interpreter": "", "args": ["--port", "3000"], "node_args": ["--inspect"]},
            id="with arguments",
        ),
        pytest.param(
            {"pm_exec_path": f"{HOME}/src/server.ts", "exec_interpreter": f"{HOME}/node_modules/.bin/tsx"},
            {"script": "src/server.ts", "interpreter": "tsx"},
            id="tsx as interpreter",
        ),
        pytest.param(
            {"pm_exec_path": f"{HOME}/node_modules/.bin/tsx", "args": ["src/server.ts"]},
            {"script": "tsx src/server.ts", "interpreter": "", "args": []},
            id="tsx as script",
        ),
        pytest.param(
            {"pm_exec_path": f"{HOME}/node_modules/tsx/dist/cli.mjs", "args": "src/server.ts --quiet"},
            {"script": "tsx src/server.ts --quiet"},
            id="tsx by its file, arguments as text",
        ),
        pytest.param(
            {"pm_exec_path": "/usr/bin/npm", "args": ["start"]}, {"script": "tsx src/server.ts"}, id="npm start"
        ),
        pytest.param(
            {"pm_exec_path": "/usr/lib/node_modules/npm/bin/npm-cli.js", "args": ["run", "serve"]},
            {"script": "node dist/server.js"},
            id="npm run",
        ),
        pytest.param(
            {"pm_exec_path": "/usr/bin/npm", "args": ["run", "gone"]}, {"script": ""}, id="a script that is none"
        ),
    ],
)
def test_how_it_is_started(env: dict[str, Any], process: dict[str, Any]) -> None:
    found = describe(record(**env), scripts={"start": "tsx src/server.ts", "serve": "node dist/server.js"})
    assert {name: found.process[name] for name in process} == process


def test_a_cluster_has_as_many_instances_as_workers() -> None:
    found = describe(*(record(number, exec_mode="cluster_mode") for number in range(3)))
    assert (found.process["exec_mode"], found.process["instances"], found.ids) == ("cluster", 3, (0, 1, 2))


def test_its_own_variables_are_what_no_shell_puts_there() -> None:
    env = {
        "DATABASE_URL": "postgres://x",
        "API_KEY": "made-up",
        "RETRIES": 3,
        "NODE_ENV": "production",
        **dict.fromkeys(("PATH", "HOME", "PWD", "LC_ALL", "SSH_TTY", "SUDO_USER", "PM2_HOME", "PORT", "_"), "shell"),
        **dict.fromkeys(("npm_config_cache", "NVM_DIR", "unique_id", "pm_id", "XDG_RUNTIME_DIR"), "shell"),
        "backend": "{}",
        "nested": {"a": 1},
        "with space": "x",
    }
    found = describe(record(env=env))
    assert found.variables == {
        "API_KEY": "made-up",
        "DATABASE_URL": "postgres://x",
        "NODE_ENV": "production",
        "RETRIES": "3",
    }
    assert "made-up" not in repr(found)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain/1.0", "A=plain/1.0\n"),
        ("", "A=\n"),
        ("with space #x", "A='with space #x'\n"),
        ("it's", "A=`it's`\n"),
        ("two\nlines", "A='two\nlines'\n"),
        ("'`", 'A="\'`"\n'),
    ],
)
def test_a_value_is_quoted_the_way_node_reads_it(value: str, text: str) -> None:
    assert _adoption.env_file({"A": value}) == text


@pytest.mark.parametrize("value", ["'`\"", "'`\\n"])
def test_a_value_that_no_quotes_hold_is_refused_by_name_alone(value: str) -> None:
    with pytest.raises(DeployError, match="API_KEY") as refused:
        _adoption.env_file({"API_KEY": value})
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("script", "cwd", "likeliest"),
    [
        (f"{HOME}/dist/server.js", HOME, [f"{HOME}/dist", HOME, "/var/www/shop", "/var/www", "/var"]),
        (f"{HOME}/node_modules/.bin/tsx", HOME, [HOME, "/var/www/shop", "/var/www", "/var"]),
        ("/usr/bin/npm", HOME, [HOME, "/usr/bin", "/usr"]),
    ],
)
def test_which_directory_is_the_apps(script: str, cwd: str, likeliest: list[str]) -> None:
    assert _adoption.package_of(script, cwd) == likeliest


@pytest.mark.parametrize(
    ("records", "words"),
    [([record(name="other")], "one of other"), ([], "no process at all")],
)
def test_an_app_that_is_not_there(records: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(DeployError, match="no app called backend") as refused:
        _adoption.named(records, "backend")
    assert words in str(refused.value)
