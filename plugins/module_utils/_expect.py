# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an answer must be, and why one is not. Pure: nothing here reads or waits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer

_ABSENT = object()


@dataclass(frozen=True)
class Reason:
    """Why something is not good.

    :param rule: stable id of the rule that found it.
    :param text: what was found, for a person.
    :param fatal: waiting cannot mend it.
    """

    rule: str
    text: str
    fatal: bool = False


@dataclass(frozen=True)
class Expectation:
    """What makes an answer good.

    :param status: any of these.
    :param json: wanted value by dotted key (``checks.db``, ``workers.0.id``).
    :param body: regular expression that is found somewhere in the body; empty: any body.
    :param latency: seconds that the whole answer may take; 0: any.
    """

    status: tuple[int, ...] = (200,)
    json: Mapping[str, Any] = field(default_factory=dict)
    body: str = ""
    latency: float = 0.0

    def __str__(self) -> str:
        parts = ["status " + " or ".join(map(str, self.status))]
        parts += [f"{key} = {_shown(wanted)}" for key, wanted in self.json.items()]
        parts += [f"body matching {self.body!r}"] if self.body else []
        parts += [f"at most {self.latency:g} s"] if self.latency else []
        return ", ".join(parts)


def expectation_of(params: Mapping[str, Any]) -> Expectation:
    """The typed form of the options ``status``, ``json``, ``body`` and ``latency``.

    Raises :class:`DeployError` for a pattern that does not compile and for an empty list of statuses.
    """
    if not params["status"]:
        raise DeployError("No status would be good.", expected="at least one status", seen="status: []")
    try:
        re.compile(params["body"])
    except re.error as error:
        raise DeployError(
            "The expected body is not a regular expression.",
            expected="a Python regular expression",
            seen=f"{params['body']!r}: {error}",
            remedy="Correct it; a literal dot or bracket needs a backslash.",
        ) from error
    return Expectation(tuple(params["status"]), params["json"], params["body"], params["latency"])


def judge_answer(answer: Answer, expectation: Expectation) -> list[Reason]:
    """Why ``answer`` is not good; empty where it is."""
    if answer.error:
        return [Reason("no_answer", answer.error)]
    reasons = []
    if answer.status not in expectation.status:
        wanted = " or ".join(map(str, expectation.status))
        to = f" to {answer.headers['location']}" if 300 <= answer.status < 400 and "location" in answer.headers else ""
        reasons.append(Reason("wrong_status", f"status {answer.status}{to}, expected {wanted}"))
    reasons += _judge_json(answer, expectation.json)
    if expectation.body and not re.search(expectation.body, answer.body):
        reasons.append(Reason("wrong_body", f"the body does not match {expectation.body!r}"))
    if expectation.latency and answer.seconds > expectation.latency:
        text = f"answered after {answer.seconds:.2f} s, expected at most {expectation.latency:g} s"
        reasons.append(Reason("too_slow", text))
    return reasons


def _judge_json(answer: Answer, wanted: Mapping[str, Any]) -> list[Reason]:
    if not wanted:
        return []
    try:
        document = json.loads(answer.body)
    except ValueError:
        return [Reason("wrong_json", "the body is longer than 64 KiB" if answer.cut else "the body is not JSON")]
    reasons = []
    for key, value in wanted.items():
        seen = _look_up(document, key)
        if seen is _ABSENT:
            reasons.append(Reason("wrong_json", f"field {key} is missing, expected {_shown(value)}"))
        elif not _same(seen, value):
            reasons.append(Reason("wrong_json", f"field {key} is {_shown(seen)}, expected {_shown(value)}"))
    return reasons


def _look_up(document: Any, key: str) -> Any:
    for part in key.split("."):
        if isinstance(document, dict):
            document = document.get(part, _ABSENT)
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return _ABSENT
    return document


def _same(seen: Any, wanted: Any) -> bool:
    if isinstance(seen, (dict, list)) or isinstance(wanted, (dict, list)):
        return bool(seen == wanted)
    # A templated value arrives as text: 5 and "5", true and "true" are the same wish.
    return _text(seen) == _text(wanted)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:99] + "…"
