# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nodeops.pm2.plugins.modules import release_info


def read(app: Any, **options: Any) -> dict[str, Any]:
    given = {"root": str(app.layout.root), "guard_dir": str(app.layout.root / "guard"), **options}
    validated = ArgumentSpecValidator(release_info.SPEC).validate(given)
    assert validated.error_messages == []
    return release_info.run(validated.validated_parameters)


def test_what_is_so(app: Any) -> None:
    app.put("r1", "blue")
    app.put("r2", "green")
    app.note("published:r1", "good:r1", "published:r2")
    app.go_live("r2")
    before = app.snapshot()
    result = read(app)
    assert app.snapshot() == before
    found = result["app"]
    assert (found["live"], found["live_slot"]) == ("r2", "green")
    assert (found["verdict"], found["rollback_target"]) == ("published", "r1")
    assert [release["id"] for release in found["releases"]] == ["r1", "r2"]
    assert not result["changed"]


def test_nothing_was_ever_deployed(app: Any) -> None:
    result = read(app)
    assert (result["app"]["live"], result["app"]["live_slot"], result["history"]) == ("", "", [])


@pytest.mark.parametrize(("events", "first", "count"), [(3, "r0", 3), (25, "r5", 20)])
def test_history_is_the_end_of_the_ledger(app: Any, events: int, first: str, count: int) -> None:
    app.note(*(f"staged:r{number}" for number in range(events)))
    history = read(app)["history"]
    assert (history[0]["release"], history[-1]["release"], len(history)) == (first, f"r{events - 1}", count)


def test_every_fact_is_documented(app: Any) -> None:
    documented = yaml.safe_load(release_info.RETURN)
    found = read(app)
    assert set(documented) == set(found) - {"changed"}
    assert set(documented["app"]["contains"]) == set(found["app"])


@pytest.mark.usefixtures("world")
def test_drift_is_looked_for_where_it_is_asked_for(app: Any) -> None:
    app.deployed("r1", "blue")
    assert read(app)["drift"] is None
    app.layout.current.unlink()
    found = read(app, drift=True)
    assert [one["id"] for one in found["drift"]] == ["nothing_live"]
    assert found["lines"][-4:] == [
        "  DRIFT Nothing is live.",
        "      expected r1; seen current leads nowhere",
        "      in current",
        "      do: Deploy, or roll back to a good release.",
    ]


def test_the_host_by_the_name_that_the_caller_has_for_it(app: Any) -> None:
    assert read(app)["lines"][0] == f"shop on {os.uname().nodename}: nothing is live"
    assert read(app, host="web1")["lines"][0] == "shop on web1: nothing is live"
