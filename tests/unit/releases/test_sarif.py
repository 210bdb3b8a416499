# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is written as SARIF is SARIF, by the schema that its makers publish; fetched as the backends are."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _check
from ansible_collections.nodeops.pm2.plugins.module_utils._check import Finding
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _checklist, _report
from ansible_collections.nodeops.pm2.tests.unit.releases.faults import FAULTS, Fault
from ansible_collections.nodeops.pm2.tests.unit.releases.healthy import Release
from ansible_collections.nodeops.pm2.tests.unit.releases.test_npm import CACHE, npm

PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
MEMBER = "package/lib/schemas/sarif-2.1.0-rtm.5.json"

pytestmark = pytest.mark.npm


@pytest.fixture(scope="session")
def schema(node: str) -> dict[str, Any]:
    """The schema of SARIF 2.1.0."""
    kept = CACHE / Path(MEMBER).name
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=CACHE) as scratch:
            packed = npm(Path(node).parent, "pack", "--silent", PACKAGE, cwd=Path(scratch)).strip()
            with tarfile.open(Path(scratch, packed)) as archive:
                archive.extract(MEMBER, scratch, filter="data")
            Path(scratch, MEMBER).replace(kept)
    found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_finding_can_be_told_in_sarif(
    judge: Callable[[Release], list[Finding]], schema: dict[str, Any], fault: Fault
) -> None:
    found = _check.as_results(judge(fault.apply()), [])
    waivers = [{"waives": fault.rule, "reason": "Known.", "until": "2027-01-31"}]
    inputs = {"app": "shop", "release": "r1", "revision": "0123", "hosts": {"web1": {"check": found}}}
    for given in ([], waivers):
        answered = _checklist.answer(inputs, waivers=given, today=date(2026, 11, 24))
        jsonschema.validate(json.loads(_report.render(answered, "sarif")), schema)
