# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.outside import ACCOUNT, AUTH, MOBILE, SENDER, Answer, Outside
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Message, Receipt
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret
from ansible_collections.nodeops.pm2.plugins.module_utils._twilio import Twilio

SERVICE = "MG0123456789abcdef0123456789abcdef"


def twilio(url: str = "", **changes: Any) -> Twilio:
    options = {"account": ACCOUNT, "password": Secret(AUTH), "sender": SENDER, "to": MOBILE, "base_url": url}
    return Twilio(**{**options, **changes})


@pytest.mark.parametrize(("sender", "as_what"), [(SENDER, "From"), (SERVICE, "MessagingServiceSid")])
def test_a_short_message_arrives(outside: Outside, message: Message, sender: str, as_what: str) -> None:
    channel = twilio(outside.url, sender=sender)
    assert channel.send(message, remarks=["costs money"], timeout=5) == Receipt("delivered")
    assert outside.taken("twilio") == [{"To": MOBILE, as_what: sender, "Body": message.short}]
    assert channel.name == "sms to ...4567"
    assert AUTH not in repr(channel)


@pytest.mark.parametrize(
    ("changes", "answer", "receipt"),
    [
        (
            {"password": Secret("wrong")},
            None,
            Receipt(
                "failed", "the account SID and the token do not belong together, or the token is not valid any more"
            ),
        ),
        ({"user": "SK0"}, None, Receipt("failed", "the account SID and the token do not belong")),
        ({"sender": "+15550000000"}, None, Receipt("failed", "the sender is not a number of this account")),
        (
            {},
            Answer(400, {"code": 21614, "message": "not a mobile"}),
            Receipt("failed", "not a mobile (Twilio's error 21614)"),
        ),
        ({}, Answer(429, {"code": 20429, "message": "slow"}, {"Retry-After": "3"}), Receipt("failed", "slow", 3.0)),
        ({}, Answer(503, "busy"), Receipt("failed", "status 503: busy")),
        ({}, Answer(delay=1), Receipt("unknown", "no complete answer within 0.4 s")),
    ],
)
def test_a_refusal_is_told_in_words(
    outside: Outside, message: Message, changes: dict[str, Any], answer: Answer | None, receipt: Receipt
) -> None:
    outside.script("twilio", *([answer] if answer else []))
    seen = twilio(outside.url, **changes).send(message, timeout=0.4)
    assert (seen.fate, seen.wait) == (receipt.fate, receipt.wait)
    assert seen.text.startswith(receipt.text)


@pytest.mark.parametrize("number", ["015112345678", "15551234567", "+1 555 123 4567", "+0123456789", "", "+123"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    for changes in ({"to": number}, {"sender": number}):
        with pytest.raises(DeployError, match="not a telephone number"):
            twilio(**changes)


@pytest.mark.parametrize("account", ["", "SK0123456789abcdef0123456789abcdef", "AC123"])
def test_an_account_that_is_none_is_refused(account: str) -> None:
    with pytest.raises(DeployError, match="not the SID"):
        twilio(account=account)
