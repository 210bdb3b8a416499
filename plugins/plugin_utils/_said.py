# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a task's result has to say to people. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

# ansible-core 2.19 and newer put these before what the module said.
_WRAPPING = re.compile(r"^((Task|Action|Module) failed(: |\.?$))+")
_OUTPUT_LINES = 20
_DETAILS = ("module_stderr", "module_stdout")
# What ansible-core itself adds to a result, and what only matters to a machine.
_NOISE = ("changed", "failed", "skipped", "invocation", "exception", "warnings", "deprecations", "attempts", "retries")


def explain(result: Mapping[str, Any], error: Any = None) -> list[str]:
    """Why a task failed, in full, as lines of text.

    :param error: ansible-core's own summary of the failure, where there is one.
    """
    if "censored" in result:
        return [str(result["censored"])]
    items = [item for item in result.get("results") or [] if isinstance(item, Mapping) and item.get("failed")]
    if items:
        return [line for item in items for line in _explain_item(item)]
    lines = [_WRAPPING.sub("", line) for line in as_lines(result.get("msg", ""))]
    for cause in causes(error):
        told = as_lines(cause)
        # An action plugin may have corrected the rest of the message; what went wrong is said once.
        is_told = cause.strip() in "\n".join(lines) or any(line in lines for line in told[:1])
        lines += [] if is_told else told
    if isinstance(result.get("rc"), int):
        lines += [f"exit code {result['rc']}", *_output(result)]
    for key in _DETAILS:
        lines += as_lines(result.get(key, ""))
    return lines or as_lines({key: value for key, value in result.items() if key not in _NOISE})


def causes(error: Any) -> list[str]:
    """What led to a failure, as ansible-core 2.19 and newer keep it apart from the message."""
    found: list[str] = []
    link = getattr(getattr(error, "event", None), "chain", None)
    while link is not None:
        found.append(_WRAPPING.sub("", str(getattr(link.event, "msg", ""))))
        link = getattr(link.event, "chain", None)
    return found


def as_lines(value: Any) -> list[str]:
    """Any value as lines for people: text with its own line breaks, a list line by line, the rest as JSON."""
    if isinstance(value, str):
        return value.rstrip().splitlines()
    if isinstance(value, (list, tuple)) and all(isinstance(entry, str) for entry in value):
        return [line for entry in value for line in entry.splitlines() or [""]]
    return json.dumps(value, indent=2, default=str, ensure_ascii=False).splitlines()


def unseen(lines: Sequence[str], shown: Sequence[str]) -> list[str]:
    """``lines`` without the beginning that they have in common with what people have been shown already."""
    same = [new == old for new, old in zip(lines, shown)]
    return list(lines[[*same, False].index(False) :])


def surprises(result: Mapping[str, Any]) -> list[str]:
    """What an interrupted run left, and what was done about it: sentences that nobody may miss."""
    found = result.get("found")
    return [line for sentence in found for line in str(sentence).splitlines()] if isinstance(found, list) else []


def _output(result: Mapping[str, Any]) -> list[str]:
    text = result.get("stderr") or result.get("stdout") or ""
    return as_lines(text)[-_OUTPUT_LINES:]


def _explain_item(item: Mapping[str, Any]) -> list[str]:
    label = item.get("_ansible_item_label", item.get("item", "item"))
    name = " ".join(map(str, label)) if isinstance(label, list) else str(label)
    first, *rest = explain(item) or [""]
    return [f"{name}: {first}", *(f"  {line}" for line in rest)]
