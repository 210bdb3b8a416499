# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_limits import (
    SHORTEST_CAUGHT_LIFE,
    milliseconds,
    restart_limits,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (1600, 1600), ("1600", 1600), ("10s", 10_000), ("2m", 120_000), ("1h", 3_600_000)],
)
def test_milliseconds(value: Any, expected: int) -> None:
    assert milliseconds("min_uptime", value) == expected


@pytest.mark.parametrize("value", ["soon", "10 s", "500ms", "-1", -1, 1.5, True, None, "", [], "1d"])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(DeployError, match="min_uptime is not a time"):
        milliseconds("min_uptime", value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"max_restarts": 3, "min_uptime": 10_000, "kill_timeout": 5000}),
        ({"max_restarts": "5", "min_uptime": "2s", "kill_timeout": "30s", "restart_delay": 0},
         {"max_restarts": 5, "min_uptime": 2000, "kill_timeout": 30_000}),
        ({"restart_delay": 500, "exp_backoff_restart_delay": 0},
         {"max_restarts": 3, "min_uptime": 10_000, "kill_timeout": 5000, "restart_delay": 500}),
        ({"restart_delay": 8999},
         {"max_restarts": 3, "min_uptime": 10_000, "kill_timeout": 5000, "restart_delay": 8999}),
    ],
)  # fmt: skip
def test_restart_limits(given: dict[str, Any], expected: dict[str, int]) -> None:
    assert restart_limits(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        {"max_restarts": 0},
        {"max_restarts": -1},
        {"min_uptime": 1000},
        {"min_uptime": "10s", "restart_delay": "10s"},
        {"min_uptime": "10s", "restart_delay": "9s"},
        {"exp_backoff_restart_delay": 100},
    ],
)
def test_limits_that_never_fire_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(DeployError, match="PM2 would never stop a crash loop"):
        restart_limits(given)


@pytest.mark.parametrize("given", [{"max_restarts": "three"}, {"max_restarts": True}, {"max_restarts": 1.5}])
def test_what_is_no_number_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(DeployError, match="max_restarts is not a number"):
        restart_limits(given)


@pytest.mark.parametrize("max_restarts", [1, 2, 3, 16])
@pytest.mark.parametrize("min_uptime", [1000, 1500, 10_000])
@pytest.mark.parametrize("restart_delay", [0, 1, 500, 9000])
def test_whatever_is_accepted_stops_the_shortest_life_in_pm2s_arithmetic(
    max_restarts: int, min_uptime: int, restart_delay: int
) -> None:
    given = {"max_restarts": max_restarts, "min_uptime": min_uptime, "restart_delay": restart_delay}
    try:
        restart_limits(given)
    except DeployError:
        return
    assert _crashes_until_pm2_gives_up(SHORTEST_CAUGHT_LIFE - 1, **given) == max_restarts


def _crashes_until_pm2_gives_up(life: int, *, max_restarts: int, min_uptime: int, restart_delay: int) -> int:
    """PM2's rule for an app that always lives ``life`` milliseconds; 0 where it would go on for ever."""
    now, counted = 0, 0
    for crash in range(1, 1000):
        now += life
        counted += now < min_uptime * max_restarts and life < min_uptime
        if counted >= max_restarts:
            return crash
        now += restart_delay
    return 0
