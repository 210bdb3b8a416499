# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An artifact on its way to the gate and beyond, each stretch of it on a real directory."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _audience,
    _boot,
    _inspection,
    _ledger,
    _lock,
    _registry,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.modules import deploy
from ansible_collections.nodeops.pm2.tests.unit.plugins.modules.acts import OWNER, Run, current, fail

pytestmark = pytest.mark.usefixtures("world", "inspected")


def test_from_an_archive_to_the_gate(app: Any, world: Any, run: Run, r2: dict[str, Any]) -> None:
    done = run("gated", **r2)
    assert list(done["phases"]) == ["check", "lock", "stage", "start", "gate"]
    assert (done["changed"], done["release"], done["previous"], done["by"]) == (True, "r2", "r1", "ann@laptop")
    assert done["diff"] == {"before": "", "after": f"{app.layout.root}/releases/r2\n"}
    assert world.said == ["start r2 in green", "prove r2 in green through itself x3"]
    assert (app.live(), app.events("r2")) == ("r1", ["staged", "gated"])
    held = _lock.held(app.layout.lock)
    assert held is not None
    assert held.id == done["lease"]
    assert done["notes"] == {"check": "no guard watches this host", "stage": "staged r2"}


def test_what_starts_apps_at_boot_is_told_of_it(app: Any, run: Run, r2: dict[str, Any]) -> None:
    home = app.layout.root / "pm2"
    (home / "boot").mkdir(parents=True)
    run("gated", **r2)
    assert _boot.roots(home) == [app.layout.root]


@pytest.fixture
def silent(tmp_path: Path) -> dict[str, Any]:
    """Options for a host whose guard was provisioned and never ran."""
    for name in ("apps", "refused"):
        (tmp_path / "guard" / name).mkdir(parents=True)
    return {"guard_dir": str(tmp_path / "guard")}


@pytest.mark.parametrize("check_mode", [False, True])
def test_nothing_is_touched_where_nobody_would_be_told(
    app: Any, world: Any, run: Run, r2: dict[str, Any], silent: dict[str, Any], check_mode: bool
) -> None:
    before = app.snapshot()
    with pytest.raises(DeployError, match="Nobody would be told"):
        run("gated", check_mode=check_mode, **r2, **silent)
    assert (app.snapshot(), world.said, app.layout.lock.exists()) == (before, [], False)
    assert not list(Path(silent["guard_dir"], "apps").iterdir())


def test_who_allows_it_is_recorded(app: Any, run: Run, r2: dict[str, Any], silent: dict[str, Any]) -> None:
    run("gated", **r2, **silent, allow_silent=True)
    (entry,) = (one for one in _ledger.read(app.layout.ledger) if one.event == "silent")
    assert (entry.by, entry.release) == ("ann@laptop", "")
    assert entry.reason == "r2 goes on although nobody would be told. The guard of this host has never run."
    assert Path(silent["guard_dir"], "apps", "shop.json").exists()


def test_where_a_guard_is_wanted_there_has_to_be_one(run: Run, r2: dict[str, Any]) -> None:
    with pytest.raises(DeployError, match="there is none on this host"):
        run("gated", **{**r2, "guard": {"bake": 60}})


def test_the_whole_way_in_one_task(app: Any, world: Any, run: Run, r2: dict[str, Any]) -> None:
    done = run("good", **r2)
    phases = ["check", "lock", "stage", "start", "gate", "publish", "soak", "confirm", "retire", "prune"]
    assert list(done["phases"]) == phases
    assert world.said[1:3] == [
        "prove r2 in green through itself x3",
        "prove r2 in green through http://edge x1 for 20 s",
    ]
    assert (done["lease"], done["previous"], done["app"]["verdict"], done["counts"]) == ("", "r1", "good", {})
    before, after = current(app, "r1", "r2").values()
    assert done["diff"] == {"before": before, "after": f"{after}{app.layout.root}/releases/r2\n"}

    again = run("good", **r2)
    assert (again["changed"], list(again["phases"])) == (False, ["check", "lock", "stage", "gate"])
    assert (again["lease"], app.layout.lock.exists()) == ("", False)
    assert again["diff"]["before"] == again["diff"]["after"]


def test_what_fails_after_the_switch_is_left_to_be_undone(app: Any, world: Any, run: Run, r2: dict[str, Any]) -> None:
    world.refuse = ["for 20 s"]
    with pytest.raises(DeployError):
        run("good", **r2)
    assert (app.live(), app.layout.lock.exists()) == ("r2", True)
    lease = _lock.held(app.layout.lock)
    assert lease is not None
    world.refuse = []
    done = run("aborted", release="r2", lease=lease.id, reason="its soak", verdict="bad")
    assert (done["taken_back"], app.live(), app.layout.lock.exists()) == (True, "r1", False)


