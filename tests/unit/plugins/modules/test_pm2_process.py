# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _slot
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.modules import pm2_process
from ansible_collections.nodeops.pm2.tests.unit.plugins.modules.arguments import patch_module_args

ABSENT = ProcessFacts("demo-green", False, "", "", (), 0, None, 0.0, {}, (), False, False, "", "")
BEGUN = _slot.Started((4711,), _slot.LogMark("/logs/out", 5), _slot.LogMark("/logs/error", 7))
LOGS = {"out": {"path": "/logs/out", "offset": 5}, "error": {"path": "/logs/error", "offset": 7}}

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The acts that the module asked for; a slot that is empty, and stays so."""
    done: list[str] = []

    def start(_layout: Any, release_id: str, _slot: Any, _pm2: Any, *, timeout: float) -> _slot.Started:
        done.append(f"start {release_id} in {timeout:g} s")
        return BEGUN

    def stop(_layout: Any, _slot: Any, _pm2: Any, *, timeout: float) -> bool:
        done.append(f"stop in {timeout:g} s")
        return True

    monkeypatch.setattr(pm2_process, "read_facts", lambda _pm2, _slot: ABSENT)
    monkeypatch.setattr(_slot, "start", start)
    monkeypatch.setattr(_slot, "stop", stop)
    return done


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run_module(**options: Any) -> dict[str, Any]:
        slot = {
            "name": "green",
            "process": "demo-green",
            "address": f"unix:{tmp_path}/app.sock",
            "socket": f"{tmp_path}/green.sock",
        }
        given = {"root": str(tmp_path), "slot": slot, "pm2_home": str(tmp_path / "pm2"), **options}
        with patch_module_args(given), pytest.raises(SystemExit):
            pm2_process.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return run_module


def test_started_starts_afresh(run: Run, acts: list[str], tmp_path: Path) -> None:
    result = run(release="r1", timeout=12)
    assert acts == ["start r1 in 12 s"]
    assert (result["changed"], result["pids"], result["logs"]) == (True, [4711], LOGS)
    assert result["diff"] == {
        "before": "demo-green: absent\n",
        "after": f"demo-green: started from {tmp_path}/releases/r1\n",
    }


@pytest.mark.parametrize(("warm", "expected"), [(True, []), (False, ["start r1 in 30 s"])])
def test_a_warm_slot_is_left_only_on_request(
    run: Run, acts: list[str], warm: bool, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_slot, "is_warm", lambda *_facts: True)
    monkeypatch.setattr(_slot, "keep", lambda _facts: BEGUN)
    result = run(release="r1", warm=warm)
    assert acts == expected
    assert (result["changed"], result["pids"], result["logs"]) == (not warm, [4711], LOGS)


def test_a_cold_slot_is_started_even_when_warm_would_do(run: Run, acts: list[str]) -> None:
    assert run(release="r1", warm=True)["changed"]
    assert acts == ["start r1 in 30 s"]


def test_absent_empties(run: Run, acts: list[str]) -> None:
    assert run(state="absent")["changed"]
    assert acts == ["stop in 30 s"]


def test_absent_warns_of_a_stranger(run: Run, acts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_slot: Any) -> None:
        raise DeployError("The slot's address is taken by a process that is not ours.")

    # Once a test has loaded the controller's side of ansible-core, that shows warnings instead of returning them.
    warned: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warned.append(text))
    monkeypatch.setattr(_slot, "refuse_occupied", refuse)
    run(state="absent")
    assert acts
    assert "not ours" in str(warned)


@pytest.mark.parametrize(
    ("options", "occupied", "changed"),
    [
        ({"release": "r1"}, False, True),
        ({"release": "r1", "warm": True}, False, True),
        ({"state": "absent"}, True, True),
        ({"state": "absent"}, False, False),
    ],
)
def test_check_mode_tells_and_touches_nothing(
    run: Run,
    acts: list[str],
    tmp_path: Path,
    options: dict[str, Any],
    occupied: bool,
    changed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_slot, "occupied", lambda *_where: occupied)
    assert run(**options, _ansible_check_mode=True)["changed"] is changed
    assert acts == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", [{"release": "r1"}, {"state": "absent"}])
def test_check_mode_refuses_the_live_slot_too(
    run: Run, acts: list[str], tmp_path: Path, options: dict[str, Any]
) -> None:
    private = tmp_path / "releases" / "r0" / ".release"
    private.mkdir(parents=True)
    (private / "listen.sock").symlink_to(tmp_path / "green.sock")
    (tmp_path / "current").symlink_to("releases/r0")
    result = run(**options, _ansible_check_mode=True)
    assert result["failed"]
    assert result["msg"].startswith("This slot is live.")
    assert acts == []


def test_what_is_wrong_is_said_in_full(run: Run, acts: list[str]) -> None:
    result = run(release="../r1")
    assert result["failed"]
    assert "'../r1'" in result["msg"]
    assert acts == []


def test_started_needs_a_release(run: Run) -> None:
    assert "release" in run()["msg"]


def test_the_diff_tells_what_ran_before(run: Run, acts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    before = dataclasses.replace(ABSENT, found=True, status="online", cwds={1: "/srv/r0", 2: "/srv/r0"})
    monkeypatch.setattr(pm2_process, "read_facts", lambda _pm2, _slot: before)
    assert run(release="r1")["diff"]["before"] == "demo-green: online from /srv/r0\n"
    assert acts
