# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _guard_settings
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._guard_settings import Settings, Watch, adjusted
from ansible_collections.nodeops.pm2.plugins.module_utils._windows import Window


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    assert _guard_settings.load(written(tmp_path / "guard.json", {})) == Settings()


def test_everything_that_the_role_writes_is_taken(tmp_path: Path) -> None:
    raw = {
        "directory": "/srv/guard",
        "channels": {"webhook": {"url": "webhook_url"}},
        "heartbeat": "heartbeat_url",
        "heartbeat_interval": 45,
        "least": "WARNING",
        "daemon_grace": 0,
        "watch": {
            "bake": "60",
            "probes": 5,
            "interval": 2,
            "windows": [{"count": 2, "seconds": 10}],
            "loop": "keep_trying",
        },
    }
    found = _guard_settings.load(written(tmp_path / "guard.json", raw))
    assert (found.directory, found.heartbeat, found.heartbeat_interval) == (Path("/srv/guard"), "heartbeat_url", 45.0)
    assert (found.least, found.daemon_grace) == ("WARNING", 0.0), "no grace is not the default grace"
    assert (found.watch.policy.bake, found.watch.policy.probes, found.watch.policy.loop) == (60.0, 5, "keep_trying")
    assert (found.watch.interval, found.watch.windows) == (2.0, (Window(2, 10),))


@pytest.mark.parametrize("text", ["", "{", "[]", "7"])
def test_a_file_that_is_none_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "guard.json", text)
    with pytest.raises(DeployError, match="no settings") as told:
        _guard_settings.load(path)
    assert str(path) in str(told.value)
    with pytest.raises(DeployError, match="no settings"):
        _guard_settings.load(tmp_path / "nowhere.json")


@pytest.mark.parametrize("name", ["daemon_grace", "heartbeat_interval"])
def test_a_number_of_the_host_that_is_none_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DeployError, match=f"{name} is 'soon'"):
        _guard_settings.load(written(tmp_path / "guard.json", {name: "soon"}))


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"bkae": 60}, "bkae is no setting of the guard"),
        ({"loop": "restart"}, "loop is restart"),
        ({"hang": "reboot"}, "hang is reboot"),
        ({"bake": "soon"}, "bake is 'soon'"),
        ({"bake": None}, "bake is None"),
        ({"bake": -1}, "bake is -1"),
        ({"interval": []}, r"interval is \[\]"),
        ({"probes": float("nan")}, "probes is nan"),
        ({"bake": float("inf")}, "bake is inf"),
        ({"windows": [{"count": 0, "seconds": 5}]}, "window"),
        ({"windows": [{"seconds": 5}]}, "window"),
        ({"windows": "3 in 60"}, "window"),
        ({"log_patterns": [{"pattern": "(", "severity": "ignore"}]}, "pattern"),
        ({"log_patterns": [{"pattern": "x"}]}, "log_patterns is"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], seen: str) -> None:
    with pytest.raises(DeployError, match=f"(?i){seen}") as told:
        adjusted(Watch(), given, where="bluegreen_guard of shop")
    assert "\n" in str(told.value)


def test_an_app_differs_in_what_it_says_and_in_nothing_else() -> None:
    host = adjusted(Watch(), {"bake": 60, "probes": 5, "windows": [{"count": 2, "seconds": 10}]}, where="host")
    app = adjusted(host, {"bake": 0, "interval": 0}, where="app")
    assert (app.policy.bake, app.policy.probes, app.windows) == (0.0, 5, host.windows)
    assert app.interval > 0, "a loop without a pause would eat the host"
    assert adjusted(host, {"probes": 0}, where="app").policy.probes == 1
    assert adjusted(host, {}, where="app") == host
