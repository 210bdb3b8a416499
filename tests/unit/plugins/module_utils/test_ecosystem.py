# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem import ecosystem
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot

ROOT = "/srv/demo"
RELEASE = "/srv/demo/releases/r1"
BLUE = Slot("blue", "demo-blue", "127.0.0.1:3001", "/run/demo/blue.sock")
SOCKET = Slot("green", "demo-green", "unix:/run/demo/green.sock", "/run/demo/green.sock")
MAIN = Slot("main", "demo", "127.0.0.1:3000")
SPARE = Slot("spare", "demo-spare", "127.0.0.1:3900")


def app(slot: Slot = BLUE, **process: Any) -> dict[str, Any]:
    given = {"app": "demo", "script": "dist/server.js", **process}
    return ecosystem(given, slot=slot, release_path=RELEASE, root=ROOT)


def test_the_whole_entry_in_its_order() -> None:
    entry = app(
        script="tsx src/server.ts",
        args=["--name", "{slot}"],
        node_args="--enable-source-maps",
        env={"ZONE": "eu", "DEBUG": False, "WORKERS": 4},
        env_file="/srv/demo/shared/.env",
        extras={"max_memory_restart": "300M"},
    )
    expected: dict[str, Any] = {
        "name": "demo-blue",
        "cwd": RELEASE,
        "script": f"{RELEASE}/src/server.ts",
        "interpreter": "node",
        "node_args": [
            "--import",
            f"file://{RELEASE}/node_modules/tsx/dist/loader.mjs",
            "--unhandled-rejections=strict",
            "--env-file=/srv/demo/shared/.env",
            "--enable-source-maps",
        ],
        "args": ["--name", "blue"],
        "exec_mode": "fork",
        "instances": 1,
        "max_restarts": 3,
        "min_uptime": 10_000,
        "kill_timeout": 5000,
        "autorestart": True,
        "watch": False,
        "treekill": True,
        "merge_logs": True,
        "out_file": "/srv/demo/logs/demo-blue-out.log",
        "error_file": "/srv/demo/logs/demo-blue-error.log",
        "max_memory_restart": "300M",
        "env": {
            "BLUEGREEN_APP": "demo",
            "BLUEGREEN_RELEASE": "r1",
            "BLUEGREEN_SLOT": "blue",
            "DEBUG": "false",
            "NODE_ENV": "production",
            "PORT": "3001",
            "WORKERS": "4",
            "ZONE": "eu",
        },
    }
    assert entry == expected
    assert list(entry) == list(expected)
    assert list(entry["env"]) == list(expected["env"])


def test_the_main_slot_follows_the_symlink_and_the_spare_slot_does_not() -> None:
    process = {"script": "tsx", "args": "--tsconfig t.json src/a.ts {release_path}/x", "strategy": "restart"}
    current = app(MAIN, **process)
    assert current["cwd"] == "/srv/demo/current"
    assert current["script"] == "/srv/demo/current/src/a.ts"
    assert current["node_args"][1] == "file:///srv/demo/current/node_modules/tsx/dist/loader.mjs"
    assert current["args"] == ["/srv/demo/current/x"]
    assert current["env"]["TSX_TSCONFIG_PATH"] == "/srv/demo/current/t.json"
    assert current["env"]["BLUEGREEN_RELEASE"] == "r1"
    assert "/srv/demo/current" not in repr(app(SPARE, **process))
    assert app(MAIN, script="a.js", strategy="edge")["cwd"] == RELEASE


def test_a_socket_is_the_port_and_a_stale_one_is_unlinked_first() -> None:
    entry = app(SOCKET, node_args=["--require", "./i.cjs"], args="--listen={socket}")
    assert entry["env"]["PORT"] == "/run/demo/green.sock"
    assert entry["args"] == ["--listen=/run/demo/green.sock"]
    assert entry["node_args"] == [
        "--unhandled-rejections=strict",
        "--require",
        f"{RELEASE}/.release/socket.cjs",
        "--require",
        f"{RELEASE}/i.cjs",
    ]


