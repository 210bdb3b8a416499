# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A waiver names what it waives, why, and until when."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _waivers

KNOWN = frozenset({"smoke_ready", "port_busy"})
GOOD = {"waives": "smoke_ready", "reason": "None yet.", "until": "2027-01-31"}


@pytest.mark.parametrize("until", ["2027-01-31", date(2027, 1, 31), "2027-01-31T00:00:00"])
def test_a_waiver_counts_to_the_end_of_its_last_day(until: Any) -> None:
    (waiver,) = _waivers.read([{**GOOD, "until": until, "by": "ann"}], KNOWN)
    assert waiver.as_dict() == {**GOOD, "by": "ann"}
    assert waiver.state(date(2027, 1, 31)) == "active"
    assert waiver.state(date(2027, 2, 1)) == "expired"
    assert list(_waivers.active([waiver], date(2027, 1, 31))) == ["smoke_ready"]
    assert _waivers.active([waiver], date(2027, 2, 1)) == {}


def test_none_is_fine() -> None:
    assert _waivers.read([], KNOWN) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("smoke_ready", "not a list"),
        (["smoke_ready"], "not a dictionary"),
        ([{**GOOD, "waives": "smoke_redy"}], "neither an item of the checklist nor a rule"),
        ([{**GOOD, "waives": ""}], "neither an item"),
        ([{**GOOD, "reason": "  "}], "gives no reason"),
        ([{**GOOD, "until": None}], "has no end"),
        ([{**GOOD, "until": "soon"}], "has no end"),
        ([{**GOOD, "until": "2027-02-31"}], "has no end"),
        ([{"waives": "smoke_ready", "reason": "x"}], "has no end"),
        ([{**GOOD, "untill": "2027-01-31"}], "a field that nobody reads"),
        ([GOOD, {**GOOD, "reason": "Twice."}], "waived twice"),
    ],
)
def test_what_is_no_waiver_is_refused(given: Any, said: str) -> None:
    with pytest.raises(DeployError, match=said):
        _waivers.read(given, KNOWN)


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DeployError) as caught:
        _waivers.read([{**GOOD, "waives": "x"}], KNOWN)
    assert (caught.value.expected, caught.value.seen) == ("port_busy, smoke_ready", "'x'")
