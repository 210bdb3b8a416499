# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every fault is seen by its rule, and no rule cries for what another one has to say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _rules
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, Finding
from ansible_collections.nodeops.pm2.tests.unit.releases.faults import FAULTS, UNPACKED_ONLY, Fault
from ansible_collections.nodeops.pm2.tests.unit.releases.healthy import Release


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_is_seen_by_its_rule_and_by_no_unrelated_error(
    judge: Callable[[Release], list[Finding]], fault: Fault
) -> None:
    found = judge(fault.apply())
    assert (fault.rule, fault.severity) in {(item.rule, item.severity) for item in found}
    unrelated = [str(item) for item in found if item.severity == ERROR and item.rule not in (fault.rule, *fault.also)]
    assert unrelated == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_is_told_can_be_acted_upon(judge: Callable[[Release], list[Finding]], fault: Fault) -> None:
    for item in judge(fault.apply()):
        if item.rule == fault.rule:
            assert item.message.endswith((".", "'"))
            assert item.remedy
            assert all(one.file for one in item.evidence)
            assert "hunter2" not in str(item)


def test_every_rule_has_its_fault() -> None:
    assert {item.id for item in _rules.RULES} - {fault.rule for fault in FAULTS.values()} == UNPACKED_ONLY