@pytest.mark.parametrize("mode", ["fork", "cluster"])
def test_sentry_hears_of_whatever_goes_wrong_after_its_preload(mode: str) -> None:
    entry = app(script="tsx src/server.ts", sentry="staging", exec_mode=mode)
    assert entry["node_args"][:2] == ["--import", f"file://{RELEASE}/.release/sentry.mjs"]
    assert entry["node_args"][3] == f"file://{RELEASE}/node_modules/tsx/dist/loader.mjs"
    told = {name: value for name, value in entry["env"].items() if name.startswith("SENTRY_")}
    assert told == {"SENTRY_ENABLED": "true", "SENTRY_RELEASE": "demo@r1", "SENTRY_ENVIRONMENT": "staging"}


def test_what_the_user_says_to_sentry_stands_and_nothing_is_said_for_nobody() -> None:
    entry = app(sentry="staging", env={"SENTRY_RELEASE": "demo@v2", "SENTRY_ENABLED": False})
    assert (entry["env"]["SENTRY_RELEASE"], entry["env"]["SENTRY_ENABLED"]) == ("demo@v2", "false")
    assert "SENTRY" not in repr(app(sentry=""))
    assert "sentry.mjs" not in repr(app(script="app.py", interpreter="python3", sentry="staging")["node_args"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--unhandled-rejections=strict"], []),
        ("--unhandled-rejections strict", []),
        (["--import", "./i.mjs"], ["--import", f"file://{RELEASE}/i.mjs"]),
        (["--import=./i.mjs"], [f"--import=file://{RELEASE}/i.mjs"]),
        (["--import", "@sentry/node/preload"], ["--import", "@sentry/node/preload"]),
        (["-r", "./i.cjs"], ["-r", f"{RELEASE}/i.cjs"]),
        (["-r", "dotenv/config"], ["-r", "dotenv/config"]),
        (["--env-file=.env"], [f"--env-file={RELEASE}/.env"]),
        (["--env-file", "/etc/demo.env"], ["--env-file", "/etc/demo.env"]),
        (["--title={slot}-{release}"], ["--title=blue-r1"]),
        (["--max-old-space-size=300"], ["--max-old-space-size=300"]),
    ],
)
def test_flags_of_node(given: Any, expected: list[str]) -> None:
    assert app(node_args=given)["node_args"] == ["--unhandled-rejections=strict", *expected]


@pytest.mark.parametrize("name", ["interpreter_args", "interpreterArgs", "node_args", "nodeArgs"])
def test_pm2s_other_names_for_node_args(name: str) -> None:
    entry = app(extras={name: "--import tsx"})
    assert entry["node_args"][0] == "--import"
    assert name not in entry or name == "node_args"


def test_node_options_become_flags_because_a_cluster_worker_gets_them_too_late() -> None:
    entry = app(env={"NODE_OPTIONS": "--import tsx --max-old-space-size=300"}, exec_mode="cluster", instances="max")
    assert entry["node_args"][1:] == [
        f"file://{RELEASE}/node_modules/tsx/dist/loader.mjs",
        "--unhandled-rejections=strict",
        "--max-old-space-size=300",
    ]
    assert "NODE_OPTIONS" not in entry["env"]
    assert entry["instances"] == "max"


def test_another_interpreter_is_left_as_it_is() -> None:
    entry = app(script="app.py", interpreter="python3", node_args="-u -X dev={slot}", env={"NODE_OPTIONS": "--x"})
    assert (entry["interpreter"], entry["node_args"]) == ("python3", ["-u", "-X", "dev=blue"])
    assert entry["env"]["NODE_OPTIONS"] == "--x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{port}", "3001"),
        ("{slot}/{release}/{root}", "blue/r1//srv/demo"),
        ("{release_path}", RELEASE),
        ("{other} {} {{slot}} ${port}", "{other} {} {blue} $3001"),
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),
    ],
)
def test_placeholders(text: str, expected: str) -> None:
    entry = app(args=[text], env={"X": text})
    assert (entry["args"], entry["env"]["X"]) == ([expected], expected)


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"PORT": 3001}, {"PORT": "3001"}),
        ({"PORT": "{port}"}, {"PORT": "3001"}),
        ({"NODE_ENV": "staging"}, {"NODE_ENV": "staging"}),
        ({"A": True, "B": 1.5, "C": ""}, {"A": "true", "B": "1.5", "C": ""}),
    ],
)
def test_environment(env: dict[str, Any], expected: dict[str, str]) -> None:
    assert expected.items() <= app(env=env)["env"].items()


