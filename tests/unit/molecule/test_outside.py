# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stand-ins must refuse what the real services refuse: a test against one that takes everything proves nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.outside import (
    ACCOUNT,
    AUTH,
    BEARER,
    BLOCKED,
    CHAT,
    MOBILE,
    SENDER,
    TOKEN,
    UPGRADED,
    Outside,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer, Question, ask, parse_url

SEND = f"/bot{TOKEN}/sendMessage"
MESSAGES = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
LOGIN = {"authorization": "Basic " + base64.b64encode(f"{ACCOUNT}:{AUTH}".encode()).decode()}
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with Outside() as services:
        yield services


def post(outside: Outside, path: str, data: str, headers: dict[str, str]) -> Answer:
    target, where = parse_url(outside.url + path)
    return ask(target, Question(where, "POST", headers, data))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (SEND, {"chat_id": CHAT, "text": "a"}, 200),
        (SEND, {"chat_id": int(CHAT), "text": "a"}, 200),
        (SEND, {"chat_id": "1", "text": "a"}, 400),
        (SEND, {"chat_id": UPGRADED, "text": "a"}, 400),
        (SEND, {"chat_id": BLOCKED, "text": "a"}, 403),
        (SEND, {"chat_id": CHAT, "text": " "}, 400),
        (SEND, {"chat_id": CHAT, "text": "x" * 4097}, 400),
        (SEND, {"chat_id": CHAT, "text": "\U0001f600" * 2049}, 400),
        (SEND, {"chat_id": CHAT, "text": "Object.<anonymous>", "parse_mode": "HTML"}, 400),
        (SEND.replace("AAF", "BBF"), {"chat_id": CHAT, "text": "a"}, 401),
        ("/bot1:x/sendMessage", {"chat_id": CHAT, "text": "a"}, 404),
    ],
)
def test_telegram(outside: Outside, path: str, body: dict[str, Any], status: int) -> None:
    answer = post(outside, path, json.dumps(body), JSON)
    assert answer.status == status
    assert json.loads(answer.body)["ok"] is (status == 200)


@pytest.mark.parametrize(
    ("path", "headers", "data", "status"),
    [
        (MESSAGES, LOGIN, f"To=%2B{MOBILE[1:]}&From=%2B{SENDER[1:]}&Body=a", 201),
        (MESSAGES, LOGIN, f"To=%2B{MOBILE[1:]}&MessagingServiceSid=MG1&Body=a", 201),
        (MESSAGES, {}, f"To=%2B{MOBILE[1:]}&From=%2B{SENDER[1:]}&Body=a", 401),
        (MESSAGES, LOGIN, f"To=123&From=%2B{SENDER[1:]}&Body=a", 400),
        (MESSAGES, LOGIN, f"To=%2B{MOBILE[1:]}&From=%2B1&Body=a", 400),
        (MESSAGES.replace("AC0", "AC1"), LOGIN, f"To=%2B{MOBILE[1:]}&From=%2B{SENDER[1:]}&Body=a", 404),
    ],
)
def test_twilio(outside: Outside, path: str, headers: dict[str, str], data: str, status: int) -> None:
    assert post(outside, path, data, {**headers, **FORM}).status == status


@pytest.mark.parametrize(("token", "status"), [(BEARER, 201), ("other", 401)])
def test_sentry(outside: Outside, token: str, status: int) -> None:
    body = json.dumps({"version": "r1", "projects": ["shop"]})
    headers = {"authorization": f"Bearer {token}", **JSON}
    assert post(outside, "/api/0/organizations/ops/releases/", body, headers).status == status


def test_it_is_told_how_to_answer_and_tells_what_it_was_asked_over_http() -> None:
    with Outside() as outside:
        script = {"service": "hook", "answers": [{"status": 503, "headers": {"Retry-After": "7"}}]}
        assert post(outside, "/_script", json.dumps(script), JSON).status == 200
        answers = [post(outside, "/hook/a", '{"b": 1}', JSON) for _turn in range(2)]
        assert [(answer.status, answer.headers.get("retry-after")) for answer in answers] == [(503, "7"), (204, None)]
        assert post(outside, "/elsewhere", "", {}).status == 404
        target, path = parse_url(f"{outside.url}/_seen")
        seen = json.loads(ask(target, Question(path)).body)
        assert [(asked["service"], asked["body"], asked["status"]) for asked in seen] == [
            ("hook", {"b": 1}, 503),
            ("hook", {"b": 1}, 204),
        ]
