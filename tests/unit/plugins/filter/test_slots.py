# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter as a role calls it; what it decides is tried in module_utils."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nodeops.pm2.plugins.filter.slots import FilterModule
from ansible_collections.nodeops.pm2.plugins.module_utils import _app, _options

slots = FilterModule().filters()["slots"]
DOCUMENTED = Path(__file__).parents[4] / "plugins/filter/slots.yml"
PORTS = {"blue": 3001, "green": "3002"}


def test_what_comes_out_is_what_the_modules_take() -> None:
    found = slots("shop", strategy="edge", listen="port", ports=PORTS, run_dir="/run/shop")
    validated = ArgumentSpecValidator({"slots": _app.SPEC["slots"]}).validate({"slots": found})
    assert validated.error_messages == []
    assert [slot.address for slot in _options.slots_of(validated.validated_parameters)] == [
        "127.0.0.1:3001",
        "127.0.0.1:3002",
    ]


def test_a_refusal_reaches_the_user_whole() -> None:
    with pytest.raises(AnsibleFilterError) as refusal:
        slots("shop", strategy="edge", listen="port", ports={"blue": 3001}, run_dir="/run/shop")
    for part in ("no usable port for green", "expected: ", "seen: nothing", "do: Give a port each"):
        assert part in str(refusal.value)


def test_it_is_documented_under_its_name_with_all_its_options() -> None:
    documentation = yaml.safe_load(DOCUMENTED.read_text(encoding="utf-8"))["DOCUMENTATION"]
    assert documentation["name"] == "slots"
    given = {name: "" for name in documentation["options"] if name != "_input"}
    with pytest.raises(AnsibleFilterError):
        slots("shop", **given)
