# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _prune, _recovery, _state, _switch
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


def read(app: Any) -> _state.State:
    return _state.read(app.layout, now=0.0)


def test_nothing_deployed_yet(app: Any) -> None:
    state = read(app)
    assert (state.live, state.live_slot, state.verdict, state.rollback_target) == ("", "", "", "")


def test_current_alone_says_what_is_live(app: Any) -> None:
    app.put("r1", "blue")
    app.put("r2", "green")
    app.go_live("r1")
    os.utime(app.layout.release("r2").path, (2**31, 2**31))
    state = read(app)
    assert (state.live, state.live_slot) == ("r1", "blue")
    assert [(release.id, release.slot) for release in state.releases] == [("r1", "blue"), ("r2", "green")]


def test_without_an_edge_the_main_process_serves(app: Any) -> None:
    app.strategy = "restart"
    app.put("r1")
    app.go_live("r1")
    assert read(app).live_slot == "main"


def test_publish_switches_and_tells_the_ledger(app: Any) -> None:
    app.put("r1", "blue")
    app.put("r2", "green")
    for release, slot in (("r1", "blue"), ("r2", "green")):
        seconds = _switch.publish(app.layout, release, app.place(slot), by="ann", reason="deploy")
        assert os.readlink(app.layout.current) == f"releases/{release}"
        assert 0 < seconds < 1
    assert app.events() == ["published:r1", "published:r2"]
    entries = _ledger.read(app.layout.ledger)
    assert [_ledger.came_after(entries, release) for release in ("r1", "r2", "r3")] == ["", "r1", ""]


@pytest.mark.parametrize(
    ("slot", "sealed", "words"),
    [
        ("blue", False, "unfinished release"),
        ("green", True, "not started in the slot"),
        ("", True, "no listen.sock"),
    ],
)
def test_publish_refuses_what_was_not_gated_there(app: Any, slot: str, sealed: bool, words: str) -> None:
    app.put("r1", slot, sealed=sealed)
    with pytest.raises(DeployError) as refused:
        _switch.publish(app.layout, "r1", app.place("blue"), by="ann", reason="deploy")
    assert words in str(refused.value)
    assert app.live() == ""


def test_unpublish_twice_is_no_harm(app: Any) -> None:
    app.deployed("r1", "blue")
    _switch.unpublish(app.layout)
    _switch.unpublish(app.layout)
    assert read(app).live == ""


GOOD = ["published:r1", "good:r1", "published:r2", "good:r2", "published:r3", "good:r3", "published:r4", "good:r4"]


@pytest.mark.parametrize(
    ("live", "target", "running", "keep", "gone"),
    [
        pytest.param("r4", "r3", set(), 5, ["bad1", "half"], id="keep all the good"),
        pytest.param("r4", "r3", set(), 2, ["bad1", "half", "r1", "r2"], id="keep two"),
        pytest.param("r4", "r3", set(), 0, ["bad1", "half", "r1", "r2"], id="keep none still keeps live and target"),
        pytest.param("r1", "", set(), 2, ["bad1", "half", "r2"], id="the live one is old"),
        pytest.param("r4", "r3", {"r1", "bad1"}, 1, ["half", "r2"], id="a process runs from it"),
    ],
)
def test_prune_takes_nothing_anybody_needs(
    live: str, target: str, running: set[str], keep: int, gone: list[str]
) -> None:
    entries = [_ledger.Entry("t", what, release) for what, release in (event.split(":") for event in GOOD)]
    releases = ["r1", "r2", "r3", "r4", "bad1", "half"]
    found = _prune.expendable(releases, entries, live=live, ways_back=[target], running=running, keep=keep)
    assert found == gone


def test_a_process_is_seen_to_run_from_a_release(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (app.put("r1").path / "deep").mkdir()
    monkeypatch.chdir(app.layout.release("r1").path / "deep")
    assert _prune.running_from(app.layout.releases) == {"r1"}


def test_what_no_release_needs_may_leave_the_store(tmp_path: Path) -> None:
    for name in ("aa", "bb", ".cc.123.new~"):
        (tmp_path / name).mkdir()
    assert [path.name for path in _prune.unused(tmp_path, {"bb", ""})] == [".cc.123.new~", "aa"]
    assert _prune.unused(tmp_path / "missing", set()) == []


def test_recovery_tells_the_ways_a_run_can_end(app: Any) -> None:
    app.put("live", "blue")
    app.put("half", sealed=False)
    app.put("staged")
    app.put("old")
    app.note("published:old", "good:old", "published:live", "staged:staged")
    app.go_live("live")
    (app.layout.root / ".current.0123456789ab.new~").symlink_to("releases/x")
    recovery = _recovery.of(app.layout)
    assert recovery == _recovery.Recovery(("half",), ("staged",), "live")
    assert recovery.any
    removed = _recovery.carry_out(app.layout, recovery, by="ann")
    assert [Path(path).name for path in removed] == [".current.0123456789ab.new~"]
    assert app.on_disk() == ["live", "old", "staged"]
    assert _recovery.of(app.layout) == _recovery.Recovery((), (), "live")
    app.note("good:live")
    assert not _recovery.of(app.layout).any


def test_recovery_never_removes_what_is_live_however_it_looks(app: Any) -> None:
    app.put("live", sealed=False)
    app.go_live("live")
    assert _recovery.decide(read(app), []).unfinished == ()
