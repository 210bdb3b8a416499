# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nodeops.pm2.plugins.modules import release_info


def read(app: Any) -> dict[str, Any]:
    given = {"root": str(app.layout.root)}
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
    documented = yaml.safe_load(release_info.RETURN)["app"]["contains"]
    assert set(documented) == set(read(app)["app"])
