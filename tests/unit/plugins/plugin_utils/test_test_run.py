# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reports of tests as runners write them, and what is no report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _test_run

# node --test of Node.js 24 nests no suites for plain tests; jest 30 has one suite a file.
NODE = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<testsuites>\n<testcase name="adds" time="0.001" classname="test"/>{}\n</testsuites>'
)
JEST = (
    '<testsuites name="jest tests" tests="2" failures="0">'
    '<testsuite name="a"><testcase name="x"/>{}</testsuite></testsuites>'
)


@pytest.mark.parametrize("report", [NODE, JEST])
@pytest.mark.parametrize(
    ("more", "passed", "count"),
    [
        ("", True, 1),
        ('<testcase name="b"/>', True, 2),
        ('<testcase name="b"><skipped/></testcase>', True, 1),
        ('<testcase name="b"><failure type="x">no</failure></testcase>', False, 2),
        ('<testcase name="b"><error/></testcase>', False, 2),
        ('<testsuite name="broken"><error message="cannot be loaded"/></testsuite>', False, 1),
    ],
)
def test_what_a_runner_says(tmp_path: Path, report: str, more: str, passed: bool, count: int) -> None:
    path = tmp_path / "unit.xml"
    path.write_text(report.format(more))
    found = _test_run.read({"junit": str(path), "revision": "abc"})
    assert found == {"name": "unit", "revision": "abc", "passed": passed, "count": count, "where": str(path)}


@pytest.mark.parametrize("revision", ["", None])
def test_a_revision_that_is_empty_is_no_revision_that_was_tested(tmp_path: Path, revision: str | None) -> None:
    path = tmp_path / "unit.xml"
    path.write_text(NODE.format(""))
    found = _test_run.read({"junit": str(path), "revision": revision})
    assert (found["passed"], found["where"]) == (False, f"{path}: its revision is empty")
    assert _test_run.read({"junit": str(path)})["passed"], "nobody asked what was tested"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no element found"),
        ("<testsuites>", "no element found"),
        ("<html/>", "its root is <html>"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><testsuites/>', "defines entities"),
        ("<testsuites/>", ""),  # nothing was run
        (None, "No such file"),
    ],
)
def test_what_proves_nothing(tmp_path: Path, text: str | None, why: str) -> None:
    path = tmp_path / "unit.xml"
    if text is not None:
        path.write_text(text)
    found = _test_run.read({"junit": str(path), "name": "unit tests"})
    assert (found["name"], found["passed"], found["count"]) == ("unit tests", False, 0)
    assert why in found["where"]


def test_a_report_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_test_run, "_LARGEST", 1 << 20)
    assert "larger than 1 MiB" in _test_run.read({"junit": "/dev/zero"})["where"]


@pytest.mark.parametrize("given", ["unit.xml", {}, {"junit": ""}, {"junit": "a", "passed": True}])
def test_an_entry_that_names_no_report(given: Any) -> None:
    with pytest.raises(DeployError, match="where the report of a test run lies"):
        _test_run.read(given)