@pytest.mark.parametrize("state", ["good", "gated"])
def test_a_deploy_that_nobody_waits_for_publishes_nothing(
    app: Any, run: Run, r2: dict[str, Any], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(_audience, "is_waiting", lambda owner: owner != OWNER)
    if state == "gated":
        run("gated", **r2)
    else:
        with pytest.raises(DeployError, match=r"(?s)cancelled.*ann@laptop to be there before publish"):
            run("good", **r2)
    undone = ["aborted"] if state == "good" else []
    assert (app.live(), app.events("r2")) == ("r1", ["staged", "gated", *undone])
    assert app.layout.lock.exists() is (state == "gated"), "a later task has it, or nobody comes back for it"


def test_a_deploy_that_nobody_waits_for_any_more_is_taken_back(
    app: Any, run: Run, r2: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = iter([True, False])
    monkeypatch.setattr(_audience, "is_waiting", lambda _owner: next(there))
    with pytest.raises(DeployError, match="before confirm"):
        run("good", **r2)
    assert (app.live(), app.events("r2")[-2:]) == ("r1", ["published", "aborted"])
    assert not app.layout.lock.exists()


def test_the_same_again_changes_nothing(app: Any, run: Run, r2: dict[str, Any]) -> None:
    run("good", release="r2", lease=run("gated", **r2)["lease"])
    before = app.snapshot()
    again = run("gated", **r2)
    assert (again["changed"], list(again["phases"])) == (False, ["check", "lock", "stage", "gate"])
    again = run("good", release="r2", lease=again["lease"])
    assert (again["changed"], again["phases"], again["diff"]) == (False, {}, current(app, "r2", "r2"))
    assert app.snapshot() == before
    assert not app.layout.lock.exists()


def test_nothing_is_touched_before_the_inspection_has_passed(
    app: Any, run: Run, r2: dict[str, Any], silent: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_given: Any, **_options: Any) -> None:
        raise DeployError("refused")

    monkeypatch.setattr(_inspection, "run", refuse)
    before = app.snapshot()
    guard = Path(silent["guard_dir"])
    for check_mode in (True, False):
        assert list(_registry.take_refusals(guard)) == []
        with pytest.raises(DeployError, match="refused"):
            run("gated", check_mode=check_mode, allow_silent=True, **r2, **silent)
    ((app_name, told),) = _registry.take_refusals(guard)
    assert (app_name, told.event, told.release, told.reason) == ("shop", "refused", "r2", "refused")
    assert app.snapshot() == before
    assert not app.layout.lock.exists()


def test_nothing_is_inspected_with_a_hook_that_would_never_run(
    run: Run, r2: dict[str, Any], inspected: list[str]
) -> None:
    with pytest.raises(DeployError, match="before_lunch"):
        run("gated", hooks={"before_lunch": []}, **r2)
    assert inspected == []


def test_a_new_root_is_made_for_a_deploy_alone(run: Run, r2: dict[str, Any], tmp_path: Path) -> None:
    root = tmp_path / "not/there"
    with pytest.raises(DeployError, match="no good release before"):
        run("good", root=str(root))
    assert not root.parent.exists()
    run("gated", **{**r2, "root": str(root)})
    assert (root / "releases/r2").is_dir()


def leave_behind(app: Any) -> None:
    """What a run leaves that was killed: a stage, half a stage, half a file."""
    app.put("r8")
    app.put("half", sealed=False)
    app.note("staged:r8")
    (app.layout.root / ".current.0123456789ab.new~").symlink_to("releases/x")


def test_whoever_comes_next_tidies_up_and_says_so(app: Any, run: Run, r2: dict[str, Any]) -> None:
    leave_behind(app)
    found = run("gated", **r2)["found"]
    assert [sentence.split(":")[0] for sentence in found] == [
        "Removed half",
        "Marked r8 aborted",
        f"Removed {app.layout.root}/.current.0123456789ab.new~, half-written.",
    ]
    assert (app.on_disk(), app.events("r8")[-1]) == (["r1", "r2", "r8"], "aborted")


@pytest.mark.parametrize("state", ["gated", "good"])
def test_check_mode_tells_and_touches_nothing(app: Any, world: Any, run: Run, r2: dict[str, Any], state: str) -> None:
    before = app.snapshot()
    told = run(state, check_mode=True, **r2)
    switched = current(app, "r1", "r2")["after"] if state == "good" else ""
    assert (told["changed"], told["previous"]) == (True, "r1")
    assert told["diff"]["after"] == f"{switched}{app.layout.release('r2').path}\n"
    assert (app.snapshot(), world.said) == (before, [])
    assert not app.layout.lock.exists()


def test_check_mode_tells_what_would_be_tidied_up(app: Any, run: Run, r2: dict[str, Any]) -> None:
    leave_behind(app)
    told = run("gated", check_mode=True, **r2)
    assert (told["changed"], len(told["found"])) == (True, 2)


def test_a_waived_rule_is_passed_over_and_on_record(
    app: Any, run: Run, r2: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def inspect(params: dict[str, Any], **_options: Any) -> dict[str, Any]:
        asked.extend(params["skip"])
        return {"findings": [], "passed_over": params["skip"]}

    monkeypatch.setattr(_inspection, "run", inspect)
    waiver = {"waives": "port_busy", "reason": "Ours.", "until": "2027-01-31", "by": "Mia"}
    run("gated", skip=["node_check", "port_busy"], waivers=[waiver], **r2)
    assert asked == ["node_check", "port_busy"]
    waived, staged, _gated = (one for one in _ledger.read(app.layout.ledger) if one.release == "r2")
    assert (waived.event, waived.by, waived.reason) == ("waived", "ann@laptop", "Ours.")
    assert (waived.detail["waives"], staged.detail["check_skip"]) == ("port_busy", ["node_check", "port_busy"])


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_frozen_app_stays_so_until_it_is_said(
    app: Any, run: Run, r2: dict[str, Any], silent: dict[str, Any], inspected: list[str], check_mode: bool
) -> None:
    _lock.freeze(app.layout.root, "twice bad")
    with pytest.raises(DeployError, match="frozen"):
        run("gated", check_mode=check_mode, allow_silent=True, **r2, **silent)
    assert inspected == []
    told = [(entry.event, entry.reason) for _app, entry in _registry.take_refusals(Path(silent["guard_dir"]))]
    assert [(event, "twice bad" in reason) for event, reason in told] == ([] if check_mode else [("refused", True)])
    run("gated", check_mode=check_mode, unfreeze=True, **r2)
    assert _lock.frozen(app.layout.root) == ("twice bad" if check_mode else "")


def test_what_it_needs(app: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for state in ("gated", "good"):
        said = fail(deploy.main, capsys, {"root": str(app.layout.root), "state": state, "release": "r2"})
        assert "missing: archive, entry" in said["msg"]


def gated(app: Any, r2: dict[str, Any]) -> dict[str, Any]:
    """Options that take r2 to the gate, as Ansible hands them over."""
    return {"root": str(app.layout.root), "state": "gated", "owner": asdict(OWNER), **r2}


def test_a_refusal_is_said_in_full_and_keeps_the_lease(
    app: Any, world: Any, r2: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    world.refuse = ["prove r2"]
    headers = {"x-token": "made-up-secret"}
    said = fail(deploy.main, capsys, {**gated(app, r2), "health": {"headers": headers}})
    held = _lock.held(app.layout.lock)
    assert held is not None
    assert (said["lease"], said["phase"], said["verdict"]) == (held.id, "gate", "refused")
    assert list(said["phases"]) == ["check", "lock", "stage", "start", "gate"]
    assert said["app"]["live"] == "r1"
    assert "made-up-secret" not in json.dumps(said)


def test_a_full_disk_is_told_as_one(
    app: Any,
    r2: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_given: Any, **_options: Any) -> None:
        raise OSError(28, "No space left on device", "/srv")

    monkeypatch.setattr("ansible_collections.nodeops.pm2.plugins.module_utils._stage.stage", full)
    said = fail(deploy.main, capsys, gated(app, r2))
    assert "The host refused to do it." in said["msg"]
    assert "No space left on device" in said["msg"]
    assert (said["phase"], said["app"]["live"]) == ("stage", "r1")


def test_what_may_not_be_read_is_told_as_such(
    app: Any, r2: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def barred(*_given: Any, **_options: Any) -> None:
        raise PermissionError(13, "Permission denied", "app.json")

    monkeypatch.setattr("ansible_collections.nodeops.pm2.plugins.module_utils._state.read", barred)
    said = fail(deploy.main, capsys, gated(app, r2))
    assert "The host refused to do it." in said["msg"]
    assert "where: app.json" in said["msg"]
    assert (said["phase"], said["release"]) == ("lock", "r2")
