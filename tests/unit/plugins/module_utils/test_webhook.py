# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import hashlib
import hmac

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.outside import Answer, Outside
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Message, Receipt
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret
from ansible_collections.nodeops.pm2.plugins.module_utils._webhook import SIGNATURE, Webhook


def test_a_message_arrives_as_json_with_its_id(outside: Outside, message: Message) -> None:
    channel = Webhook(Secret(f"{outside.url}/hook/hunter2?a=b"))
    assert channel.send(message, remarks=["late"], timeout=5) == Receipt("delivered")
    [asked] = outside.of("hook")
    assert asked.path == "/hook/hunter2?a=b"
    assert asked.headers["idempotency-key"] == message.id
    assert SIGNATURE not in asked.headers
    assert asked.body == {
        "id": "m1",
        "at": message.at,
        "severity": "CRITICAL",
        "kind": "crash_loop",
        "text": message.text,
        "short": message.short,
        "facts": {"app": "shop", "release": "r2"},
        "remarks": ["late"],
    }
    assert "hunter2" not in repr(channel)


def test_it_can_be_signed_and_carry_a_token(outside: Outside, message: Message) -> None:
    url, key = Secret(f"{outside.url}/hook"), Secret("hunter2")
    assert Webhook(url, key=key, header=Secret("X-Key: a: b")).send(message, timeout=5).fate == "delivered"
    headers = [asked.headers for asked in outside.of("hook")]
    assert headers[0]["x-key"] == "a: b"
    digest = hmac.new(b"hunter2", outside.of("hook")[0].text.encode(), hashlib.sha256).hexdigest()
    assert headers[0][SIGNATURE] == f"sha256={digest}"


@pytest.mark.parametrize(
    ("answer", "receipt"),
    [
        (Answer(400, "no such field"), Receipt("refused", "status 400: no such field")),
        (Answer(410), Receipt("failed", "status 410")),
        (Answer(429, "", {"Retry-After": "2"}), Receipt("failed", "status 429", 2.0)),
        (Answer(close="early"), Receipt("unknown", "connection closed without an answer")),
    ],
)
def test_a_refusal_is_told(outside: Outside, message: Message, answer: Answer, receipt: Receipt) -> None:
    outside.script("hook", answer)
    assert Webhook(Secret(f"{outside.url}/hook")).send(message, timeout=5) == receipt


def test_an_address_that_is_none_is_refused_and_not_shown() -> None:
    with pytest.raises(DeployError, match="not an address") as raised:
        Webhook(Secret("hooks.example.com/hunter2"))
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("header", ["hunter2", "A: hunter2\r\nB: c", "A: hunter2é"])
def test_a_header_that_is_none_is_refused_and_not_shown(header: str) -> None:
    with pytest.raises(DeployError, match="not a header") as raised:
        Webhook(Secret("https://example.com/"), header=Secret(header))
    assert "hunter2" not in str(raised.value)
