# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Semver ranges as npm's own semver answers them."""

from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._semver import at_least, satisfies


@pytest.mark.parametrize(
    ("version", "wanted", "answer"),
    [
        ("20.6.0", ">=20.6", True),
        ("20.5.9", ">=20.6", False),
        ("20.6.0", "^18 || ^20.5.0", True),
        ("19.0.0", "^18 || ^20.5.0", False),
        ("24.1.0", ">= 20 <25", True),
        ("25.0.0", ">= 20 <25", False),
        ("20.1.2", "20.x", True),
        ("20.1.2", "v20", True),
        ("21.0.0", "20.*", False),
        ("20.1.2", "<20.1.2", False),
        ("20.1.9", "<=20.1", True),
        ("20.2.0", "<=20.1", False),
        ("20.1.9", ">20.1", False),
        ("20.2.0", ">20.1", True),
        ("1.2.3", ">1.2.3", False),
        ("1.2.4", ">1.2.3", True),
        ("1.2.3", "1.2.3", True),
        ("1.2.3", "=1.2.3", True),
        ("1.2.4", "1.2.3", False),
        ("0.2.5", "^0.2.3", True),
        ("0.3.0", "^0.2.3", False),
        ("0.0.4", "^0.0.3", False),
        ("0.9.0", "^0", True),
        ("1.0.0", "^0", False),
        ("1.9.0", "~1", True),
        ("1.3.0", "~1.2.3", False),
        ("1.2.9", "~> 1.2.3", True),
        ("1.5.7", "1.2 - 1.5", True),
        ("1.6.0", "1.2 - 1.5", False),
        ("1.5.0", "1.2.3 - 1.5.0", True),
        ("5.0.0-beta.3", "^5.0.0-beta.1", True),
        ("5.0.0-beta.10", ">5.0.0-beta.9", True),
        ("5.0.0-beta", ">=5.0.0", False),
        ("2.0.0-rc.1", "^1.0.0", False),
        ("3.1.0", "*", True),
        ("3.1.0", "", True),
        ("1.0.0", "lts/*", None),
        ("1.0.0", ">=1, <2", None),
        ("latest", "*", None),
    ],
)
def test_satisfies(version: str, wanted: str, answer: bool | None) -> None:
    assert satisfies(version, wanted) is answer


@pytest.mark.parametrize(
    ("version", "minimum", "answer"),
    [
        ("v20.6.0", "20.6.0", True),
        ("20.10.0", "20.9.9", True),
        ("5.4.3", "6.0.0", False),
        ("6.0.0-rc.1", "6.0.0", False),
        ("unreadable", "1.0.0", False),
    ],
)
def test_at_least(version: str, minimum: str, answer: bool) -> None:
    assert at_least(version, minimum) is answer
