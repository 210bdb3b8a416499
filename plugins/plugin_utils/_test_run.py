# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A run of an app's tests, read from the JUnit XML that every test runner can write."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

_LARGEST = 64 << 20  # bytes; a larger report is not one that a test runner wrote
_FIELDS = ("junit", "name", "revision")


def read(given: Any) -> dict[str, Any]:
    """One run as the checklist takes it: ``name``, ``passed``, ``count``, ``revision``, ``where``.

    :param given: an entry of a user's list: ``junit``, the path of the report; optionally ``name`` and ``revision``.
    :raises DeployError: an entry that is none. A report that cannot be read is a run that did not pass.
    """
    if not isinstance(given, Mapping) or not given.get("junit") or set(map(str, given)) - set(_FIELDS):
        raise DeployError(
            "This does not say where the report of a test run lies.",
            expected="junit, the path of its JUnit XML, and optionally name and revision",
            seen=repr(given),
            where="bluegreen_test_reports",
            remedy="Have the test runner write JUnit XML, as node --test --test-reporter=junit does.",
        )
    path = Path(str(given["junit"])).expanduser()
    about = {"name": str(given.get("name") or path.stem), "revision": str(given.get("revision") or "")}
    if "revision" in given and not about["revision"]:
        # As where a pipeline's variable is not set: whoever wants the commit compared is not to be told that it was.
        return {**about, "passed": False, "count": 0, "where": f"{path}: its revision is empty"}
    try:
        return {**about, **_verdict(_root(path)), "where": str(path)}
    except (OSError, ValueError, ET.ParseError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return {**about, "passed": False, "count": 0, "where": f"{path}: {why}"}


def _root(path: Path) -> ET.Element:
    with path.open("rb") as stream:
        raw = stream.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST >> 20} MiB")
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise ValueError("it defines entities, which no test runner does")
    return ET.fromstring(raw)  # noqa: S314 - nothing in it can expand


def _verdict(root: ET.Element) -> dict[str, Any]:
    """Counted case by case: totals in attributes differ from runner to runner."""
    if root.tag not in ("testsuites", "testsuite"):
        raise ValueError(f"its root is <{root.tag}>, not <testsuites>")
    cases = list(root.iter("testcase"))
    skipped = sum(case.find("skipped") is not None for case in cases)
    failed = [one for one in (*cases, *root.iter("testsuite")) if _has_failed(one)]
    ran = len(cases) - skipped
    return {"passed": ran > 0 and not failed, "count": ran}


def _has_failed(element: ET.Element) -> bool:
    return any(element.find(tag) is not None for tag in ("failure", "error"))
