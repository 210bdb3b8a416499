# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _windows
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._windows import WINDOWS, Window

NOW = 100_000.0


def ago(*seconds: float) -> list[float]:
    return [NOW - before for before in seconds]


@pytest.mark.parametrize(
    ("crashes", "since", "window"),
    [
        pytest.param(ago(), 0, None, id="none"),
        pytest.param(ago(1, 2), 0, None, id="two"),
        pytest.param(ago(0, 1, 2), 0, Window(3, 60), id="the third, this very moment"),
        pytest.param(ago(59, 30, 1), 0, Window(3, 60), id="three within a minute"),
        pytest.param(ago(60, 30, 1), 0, Window(3, 300), id="a minute ago is not within a minute"),
        pytest.param(ago(290, 150, 1), 0, Window(3, 300), id="three in five minutes"),
        pytest.param(ago(301, 150, 1), 0, None, id="three in a little more"),
        pytest.param(ago(*range(1, 3600, 102)), 0, Window(3, 300), id="the incident"),
        pytest.param(ago(*range(1, 3600, 600)), 0, Window(6, 3600), id="one in ten minutes"),
        pytest.param(ago(*range(1, 3600, 720)), 0, None, id="one in twelve minutes"),
        pytest.param(ago(30, 20, 10), NOW - 25, None, id="one of them before the rollback ended"),
        pytest.param(ago(30, 20, 10), NOW - 30, None, id="as it ended"),
        pytest.param(ago(30, 20, 10), NOW - 31, Window(3, 60), id="all of them after it"),
        pytest.param(ago(-5, 2, 1), 0, None, id="one is yet to come"),
    ],
)
def test_too_many_crashes(crashes: list[float], since: float, window: Window | None) -> None:
    assert _windows.exceeded(crashes, WINDOWS, now=NOW, since=since) == window


def test_windows_may_be_given_in_any_order() -> None:
    assert _windows.exceeded(ago(1, 2, 3), WINDOWS[::-1], now=NOW) == Window(3, 60)


def test_a_single_crash_may_be_too_many() -> None:
    assert _windows.exceeded(ago(1), [Window(1, 10)], now=NOW) == Window(1, 10)


def test_what_no_window_looks_at_any_more_is_dropped() -> None:
    assert _windows.still_needed(ago(1, 3599, 3600, 9000, -10), WINDOWS, now=NOW) == ago(3599, 1)


@pytest.mark.parametrize(
    ("window", "text"),
    [
        (Window(3, 60), "3 in 60 s"),
        (Window(3, 300), "3 in 5 min"),
        (Window(6, 3600), "6 in 60 min"),
        (Window(2, 90), "2 in 90 s"),
        (Window(2, 0.5), "2 in 0.5 s"),
    ],
)
def test_a_window_reads_well(window: Window, text: str) -> None:
    assert str(window) == text


def test_options_become_windows() -> None:
    assert _windows.windows_of([{"count": "3", "seconds": 60}]) == (Window(3, 60.0),)


@pytest.mark.parametrize(
    ("options", "seen"),
    [([], "none"), ([{"count": 0, "seconds": 60}], "count 0"), ([{"count": 3, "seconds": 0}], "seconds 0")],
)
def test_windows_without_sense_are_refused(options: list[dict[str, Any]], seen: str) -> None:
    with pytest.raises(DeployError, match=seen):
        _windows.windows_of(options)