@pytest.mark.parametrize("script", ["dist/server.js", "./dist/server.js", "dist//server.js", "dist/x/../server.js"])
def test_script_is_absolute_under_the_release(script: str) -> None:
    assert app(script=script)["script"] == f"{RELEASE}/dist/server.js"


@pytest.mark.parametrize(
    ("slot", "process", "reason"),
    [
        (BLUE, {"env": {"PORT": 80}}, "PORT belongs to the slot"),
        (BLUE, {"env": {"BLUEGREEN_SLOT": "green"}}, "BLUEGREEN_SLOT belongs to the slot"),
        (BLUE, {"env": {"A": None}}, "The variable A is not text"),
        (BLUE, {"env": {"A": {"b": 1}}}, "The variable A is not text"),
        (BLUE, {"env": {"A-B": 1}}, "not a name of a variable"),
        (BLUE, {"env": {"max_restarts": 99}}, "PM2 would take the variable max_restarts for its own"),
        (BLUE, {"env": {"status": "x"}}, "PM2 would take the variable status for its own"),
        (BLUE, {"env": ["A=1"]}, "env is not a dictionary"),
        (BLUE, {"args": "{socket}"}, "{socket} has no value here"),
        (SOCKET, {"env": {"A": "{port}"}}, "{port} has no value here"),
        (SOCKET, {"exec_mode": "cluster"}, "A cluster cannot listen on the slot's socket"),
        (SOCKET, {"interpreter": "python3"}, "bluegreen_listen: socket needs Node.js"),
        (BLUE, {"interpreter": "bun", "exec_mode": "cluster"}, "exec_mode: cluster needs Node.js"),
        (BLUE, {"interpreter": "none", "env_file": "/x"}, "env_file needs Node.js"),
        (BLUE, {"env_file": "shared/.env"}, "env_file is not an absolute path"),
        (BLUE, {"interpreter": "/opt/bin/node", "exec_mode": "cluster"}, "A cluster cannot choose its Node.js"),
        (BLUE, {"exec_mode": "cluster", "node_args": "-r dotenv/config"}, "would not find this preload"),
        (BLUE, {"exec_mode": "threads"}, "exec_mode is unknown"),
        (BLUE, {"instances": 2}, "Only a cluster can share"),
        (BLUE, {"instances": "max"}, "Only a cluster can share"),
        (BLUE, {"instances": "two", "exec_mode": "cluster"}, "instances is not a number"),
        (BLUE, {"instances": True}, "instances is not a number"),
        (BLUE, {"min_uptime": "soon"}, "min_uptime is not a time"),
        (BLUE, {"max_restarts": 0}, "never stop a crash loop"),
        (BLUE, {"node_args": "--unhandled-rejections=warn"}, "a failed boot would look alive"),
        (BLUE, {"node_args": "--unhandled-rejections throw"}, "a failed boot would look alive"),
        (BLUE, {"node_args": {"a": 1}}, "node_args of the PM2 process cannot be read"),
        (BLUE, {"node_args": "-x", "extras": {"interpreter_args": "-y"}}, "node_args is given twice"),
        (BLUE, {"extras": {"interpreterArgs": "-x", "node_args": "-y"}}, "node_args is given twice"),
        (BLUE, {"extras": ["watch"]}, "not a dictionary"),
        (BLUE, {"extras": {"wait_ready": True}}, "wait_ready cannot be used"),
        (BLUE, {"restart_delay": 100, "extras": {"stop_exit_codes": 0}}, "waiting restart"),
        (BLUE, {"script": "/srv/other.js"}, "not a file of the release"),
        (BLUE, {"script": "../other.js"}, "not a file of the release"),
        (BLUE, {"script": "tsx ."}, "not a file of the release"),
        (BLUE, {"script": "'my app.js'"}, "has a space in it"),
        (BLUE, {"script": ""}, "nothing to run"),
        (BLUE, {"max_restart": 3}, "Did you mean max_restarts?"),
    ],
)
def test_refusals(slot: Slot, process: dict[str, Any], reason: str) -> None:
    with pytest.raises(DeployError) as refusal:
        app(slot, **process)
    assert reason in str(refusal.value)
    assert refusal.value.expected
    assert refusal.value.seen
    assert refusal.value.remedy
