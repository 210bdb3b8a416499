# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Twilio: one SMS to one number."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import (
    FAILED,
    Message,
    Receipt,
    document,
    plainly,
    post,
    receipt_of,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._log import clean
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret

BASE_URL = "https://api.twilio.com"
_NUMBER = re.compile(r"\+[1-9]\d{6,14}")
_ACCOUNT = re.compile(r"AC[0-9a-f]{32}")
# What Twilio calls the mistakes that setting it up is made of.
_KNOWN = {
    20003: "the account SID and the token do not belong together, or the token is not valid any more",
    20404: "there is no such account: correct the account SID, or the base URL",
    21211: "the number to send to is not valid",
    21408: "sending to that country is not switched on in the account",
    21606: "the sender is not a number of this account that can send an SMS",
    21608: "the account is a trial, which may only send to verified numbers",
    21610: "whoever has that number has unsubscribed (STOP)",
}


@dataclass(frozen=True)
class Twilio:
    """An account, a sender and a number.

    :param user: account SID, or SID of an API key; its ``password`` is the token or the key's secret.
    :param sender: a number of the account, or the SID of a messaging service (``MG...``).
    """

    account: str
    password: Secret
    sender: str
    to: str
    user: str = ""
    base_url: str = BASE_URL
    is_sms: bool = True

    def __post_init__(self) -> None:
        """Refuse what could never work."""
        if not _ACCOUNT.fullmatch(self.account):
            raise DeployError(
                "This is not the SID of a Twilio account.",
                expected="AC and 32 hexadecimal digits",
                seen=repr(self.account),
                remedy="Copy it from Twilio's console; an API key (SK...) belongs beside it.",
            )
        numbers = [self.to] if self.sender.startswith("MG") else [self.to, self.sender]
        for number in numbers:
            if not _NUMBER.fullmatch(number):
                raise DeployError(
                    "This is not a telephone number as Twilio wants it.",
                    expected="+, the country and the number, without spaces: +15551234567",
                    seen=repr(number),
                    remedy="Correct it, and quote it in YAML.",
                )

    @property
    def name(self) -> str:
        """Told apart by the last digits."""
        return f"sms to ...{self.to[-4:]}"

    def send(self, message: Message, *, remarks: Sequence[str] = (), timeout: float) -> Receipt:
        """Try once; remarks cost money and are left out."""
        del remarks
        sender = "MessagingServiceSid" if self.sender.startswith("MG") else "From"
        data = urlencode({"To": self.to, sender: self.sender, "Body": message.short})
        login = base64.b64encode(f"{self.user or self.account}:{self.password.reveal()}".encode()).decode()
        headers = {"authorization": f"Basic {login}", "content-type": "application/x-www-form-urlencoded"}
        url = f"{self.base_url.rstrip('/')}/2010-04-01/Accounts/{quote(self.account)}/Messages.json"
        receipt = receipt_of(post(url, data=data, headers=headers, timeout=timeout), _explain)
        # What Twilio refuses is wrong with the account or a number, and would be with every message.
        return Receipt(FAILED, receipt.text, receipt.wait) if receipt.fate == "refused" else receipt


def _explain(answer: Answer) -> str:
    said = document(answer)
    code, text = said.get("code"), clean(str(said.get("message", "")), limit=150)
    known = _KNOWN.get(code) if isinstance(code, int) else None
    return f"{known or text} (Twilio's error {code})" if code else plainly(answer)
