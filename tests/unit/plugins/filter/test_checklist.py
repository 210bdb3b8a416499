# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters hand over, and turn a refusal into what Ansible shows."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.nodeops.pm2.plugins.filter.checklist import FilterModule, checklist_filter, report_filter
from ansible_collections.nodeops.pm2.plugins.plugin_utils._report import FORMS

DOCUMENTED = Path(__file__).parents[4] / "plugins/filter/report.yml"


def test_the_clock_decides_where_no_day_is_given() -> None:
    today = datetime.now(timezone.utc).date()
    ends = {"waives": "smoke_ready", "reason": "x", "until": str(today)}
    assert checklist_filter({}, [ends])["waivers"][0]["state"] == "active"
    assert checklist_filter({}, [ends], str(today + timedelta(days=1)))["waivers"][0]["state"] == "expired"


def test_reasons_come_with_it() -> None:
    assert "Did the tests pass? No run of the tests is known." in checklist_filter({})["reasons"]


def test_refusals_are_filter_errors() -> None:
    with pytest.raises(AnsibleFilterError, match="neither an item"):
        checklist_filter({}, [{"waives": "x", "reason": "x", "until": "2027-01-01"}])
    with pytest.raises(AnsibleFilterError, match="no such form"):
        report_filter(checklist_filter({}), "pdf")


def test_every_form_is_documented() -> None:
    options = yaml.safe_load(DOCUMENTED.read_text(encoding="utf-8"))["DOCUMENTATION"]["options"]
    assert sorted(options["form"]["choices"]) == sorted(FORMS)
    assert set(FilterModule().filters()) == {"checklist", "report"}
