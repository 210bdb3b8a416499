# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _lock
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._verdict import Verdict, decide

FORWARD = ["published:r1", "good:r1", "published:r2"]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def note(layout: Layout, *events: str) -> None:
    for event in events:
        what, release = event.split(":")
        _ledger.append(layout.ledger, _ledger.Entry("t", what, release))


def verdict(release: str, verdict: str) -> Verdict:
    return Verdict(release, verdict, "green", "ann@laptop", "why")


def told(layout: Layout, known: list[str]) -> list[str]:
    """What the ledger says beyond what was known."""
    return [f"{entry.event}:{entry.release}" for entry in _ledger.read(layout.ledger)[len(known) :]]


@pytest.mark.parametrize(
    ("known", "release", "decided", "left", "new"),
    [
        pytest.param(FORWARD, "r2", "good", "", ["good:r2"], id="confirm"),
        pytest.param([*FORWARD, "good:r2"], "r2", "good", "", [], id="confirmed before"),
        pytest.param([*FORWARD, "good:r2", "published:r2"], "r2", "good", "", ["good:r2"], id="published again"),
        pytest.param(FORWARD, "r2", "bad", "", ["bad:r2"], id="refused"),
        pytest.param([*FORWARD, "good:r2"], "r2", "bad", "", ["bad:r2"], id="was good, is bad"),
        pytest.param([*FORWARD, "published:r1"], "r1", "good", "r2", ["good:r1", "rolled_back:r2"], id="a step back"),
        pytest.param([*FORWARD, "published:r1"], "r2", "good", "r1", ["good:r2"], id="a step forward"),
        pytest.param([], "r1", "aborted", "", ["aborted:r1"], id="nothing known"),
    ],
)
def test_what_is_new_is_written_down_once(
    layout: Layout, known: list[str], release: str, decided: str, left: str, new: list[str]
) -> None:
    note(layout, *known)
    assert decide(layout, verdict(release, decided), left=left, freeze="", check_mode=False) is bool(new)
    assert told(layout, known) == new


def test_check_mode_tells_and_writes_nothing(layout: Layout) -> None:
    note(layout, *FORWARD)
    before = layout.ledger.read_bytes()
    assert decide(layout, verdict("r2", "bad"), left="", freeze="it is broken", check_mode=True)
    assert layout.ledger.read_bytes() == before
    assert _lock.frozen(layout.root) == ""


def test_a_freeze_is_told_and_in_force(layout: Layout) -> None:
    note(layout, *FORWARD, "bad:r2")
    assert decide(layout, verdict("r2", "bad"), left="", freeze="twice bad", check_mode=False)
    (frozen,) = _ledger.read(layout.ledger)[4:]
    assert (frozen.event, frozen.release, frozen.by, frozen.reason) == ("frozen", "r2", "ann@laptop", "twice bad")
    freeze = _lock.freeze_of(layout.root)
    assert freeze is not None
    assert (freeze.reason, freeze.by, freeze.at > 0) == ("twice bad", "ann@laptop", True)


def test_only_the_release_itself_gets_the_slot(layout: Layout) -> None:
    note(layout, *FORWARD, "published:r1")
    decide(layout, verdict("r1", "good"), left="r2", freeze="", check_mode=False)
    good, rolled_back = _ledger.read(layout.ledger)[4:]
    assert (good.slot, good.by, good.reason) == ("green", "ann@laptop", "why")
    assert (rolled_back.slot, rolled_back.by, rolled_back.reason) == ("", "ann@laptop", "why")
