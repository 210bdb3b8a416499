# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _deadline
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

ARMED = Moment(100.0, 7.0, "boot")


@pytest.mark.parametrize(
    ("now", "over"),
    [
        (ARMED, False),
        (Moment(160.0, 67.0, "boot"), False),
        (Moment(160.5, 67.5, "boot"), True),
        pytest.param(Moment(90_000.0, 8.0, "boot"), False, id="the clock on the wall jumps forward"),
        pytest.param(Moment(0.0, 68.0, "boot"), True, id="and back"),
        pytest.param(Moment(130.0, 1.0, "the next boot"), False, id="rebooted in time"),
        pytest.param(Moment(161.0, 1.0, "the next boot"), True, id="rebooted too late"),
    ],
)
def test_it_is_over_when_its_seconds_are(tmp_path: Path, now: Moment, over: bool) -> None:
    layout = Layout(tmp_path)
    assert _deadline.armed(layout) is None
    _deadline.arm(layout, "r1", seconds=60, by="ann", now=ARMED)
    armed = _deadline.armed(layout)
    assert armed == _deadline.Deadline("r1", 160.0, ARMED, "ann")
    assert armed.is_over(now) is over


def test_disarming_twice_is_no_harm(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    _deadline.arm(layout, "r1", seconds=60, by="ann", now=ARMED)
    _deadline.disarm(layout)
    _deadline.disarm(layout)
    assert _deadline.armed(layout) is None
