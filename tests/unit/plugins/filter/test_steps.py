# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter as a role calls it; what it decides is tried in module_utils."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.nodeops.pm2.plugins.filter.steps import FilterModule

steps = FilterModule().filters()["steps"]
DOCUMENTED = Path(__file__).parents[4] / "plugins/filter/steps.yml"


def test_hooks_and_phases_that_are_left_out() -> None:
    found = steps(["stage", "start", "gate"], {"after_stage": [["true"]], "after_start": [["true"]]}, ["start"])
    assert found == [
        {"file": "stage.yml", "hook": ""},
        {"file": "hooks.yml", "hook": "after_stage"},
        {"file": "gate.yml", "hook": ""},
    ]


def test_a_refusal_reaches_the_user_whole() -> None:
    with pytest.raises(AnsibleFilterError) as refusal:
        steps(["stage"], {"after_deploy": [["true"]]}, [])
    for part in ("would never run", "expected: before_stage, ", "seen: after_deploy"):
        assert part in str(refusal.value)


def test_it_is_documented_under_its_name_with_all_its_options() -> None:
    documentation = yaml.safe_load(DOCUMENTED.read_text(encoding="utf-8"))["DOCUMENTATION"]
    assert documentation["name"] == "steps"
    given: dict[str, Any] = {name: {} for name in documentation["options"] if name != "_input"}
    assert steps(["stage"], **given) == [{"file": "stage.yml", "hook": ""}]
