# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_options import canonical, extra_options
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("interpreter", "exec_interpreter"),
        ("interpreterArgs", "node_args"),
        ("interpreter_args", "node_args"),
        ("nodeArgs", "node_args"),
        ("maxMemoryRestart", "max_memory_restart"),
        ("max_memory_restart", "max_memory_restart"),
        ("cron", "cron_restart"),
        ("windowsHide", "windowsHide"),
    ],
)
def test_canonical(given: str, expected: str) -> None:
    assert canonical(given) == expected


@pytest.mark.parametrize(
    ("extras", "expected"),
    [
        ({}, {}),
        ({"max_memory_restart": "300M"}, {"max_memory_restart": "300M"}),
        ({"maxMemoryRestart": 1024}, {"max_memory_restart": 1024}),
        ({"vizion": False, "listen_timeout": "8000"}, {"listen_timeout": "8000", "vizion": False}),
        ({"stop_exit_codes": [0]}, {"stop_exit_codes": [0]}),
        ({"log_type": "json"}, {"log_type": "json"}),
        ({"cron_restart": "0 3 * * *"}, {"cron_restart": "0 3 * * *"}),
        ({"filter_env": ["SECRET_"]}, {"filter_env": ["SECRET_"]}),
        ({"increment_var": "WORKER"}, {"increment_var": "WORKER"}),
        # What only says what holds anyway is not repeated in the file.
        ({"watch": False, "wait_ready": False, "autorestart": True, "autostart": True}, {}),
    ],
)
def test_extra_options(extras: dict[str, Any], expected: dict[str, Any]) -> None:
    options = extra_options(extras)
    assert options == expected
    assert list(options) == list(expected)


@pytest.mark.parametrize(
    ("extras", "reason"),
    [
        ({"max_memory_restrat": "1G"}, "Did you mean max_memory_restart?"),
        ({"no_such_thing_at_all": 1}, "would silently ignore it"),
        ({"env_production": {"A": "1"}}, "only with --env"),
        ({"name": "x"}, "this collection writes it"),
        ({"exec": "x.js"}, "this collection writes it"),
        ({"cwd": "/x"}, "this collection writes it"),
        ({"maxRestarts": 0}, "this collection writes it"),
        ({"output": "/x"}, "this collection writes it"),
        ({"port": 80}, "this collection writes it"),
        ({"wait_ready": True}, "leaves an orphan"),
        ({"watch": True}, "watching it can only restart"),
        ({"watch": ["src"]}, "watching it can only restart"),
        ({"ignore_watch": ["x"]}, "watching it can only restart"),
        ({"autorestart": False}, "would stay down"),
        ({"autostart": False}, "never start it"),
        ({"user": "root"}, "deploy user"),
        ({"disable_logs": True}, "critical patterns"),
        ({"increment_var": "PORT"}, "the same for every instance"),
        ({"cron": "x", "cron_restart": "y"}, "given twice"),
    ],
)
def test_options_that_pm2_or_a_slot_cannot_have_are_refused(extras: dict[str, Any], reason: str) -> None:
    with pytest.raises(DeployError) as refusal:
        extra_options(extras)
    assert reason in str(refusal.value)
    assert refusal.value.remedy


def test_exit_codes_that_stop_do_not_go_with_a_delay() -> None:
    with pytest.raises(DeployError, match="waiting restart"):
        extra_options({"stop_exit_codes": [0]}, restart_delay=100)


@pytest.mark.parametrize(
    "extras",
    [
        {"vizion": "yes"},
        {"listen_timeout": "soon"},
        {"listen_timeout": True},
        {"max_memory_restart": "300MB"},
        {"io": "x"},
        {"namespace": ["x"]},
        {"namespace": None},
        {"stop_exit_codes": {"a": 1}},
        {"post_update": "make"},
        {"log_type": "pretty"},
        {"watch": None},
    ],
)
def test_wrong_types_are_refused(extras: dict[str, Any]) -> None:
    with pytest.raises(DeployError, match="wrong type"):
        extra_options(extras)
