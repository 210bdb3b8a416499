# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What every way to reach people has in common."""

from __future__ import annotations

import contextlib
import email.utils
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._log import clean
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer, Question, ask, parse_url

INFO, WARNING, CRITICAL = "INFO", "WARNING", "CRITICAL"
SEVERITIES = (INFO, WARNING, CRITICAL)
DELIVERED, UNKNOWN, REFUSED, FAILED = "delivered", "unknown", "refused", "failed"
_LONGEST_WAIT = 86400.0


@dataclass(frozen=True)
class Message:
    """What is to reach people; without secrets already.

    :param id: the same for every attempt and every channel, so that whoever gets it twice can tell.
    :param at: when it came up, UTC, ISO 8601.
    :param severity: one of :data:`SEVERITIES`.
    :param kind: what it is about, such as ``crash_loop``.
    :param text: plain text, its first line the title, at most 4000 characters.
    :param short: the same for an SMS, ASCII, at most 160 characters.
    :param facts: the same for machines.
    """

    id: str
    at: str
    severity: str
    kind: str
    text: str
    short: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Receipt:
    """What became of one attempt.

    :param fate: ``delivered``; ``unknown``: it may have been; ``refused``: this message is not taken; ``failed``: it
        was not delivered, and no other would be.
    :param text: why, for a person.
    :param wait: seconds that the other side wants to be left alone.
    """

    fate: str
    text: str = ""
    wait: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What a test said of one channel; ``text`` is empty where it is well."""

    channel: str
    good: bool
    text: str = ""


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """Unique and stable: what is under way is kept by it."""

    @property
    def is_sms(self) -> bool:
        """Whether it costs money and wakes people."""

    def send(self, message: Message, *, remarks: Sequence[str], timeout: float) -> Receipt:
        """Try once, for at most ``timeout`` seconds; ``remarks`` are lines about the delivery itself."""


def post(url: str, *, data: str, headers: Mapping[str, str], timeout: float) -> Answer:
    """Send to a service outside; the address may be a secret, so that no error shows it."""
    try:
        target, path = parse_url(url)
        return ask(target, Question(path, "POST", headers, data), timeout=timeout)
    except DeployError as error:
        return Answer(error=f"{error.what} Expected: {error.expected}.", sent=False)


def receipt_of(answer: Answer, explain: Callable[[Answer], str]) -> Receipt:
    """What an answer means for the message; ``explain`` says it in the words of the service."""
    if 200 <= answer.status < 300:
        return Receipt(DELIVERED)
    if answer.error:
        return Receipt(UNKNOWN if answer.sent else FAILED, answer.error)
    fate = REFUSED if answer.status in (400, 413, 422) else FAILED
    return Receipt(fate, explain(answer), retry_after(answer))


def retry_after(answer: Answer) -> float:
    """Seconds that the other side asks for, at most a day; 0 where it does not."""
    text = answer.headers.get("retry-after", "")
    with contextlib.suppress(ValueError):
        return min(max(float(text), 0.0), _LONGEST_WAIT)
    with contextlib.suppress(TypeError, ValueError):
        return min(max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0), _LONGEST_WAIT)
    return 0.0


def document(answer: Answer) -> dict[str, Any]:
    """The JSON object in an answer; empty where there is none."""
    with contextlib.suppress(ValueError):
        found = json.loads(answer.body)
        return found if isinstance(found, dict) else {}
    return {}


def plainly(answer: Answer) -> str:
    """An answer in one line, for a service that has no words of its own."""
    body = clean(" ".join(answer.body.split()), limit=120)
    to = ", a redirect: correct the address" if 300 <= answer.status < 400 else ""
    return f"status {answer.status}{to}{f': {body}' if body else ''}"


def with_remarks(text: str, remarks: Sequence[str], *, limit: int) -> str:
    """``text`` and ``remarks`` below it, at most ``limit`` UTF-16 units, which is what services count."""
    below = "".join(f"\n{remark}" for remark in remarks)
    while _units(text + below) > limit:
        text = text[: len(text) - max((_units(text + below) - limit) // 2, 1) - 1] + "…"
    return text + below


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2
