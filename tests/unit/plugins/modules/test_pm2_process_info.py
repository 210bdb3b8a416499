# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.modules import pm2_process_info
from ansible_collections.nodeops.pm2.tests.unit.plugins.modules.arguments import patch_module_args

FACTS = ProcessFacts(
    name="demo-green",
    found=True,
    status="online",
    exec_mode="fork",
    pids=(100,),
    restarts=2,
    exit_code=1,
    uptime=5.5,
    cwds={100: "/srv/demo/releases/r1"},
    listener_pids=(100,),
    listener_is_ours=True,
    listener_seen=True,
    out_log="/srv/demo/logs/demo-green-out.log",
    err_log="/srv/demo/logs/demo-green-error.log",
)


def run(home: Path, capsys: pytest.CaptureFixture[str], *, check: bool = False) -> dict[str, Any]:
    slot = {"name": "green", "process": "demo-green", "address": f"unix:{home}/app.sock"}
    given = {"slot": slot, "pm2_home": str(home), "_ansible_check_mode": check}
    with patch_module_args(given), pytest.raises(SystemExit):
        pm2_process_info.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_the_facts_are_returned_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pm2_process_info, "read_facts", lambda _pm2, _slot: FACTS)
    result = run(tmp_path, capsys)
    assert result["changed"] is False
    assert result["facts"] == {
        "name": "demo-green",
        "found": True,
        "status": "online",
        "exec_mode": "fork",
        "pids": [100],
        "restarts": 2,
        "exit_code": 1,
        "uptime": 5.5,
        "cwds": {"100": "/srv/demo/releases/r1"},
        "listener_pids": [100],
        "listener_is_ours": True,
        "listener_seen": True,
        "out_log": "/srv/demo/logs/demo-green-out.log",
        "err_log": "/srv/demo/logs/demo-green-error.log",
    }


@pytest.mark.parametrize("check", [False, True])
def test_no_daemon_is_needed_and_none_is_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], check: bool
) -> None:
    assert run(tmp_path, capsys, check=check)["facts"]["found"] is False
    assert not list(tmp_path.iterdir())


def test_a_home_that_no_socket_fits_into_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(tmp_path / ("deep" * 30), capsys)
    assert result["failed"]
    assert "socket cannot be used" in result["msg"]
