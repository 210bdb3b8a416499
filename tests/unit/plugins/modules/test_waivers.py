# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is waived goes into the ledger once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.modules import waivers

SMOKE = {"waives": "smoke_ready", "reason": "No route yet.", "until": "2027-01-31", "by": "Mia"}
PORT = {"waives": "port_busy", "reason": "Ours.", "until": "2027-01-31"}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "shop")


def record(layout: Layout, *given: dict[str, str], check_mode: bool = False, **options: Any) -> dict[str, Any]:
    params = {"root": str(layout.root), "release": "r1", "artifact_sha256": "fe", "waivers": list(given), **options}
    result = ArgumentSpecValidator(waivers.SPEC).validate(params)
    assert not result.error_messages
    return waivers.run(result.validated_parameters, check_mode=check_mode)


def test_it_is_said_before_done_once_and_told(layout: Layout) -> None:
    before = record(layout, SMOKE, check_mode=True)
    assert (before["changed"], before["recorded"]) == (True, ["smoke_ready"])
    assert not layout.root.exists()
    assert record(layout, SMOKE, by="ci") == before
    (entry,) = _ledger.read(layout.ledger)
    assert (entry.event, entry.release, entry.by, entry.reason) == ("waived", "r1", "ci", "No route yet.")
    assert entry.detail == {
        "waives": "smoke_ready", "until": "2027-01-31", "answers_for_it": "Mia", "artifact_sha256": "fe"
    }  # fmt: skip
    assert before["diff"] == {"before": "", "after": "waived smoke_ready until 2027-01-31: No route yet.\n"}
    assert record(layout, SMOKE, release="r2", by="Joe")["changed"] is False


def test_only_what_is_new_is_added(layout: Layout) -> None:
    record(layout, SMOKE)
    assert record(layout, SMOKE, PORT)["recorded"] == ["port_busy"]
    assert record(layout, SMOKE, artifact_sha256="ff")["recorded"] == ["smoke_ready"]
    assert record(layout, {**SMOKE, "until": "2027-02-28"})["recorded"] == ["smoke_ready"]
    assert len(_ledger.read(layout.ledger)) == 4
