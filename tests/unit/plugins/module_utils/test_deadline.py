# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _deadline
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout


@pytest.mark.parametrize(("now", "over"), [(100.0, False), (160.0, False), (160.5, True)])
def test_it_is_over_when_its_seconds_are(tmp_path: Path, now: float, over: bool) -> None:
    layout = Layout(tmp_path)
    assert _deadline.armed(layout) is None
    _deadline.arm(layout, "r1", seconds=60, by="ann", now=100.0)
    armed = _deadline.armed(layout)
    assert armed == _deadline.Deadline("r1", 160.0, 100.0, "ann")
    assert armed.is_over(now) is over


def test_disarming_twice_is_no_harm(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    _deadline.arm(layout, "r1", seconds=60, by="ann", now=100.0)
    _deadline.disarm(layout)
    _deadline.disarm(layout)
    assert _deadline.armed(layout) is None
