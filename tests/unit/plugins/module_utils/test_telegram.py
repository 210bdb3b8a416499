# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.outside import (
    BLOCKED,
    CHAT,
    TOKEN,
    UPGRADED,
    Answer,
    Outside,
    too_many,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Message, Receipt
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret
from ansible_collections.nodeops.pm2.plugins.module_utils._telegram import Telegram

OTHER = TOKEN.replace("A", "B")


def telegram(outside: Outside, **changes: Any) -> Telegram:
    return Telegram(**{"token": Secret(TOKEN), "chat": CHAT, "base_url": outside.url, **changes})


def test_a_message_arrives_as_plain_text(outside: Outside, message: Message) -> None:
    channel = telegram(outside, thread=7, base_url=f"{outside.url}/")
    assert channel.send(message, remarks=["late"], timeout=5) == Receipt("delivered")
    [body] = outside.taken("telegram")
    assert body == {
        "chat_id": CHAT,
        "text": f"{message.text}\nlate",
        "disable_web_page_preview": True,
        "disable_notification": False,
        "message_thread_id": 7,
    }


def test_a_long_message_arrives_shortened(outside: Outside, message: Message) -> None:
    long = replace(message, text="\U0001f600" * 4000, severity="INFO")
    assert telegram(outside).send(long, remarks=["late"], timeout=5).fate == "delivered"
    [body] = outside.taken("telegram")
    assert body["text"].endswith("…\nlate")
    assert body["disable_notification"]


@pytest.mark.parametrize(
    ("changes", "answer", "receipt"),
    [
        ({"token": Secret(OTHER)}, None, Receipt("failed", "the bot's token is not valid (any more): write a new one")),
        ({"token": Secret("1:short")}, None, Receipt("failed", "there is no such bot")),
        ({"chat": "7"}, None, Receipt("failed", "chat 7 is unknown to the bot: write to it first")),
        ({"chat": BLOCKED}, None, Receipt("failed", "the bot may not write to chat 42: Forbidden: bot was blocked")),
        ({"chat": UPGRADED}, None, Receipt("failed", f"the group has become chat {CHAT}: change the chat id -99")),
        ({}, too_many(35), Receipt("failed", "status 429: Too Many Requests: retry after 35", 35.0)),
        ({}, Answer(502, "Bad Gateway"), Receipt("failed", "status 502: Bad Gateway")),
        ({}, Answer(200, "<html>sign in</html>"), Receipt("failed", "what answered is not Telegram")),
        ({}, Answer(400, {"ok": False, "description": "Bad Request: odd"}), Receipt("refused", "status 400: Bad")),
        ({}, Answer(400, {"ok": False, "parameters": []}), Receipt("refused", "status 400: {")),
        ({}, Answer(302, "", {"Location": "/x"}), Receipt("failed", "status 302, a redirect: correct the address")),
        ({}, Answer(close="early"), Receipt("unknown", "connection closed without an answer")),
        ({}, Answer(close="late"), Receipt("unknown", "connection closed without an answer")),
        ({}, Answer(delay=1), Receipt("unknown", "no complete answer within 0.4 s")),
    ],
)
def test_a_refusal_is_told_in_words(
    outside: Outside, message: Message, changes: dict[str, Any], answer: Answer | None, receipt: Receipt
) -> None:
    outside.script("telegram", *([answer] if answer else []))
    seen = telegram(outside, **changes).send(message, timeout=0.4)
    assert (seen.fate, seen.wait) == (receipt.fate, receipt.wait)
    assert seen.text.startswith(receipt.text)
    assert TOKEN not in seen.text


def test_nobody_there_is_told_without_the_token(message: Message) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    channel = Telegram(Secret(TOKEN), CHAT, base_url=f"http://127.0.0.1:{port}")
    assert channel.send(message, timeout=1) == Receipt("failed", "connection refused")
    assert TOKEN not in repr(channel)


@pytest.mark.parametrize("base", ["api.telegram.org", "https://", "ftp://example.com"])
def test_a_base_url_that_is_none_is_told(message: Message, base: str) -> None:
    receipt = Telegram(Secret(TOKEN), CHAT, base_url=base).send(message, timeout=1)
    assert receipt.fate == "failed"
    assert "not an address of a service" in receipt.text
    assert TOKEN not in receipt.text


@pytest.mark.parametrize("chat", ["", "ops", "+4915112345678", "https://t.me/ops", "12.5", "@x"])
def test_a_chat_of_the_wrong_kind_is_refused(chat: str) -> None:
    with pytest.raises(DeployError, match="not a Telegram chat"):
        Telegram(Secret(TOKEN), chat)


@pytest.mark.parametrize("token", ["hunter2", "123:abc/def", f"{TOKEN}\n"])
def test_a_token_of_the_wrong_form_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(DeployError, match="not the token") as raised:
        Telegram(Secret(token), CHAT)
    assert token not in str(raised.value)
