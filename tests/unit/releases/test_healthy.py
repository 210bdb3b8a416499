# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""False positives are defects: of a healthy release no rule says anything at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import Finding
from ansible_collections.nodeops.pm2.tests.unit.releases.healthy import HEALTHY, Release


@pytest.mark.parametrize("release", HEALTHY.values(), ids=HEALTHY)
def test_nothing_is_found(judge: Callable[[Release], list[Finding]], release: Release) -> None:
    assert list(map(str, judge(release))) == []
