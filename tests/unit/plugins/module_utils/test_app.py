# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a release says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _app
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


def test_what_is_written_is_what_is_read(app: Any) -> None:
    tree = app.put("r1", "blue", consecutive=7, standby=60, health={"path": "/up", "headers": {"x": "token"}})
    found = _app.recorded(tree)
    assert found is not None
    assert (found.name, found.front, found.standby, found.proof["consecutive"]) == ("shop", "http://edge", 60, 7)
    assert found.proof["health"]["path"] == "/up"
    assert found.pm2.home == app.layout.root / "pm2"
    assert tree.app.stat().st_mode & 0o777 == 0o600, "a health question may carry a token"
    assert set(json.loads(tree.app.read_text())) == set(_app.SPEC)


def test_a_release_that_does_not_say(app: Any) -> None:
    tree = app.put("r1", sealed=False)
    assert _app.recorded(tree) is None
    with pytest.raises(DeployError, match="does not say how it is run"):
        _app.require(tree)


@pytest.mark.parametrize(
    ("strategy", "started", "found", "serving"),
    [
        ("edge", "green", "green", "green"),
        ("edge", "", None, None),
        ("restart", "", "main", "main"),
    ],
)
def test_the_slot_of_a_release(app: Any, strategy: str, started: str, found: str | None, serving: str | None) -> None:
    app.strategy = strategy
    tree = app.put("r1", started)
    record = _app.require(tree)
    slot = record.slot_of(tree)
    assert (slot and slot.name) == found
    assert (slot and record.serving(slot).name) == serving


@pytest.mark.parametrize(
    ("strategy", "live", "idle"),
    [
        ("edge", "", "blue"),
        ("edge", "blue", "green"),
        ("edge", "green", "blue"),
        ("edge", "main", "blue"),
        ("restart", "", "spare"),
        ("restart", "main", "spare"),
    ],
)
def test_where_the_next_release_starts(app: Any, strategy: str, live: str, idle: str) -> None:
    app.strategy = strategy
    assert _app.require(app.put("r1")).idle(live).name == idle
