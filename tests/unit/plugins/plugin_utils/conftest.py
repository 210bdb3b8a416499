# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Evidence for the checklist, all of it good."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.plugin_utils import _checklist

TODAY = date(2026, 11, 24)

HOST: dict[str, Any] = {
    "check": {"findings": [], "passed_over": [], "counts": {"error": 0, "warning": 0, "skipped": 0}},
    "limits": {"max_restarts": 3, "min_uptime": 10_000},
    "health": "/health",
    "smoke": 2,
    "app": {"live": "r41", "verdict": "good", "rollback_target": "r40", "frozen": ""},
    "guard": {"running": True, "channels": [{"name": "telegram", "proved": True, "at": "2026-11-24T08:00:00Z"}]},
}
EVIDENCE: dict[str, Any] = {
    "app": "shop",
    "release": "r42",
    "revision": "0123456789abcdef",
    "artifact_sha256": "fedcba9876543210",
    "tests": [{"name": "npm test", "passed": True, "count": 214, "revision": "0123456789ab"}],
    "rehearsal": {"passed": True, "where": "web1", "seconds": 1.24},
    "hosts": {"web1": copy.deepcopy(HOST), "web2": copy.deepcopy(HOST)},
}


@pytest.fixture
def evidence() -> dict[str, Any]:
    """A copy of it, to be spoilt."""
    return copy.deepcopy(EVIDENCE)


@pytest.fixture
def answer() -> Callable[..., dict[str, Any]]:
    """The checklist answered on a certain day."""
    return lambda inputs, *waivers: _checklist.answer(inputs, waivers=list(waivers), today=TODAY)


def finding(rule: str, severity: str = "error", **more: Any) -> dict[str, Any]:
    """One as the module returns it."""
    evidence = [{"file": "src/a.ts", "line": 3, "text": "const x"}, {"file": "dist", "line": 0, "text": ""}]
    return {
        "rule": rule, "severity": severity, "message": f"{rule} is wrong.", "remedy": "Correct it.",
        "evidence": evidence, **more,
    }  # fmt: skip
