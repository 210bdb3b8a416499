# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An answered checklist as JUnit XML, as CI services show it: a case for each question and for each finding."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

# What XML 1.0 cannot hold, however it is written.
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(checklist: Mapping[str, Any]) -> str:
    """Not proved and refused are failures; waived and warnings are skipped cases, so that they are seen."""
    suites = ET.Element("testsuites", name="nodeops.pm2")
    _suite(suites, "checklist", checklist, [_of_item(item) for item in checklist["questions"]])
    expired = [_of_waiver(waiver) for waiver in checklist["waivers"] if waiver["state"] == "expired"]
    _suite(suites, "release_check", checklist, [*map(_of_finding, checklist["findings"]), *expired])
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode")


def _suite(parent: ET.Element, name: str, checklist: Mapping[str, Any], cases: list[ET.Element]) -> None:
    failures = sum(case.find("failure") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    counts = {"tests": len(cases), "failures": failures, "skipped": skipped, "errors": 0}
    suite = ET.SubElement(parent, "testsuite", {"name": name, **{key: str(value) for key, value in counts.items()}})
    properties = ET.SubElement(suite, "properties")
    for key in ("app", "release", "revision", "artifact_sha256", "day"):
        if checklist[key]:
            ET.SubElement(properties, "property", name=key, value=_text(checklist[key]))
    suite.extend(cases)


def _of_item(item: Mapping[str, Any]) -> ET.Element:
    case = ET.Element("testcase", classname="checklist", name=item["id"])
    if item["state"] == "not proved":
        failure = ET.SubElement(case, "failure", message=_text(item["missing"][0]), type="not proved")
        failure.text = _text("\n".join([item["question"], *item["missing"], f"do: {item['remedy']}"]))
    elif item["state"] == "waived":
        ET.SubElement(case, "skipped", message=_text("; ".join(map(_waiver, item["waivers"]))))
    ET.SubElement(case, "system-out").text = _text("\n".join(item["evidence"]))
    return case


def _of_finding(one: Mapping[str, Any]) -> ET.Element:
    name = f"{one['rule']} on {', '.join(one['hosts'])}" if one["hosts"] else one["rule"]
    case = ET.Element("testcase", classname="release_check", name=_text(name))
    places = [f"{item['file']}:{item['line']}: {item['text']}" for item in one.get("evidence", ())]
    told = _text("\n".join([one["message"], *places, f"do: {one['remedy']}"]))
    if one["severity"] == "error" and not one["waiver"]:
        ET.SubElement(case, "failure", message=_text(one["message"]), type=one["severity"]).text = told
    else:
        ET.SubElement(case, "skipped", message=_text(_waiver(one["waiver"]) if one["waiver"] else one["message"]))
        ET.SubElement(case, "system-out").text = told
    return case


def _of_waiver(waiver: Mapping[str, Any]) -> ET.Element:
    case = ET.Element("testcase", classname="waivers", name=_text(waiver["waives"]))
    ET.SubElement(case, "failure", message=f"The waiver expired on {waiver['until']}.", type="expired")
    return case


def _waiver(waiver: Mapping[str, Any]) -> str:
    return f"waived until {waiver['until']}: {waiver['reason']}"


def _text(text: Any) -> str:
    return _IMPOSSIBLE.sub("?", str(text))
