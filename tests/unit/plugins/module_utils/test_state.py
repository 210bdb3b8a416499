# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _manifest, _prune, _recovery, _state, _switch
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import link_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot

BLUE = Slot("blue", "shop-blue", "127.0.0.1:3001", "/run/shop/blue.sock")
GREEN = Slot("green", "shop-green", "127.0.0.1:3002", "/run/shop/green.sock")
EDGE = [BLUE, GREEN]
RESTART = [Slot("main", "shop", "127.0.0.1:3000"), Slot("spare", "shop-spare", "127.0.0.1:3001")]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def put(layout: Layout, release: str, *, slot: Slot | None = None, sealed: bool = True) -> None:
    tree = layout.release(release)
    tree.private.mkdir(parents=True)
    if slot:
        link_atomic(tree.listen, slot.socket)
    if sealed:
        _manifest.write(tree, _manifest.Manifest(release, "abc", "sha", {}))


def note(layout: Layout, *events: str) -> None:
    for event in events:
        what, release = event.split(":")
        _ledger.append(layout.ledger, _ledger.Entry(_ledger.now(), what, release))


def read(layout: Layout, slots: list[Slot] | None = None) -> _state.State:
    return _state.read(layout, slots or EDGE, now=0.0)


def test_nothing_deployed_yet(layout: Layout) -> None:
    state = read(layout)
    assert (state.live, state.live_slot, state.idle_slot, state.rollback_target) == ("", "", "blue", "")


def test_current_alone_says_what_is_live(layout: Layout) -> None:
    put(layout, "r1", slot=BLUE)
    put(layout, "r2", slot=GREEN)
    link_atomic(layout.current, "releases/r1")
    os.utime(layout.release("r2").path, (2**31, 2**31))
    state = read(layout)
    assert (state.live, state.live_slot, state.idle_slot) == ("r1", "blue", "green")


def test_without_an_edge_the_main_process_serves_and_the_spare_is_idle(layout: Layout) -> None:
    put(layout, "r1")
    link_atomic(layout.current, "releases/r1")
    state = read(layout, RESTART)
    assert (state.live_slot, state.idle_slot) == ("main", "spare")


def test_publish_switches_and_tells_the_ledger(layout: Layout) -> None:
    put(layout, "r1", slot=BLUE)
    seconds = _switch.publish(layout, "r1", BLUE, by="ann", reason="deploy")
    assert os.readlink(layout.current) == "releases/r1"
    assert [entry.event for entry in _ledger.read(layout.ledger)] == ["gated", "published"]
    assert 0 < seconds < 1


@pytest.mark.parametrize(
    ("slot", "sealed", "words"),
    [(BLUE, False, "unfinished release"), (GREEN, True, "not started in the slot"), (None, True, "no listen.sock")],
)
def test_publish_refuses_what_was_not_gated_there(layout: Layout, slot: Slot | None, sealed: bool, words: str) -> None:
    put(layout, "r1", slot=slot, sealed=sealed)
    with pytest.raises(DeployError) as refused:
        _switch.publish(layout, "r1", BLUE, by="ann", reason="deploy")
    assert words in str(refused.value)
    assert not layout.current.is_symlink()


def test_unpublish_twice_is_no_harm(layout: Layout) -> None:
    put(layout, "r1", slot=BLUE)
    _switch.publish(layout, "r1", BLUE, by="ann", reason="deploy")
    _switch.unpublish(layout)
    _switch.unpublish(layout)
    assert read(layout).live == ""


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
    found = _prune.expendable(releases, entries, live=live, rollback_target=target, running=running, keep=keep)
    assert found == gone


def test_a_process_is_seen_to_run_from_a_release(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    put(layout, "r1")
    (layout.release("r1").path / "deep").mkdir()
    monkeypatch.chdir(layout.release("r1").path / "deep")
    assert _prune.running_from(layout.releases) == {"r1"}


def test_recovery_tells_the_ways_a_run_can_end(layout: Layout) -> None:
    put(layout, "live", slot=BLUE)
    put(layout, "half", sealed=False)
    put(layout, "staged")
    put(layout, "old")
    note(layout, "published:old", "good:old", "published:live", "staged:staged")
    link_atomic(layout.current, "releases/live")
    (layout.root / ".current.0123456789ab.new~").symlink_to("releases/x")
    recovery = _recovery.decide(read(layout), _ledger.read(layout.ledger))
    assert recovery == _recovery.Recovery(("half",), ("staged",), "live")
    removed = _recovery.carry_out(layout, recovery, by="ann")
    assert [Path(path).name for path in removed] == [".current.0123456789ab.new~"]
    assert sorted(release.id for release in read(layout).releases) == ["live", "old", "staged"]
    again = _recovery.decide(read(layout), _ledger.read(layout.ledger))
    assert again == _recovery.Recovery((), (), "live")


def test_recovery_never_removes_what_is_live_however_it_looks(layout: Layout) -> None:
    put(layout, "live", sealed=False)
    link_atomic(layout.current, "releases/live")
    assert _recovery.decide(read(layout), []).unfinished == ()
