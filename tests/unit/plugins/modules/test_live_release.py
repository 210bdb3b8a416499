# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module around the road back; the road itself is tried in module_utils."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock, _proof, _road
from ansible_collections.nodeops.pm2.plugins.modules import live_release

OWNER = _lock.Owner("ann@laptop", "rollback", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
SECRET = {"headers": {"Authorization": "hunter2"}}


@pytest.fixture
def acts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done in the end, in words."""
    done: list[str] = []

    def go(journey: _road.Journey) -> float:
        hidden = journey.proof["health"]["headers"] != SECRET["headers"]
        done.append(f"{journey.release} to {journey.slot.name}{' without its header' if hidden else ''}")
        journey.seconds["publish"] = 0.1
        return 0.05

    def prove(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
        done.append(f"prove {params['release']} in {params['slot']['name']}{' in words' if check_mode else ''}")
        return {}

    monkeypatch.setattr(_road, "go", go)
    monkeypatch.setattr(_proof, "run", prove)
    return done


@pytest.fixture
def run(app: Any, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """r2 is live in green, r1 is where to go."""
    app.put("r1", "blue")
    app.put("r2", "green")
    app.go_live("r2")
    lease, _said = _lock.acquire(app.layout.lock, OWNER, ttl=900)

    def act(**options: Any) -> dict[str, Any]:
        given = {
            "root": str(app.layout.root),
            "pm2_home": str(app.layout.root / "pm2"),
            "slot": app.slot("blue"),
            "serving": app.slot("blue"),
            "through": "http://127.0.0.1:1",
            "lease": lease.id,
            "health": SECRET,
            **options,
        }
        with patch_module_args(given), pytest.raises(SystemExit):
            live_release.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    return act


def test_it_goes_there(app: Any, run: Callable[..., dict[str, Any]], acts: list[str]) -> None:
    result = run(release="r1")
    assert acts == ["r1 to blue"]
    assert (result["changed"], result["previous"], result["release"]) == (True, "r2", "r1")
    assert (result["seconds"], result["phases"]) == (0.05, {"publish": 0.1})
    current = app.layout.current
    assert result["diff"] == {"before": f"{current} -> releases/r2\n", "after": f"{current} -> releases/r1\n"}


def test_what_is_live_is_only_proved_where_it_serves(
    app: Any, run: Callable[..., dict[str, Any]], acts: list[str]
) -> None:
    result = run(release="r2", serving=app.slot("green"))
    assert acts == ["prove r2 in green"]
    assert (result["changed"], result["previous"]) == (False, "r2")


@pytest.mark.parametrize(("release", "told"), [("r1", []), ("r2", ["prove r2 in blue in words"])])
def test_check_mode_goes_nowhere(
    run: Callable[..., dict[str, Any]], acts: list[str], release: str, told: list[str]
) -> None:
    assert run(release=release, _ansible_check_mode=True)["changed"] is (release == "r1")
    assert acts == told


def test_without_the_lock_it_goes_nowhere(run: Callable[..., dict[str, Any]], acts: list[str]) -> None:
    assert "does not hold the app's lock" in run(release="r1", lease="lost")["msg"]
    assert acts == []


@pytest.mark.usefixtures("acts")
@pytest.mark.parametrize("lease", [{}, {"lease": "lost"}])
def test_no_secret_is_repeated(run: Callable[..., dict[str, Any]], lease: dict[str, str]) -> None:
    result = run(release="r1", smoke=[{"path": "/", "data": "hunter2"}], **lease)
    assert result["invocation"]["module_args"]["health"]["headers"] == "hidden"
    assert "hunter2" not in str(result)
