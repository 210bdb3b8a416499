# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release along its road, each state of it on a real directory."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _audience
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.modules import release
from ansible_collections.nodeops.pm2.tests.unit.plugins.modules.acts import Run, current, fail

pytestmark = pytest.mark.usefixtures("world", "inspected")


def test_the_rest_of_the_way_in_two_stretches(app: Any, world: Any, run: Run, r2: dict[str, Any]) -> None:
    lease = run("gated", **r2)["lease"]
    done = run("published", release="r2", lease=lease)
    assert list(done["phases"]) == ["publish", "soak"]
    assert (done["lease"], done["diff"], done["switch"] > 0) == (lease, current(app, "r1", "r2"), True)
    assert world.said[-1] == "prove r2 in green through http://edge x1 for 20 s"
    assert done["app"]["verdict"] == "published"

    done = run("good", release="r2", lease=lease)
    assert list(done["phases"]) == ["confirm", "retire", "prune"]
    assert (done["lease"], done["app"]["verdict"], done["app"]["lock"]) == ("", "good", "")
    assert app.events("r2") == ["staged", "gated", "published", "good"]


def test_the_rest_of_the_way_at_once(app: Any, run: Run, r2: dict[str, Any]) -> None:
    done = run("good", release="r2", lease=run("gated", **r2)["lease"])
    assert list(done["phases"]) == ["publish", "soak", "confirm", "retire", "prune"]
    assert (done["changed"], done["diff"]) == (True, current(app, "r1", "r2"))


def test_a_rollback_that_nobody_waits_for_goes_on(app: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    app.deployed("r1", "blue")
    app.deployed("r2", "green")
    monkeypatch.setattr(_audience, "is_waiting", lambda _owner: False)
    assert run("good")["app"]["live"] == "r1"


@pytest.mark.parametrize("verdict", ["bad", "aborted"])
def test_what_failed_is_undone(app: Any, world: Any, run: Run, r2: dict[str, Any], verdict: str) -> None:
    world.refuse = ["prove r2 in green through http"]
    lease = run("gated", **r2)["lease"]
    with pytest.raises(DeployError, match="refused"):
        run("published", release="r2", lease=lease)
    done = run("aborted", release="r2", lease=lease, reason="it crashed\nat once", verdict=verdict)
    assert (done["changed"], done["frozen"], done["lease"], done["app"]["live"]) == (True, "", "", "r1")
    assert (app.live(), app.events("r2")[-1]) == ("r1", verdict)
    assert not app.layout.lock.exists()


def test_a_rollback_goes_the_whole_way(app: Any, run: Run) -> None:
    app.deployed("r1", "blue")
    app.deployed("r2", "green")
    done = run("good")
    assert (done["release"], done["previous"], done["changed"]) == ("r1", "r2", True)
    assert list(done["phases"]) == ["lock", "start", "gate", "publish", "soak", "confirm", "retire"]
    assert done["diff"] == current(app, "r2", "r1")
    assert (app.live(), app.events("r2")[-1], done["lease"]) == ("r1", "rolled_back", "")


@pytest.mark.parametrize(
    ("state", "options", "changed", "after"),
    [
        pytest.param("published", {"release": "r2"}, True, "current -> releases/r2\n", id="its switch"),
        pytest.param("good", {"release": "r2", "lease": "x"}, True, "current -> releases/r2\n", id="its confirmation"),
        pytest.param("good", {}, True, "current -> releases/r0\n", id="a rollback"),
        pytest.param("good", {"release": "r1"}, False, "current -> releases/r1\n", id="a rollback to what is live"),
        pytest.param("aborted", {"release": "r2", "lease": "x"}, False, "", id="an abort"),
    ],
)
def test_check_mode_tells_and_touches_nothing(
    app: Any, world: Any, run: Run, state: str, options: Any, changed: bool, after: str
) -> None:
    app.deployed("r1", "blue")
    app.put("r0", "green")
    (app.layout.ledger).write_text("")
    app.note("published:r0", "good:r0", "published:r1", "good:r1")
    before = app.snapshot()
    told = run(state, check_mode=True, **options)
    assert (told["changed"], told["diff"]["after"].endswith(after)) == (changed, True)
    assert (app.snapshot(), world.said) == (before, [])
    assert not app.layout.lock.exists()


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        ("published", ["release", "lease"]),
        ("aborted", ["release", "lease"]),
    ],
)
def test_what_a_state_needs(app: Any, capsys: pytest.CaptureFixture[str], state: str, missing: list[str]) -> None:
    said = fail(release.main, capsys, {"root": str(app.layout.root), "state": state})
    assert f"missing: {', '.join(missing)}" in said["msg"]
