# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _clock
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment


@pytest.mark.parametrize(
    ("since", "until", "seconds"),
    [
        pytest.param(Moment(1000, 50, "a"), Moment(1010, 60, "a"), 10, id="nothing special"),
        pytest.param(Moment(1000, 50, "a"), Moment(9000, 60, "a"), 10, id="the wall clock was put forward"),
        pytest.param(Moment(1000, 50, "a"), Moment(0, 60, "a"), 10, id="the wall clock was put back"),
        pytest.param(Moment(1000, 50, "a"), Moment(1010, 3, "b"), 10, id="the host was booted"),
        pytest.param(Moment(1000, 50, "a"), Moment(10, 3, "b"), 0, id="booted, without a battery for its clock"),
        pytest.param(Moment(1000, 50, ""), Moment(1010, 90, ""), 10, id="boots cannot be told apart"),
        pytest.param(Moment(1000, 50, "a"), Moment(1000, 40, "a"), 0, id="the wrong way round"),
    ],
)
def test_a_clock_that_jumps_does_not_matter(since: Moment, until: Moment, seconds: float) -> None:
    assert _clock.elapsed(since, until) == seconds


def test_the_steady_clock_is_the_same_in_every_process() -> None:
    before = _clock.now()
    code = "import time; print(time.monotonic())"
    between = float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    after = _clock.now()
    assert before.steady <= between <= after.steady
    assert before.boot == after.boot


def test_a_moment_is_written_down_and_read() -> None:
    moment = _clock.now()
    assert _clock.moment_of(json.loads(json.dumps(asdict(moment)))) == moment


@pytest.mark.parametrize("raw", [None, {}, [], "x", {"wall": 1, "steady": "x", "boot": ""}, {"wall": 1, "boot": ""}])
def test_what_is_no_moment_is_none(raw: Any) -> None:
    assert _clock.moment_of(raw) is None
