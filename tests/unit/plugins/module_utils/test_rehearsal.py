# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a rehearsal lends to a release, which stretch of the road it takes, and what it says. PM2 is played."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _dependencies, _rehearsal, _road
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.tests.unit.plugins.conftest import with_defaults

Seen = list[tuple[_road.Journey, list[str]]]


@pytest.fixture
def live(tmp_path: Path) -> Layout:
    """The app, with what releases share."""
    layout = Layout(tmp_path / "app")
    for name in ("config", "uploads"):
        (layout.shared / name).mkdir(parents=True)
    (layout.shared / "config/local.json").write_text("{}")
    (layout.shared / ".env").write_text("PASSPHRASE=made-up-9f3c\n")
    (layout.shared / ".env").chmod(0o600)
    for key, complete in (("done", '{"key": "done"}'), ("half", "{}")):
        (layout.deps / key).mkdir(parents=True)
        (layout.deps / key / _dependencies.COMPLETE).write_text(complete)
    return layout


@pytest.fixture
def rehearse(tmp_path: Path, live: Layout) -> Callable[..., dict[str, Any]]:
    def run(**options: Any) -> dict[str, Any]:
        given = {
            "root": str(live.root),
            "directory": str(tmp_path / "rehearsal"),
            "release": "r1",
            "archive": str(tmp_path / "a.tar.gz"),
            "ecosystem": "module.exports = {}",
            "slot": {"name": "rehearsal", "process": "shop-rehearsal", "address": "127.0.0.1:3999"},
            "shared_files": [".env", "config"],
            "shared_dirs": ["uploads"],
            "secret_files": [str(live.shared / ".env")],
            "hooks": {"after_stage": [["true"]], "before_publish": [["false"]]},
            **options,
        }
        found = _rehearsal.run(with_defaults(_rehearsal.SPEC, given))
        assert not (tmp_path / "rehearsal").exists()
        return found

    return run


@pytest.fixture
def travelled(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """The journeys, each with what lay in its place."""
    seen: Seen = []

    def travel(journey: _road.Journey, phases: tuple[str, ...]) -> None:
        assert phases == _road.GATED
        assert all(_road._applies(name, journey) for name in phases)
        root = journey.layout.root
        seen.append((journey, sorted(str(path.relative_to(root)) for path in root.rglob("*"))))
        env = journey.layout.shared / ".env"
        assert env.stat().st_mode & 0o777 == 0o600
        env.write_text("spoilt")
        for name in ("stage", "start", "gate"):
            journey.course.seconds[name] = 1.25

    monkeypatch.setattr(_road, "travel", travel)
    return seen


def test_it_goes_as_far_as_the_gate_with_things_of_its_own(
    rehearse: Callable[..., dict[str, Any]], travelled: Seen, live: Layout
) -> None:
    found = rehearse()
    assert found == {"changed": False, "passed": True, "where": "127.0.0.1:3999", "seconds": 2.5, "why": ""}
    ((journey, lay),) = travelled
    assert lay == ["deps", "deps/done", "lock", "lock/lease.json", "shared", "shared/.env", "shared/config",
                   "shared/config/local.json"]  # fmt: skip
    assert journey.app.pm2.home == journey.layout.root / "pm2"
    assert journey.slot.process == "shop-rehearsal"
    assert dict(journey.run.hooks) == {"after_stage": [["true"]]}
    assert (live.shared / ".env").read_text() == "PASSPHRASE=made-up-9f3c\n"
    assert (live.deps / "done").is_dir()


def test_why_it_did_not_pass_without_a_secret(
    rehearse: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def travel(journey: _road.Journey, _phases: tuple[str, ...]) -> None:
        with journey.course.phase("gate"):
            raise DeployError("It ended.", seen="with made-up-9f3c")

    monkeypatch.setattr(_road, "travel", travel)
    found = rehearse()
    assert (found["passed"], found["why"]) == (False, "gate: It ended.\n  seen: with ***")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"shared_files": ["none.json"]}, "A shared file does not exist."),
        ({"shared_files": ["../outside"]}, "This cannot be shared between releases."),
        ({"directory": "/proc/none/rehearsal"}, "The host refused to do it."),
    ],
)
def test_what_cannot_be_lent(
    rehearse: Callable[..., dict[str, Any]], travelled: Seen, options: dict[str, Any], why: str
) -> None:
    found = rehearse(**options)
    assert (found["passed"], found["why"].splitlines()[0]) == (False, why)
    assert travelled == []
