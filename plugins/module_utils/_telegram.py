# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Telegram: one message to one chat, by a bot."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import (
    DELIVERED,
    FAILED,
    INFO,
    Message,
    Receipt,
    document,
    plainly,
    post,
    receipt_of,
    with_remarks,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._log import clean
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret

BASE_URL = "https://api.telegram.org"
_LIMIT = 4096
_CHAT = re.compile(r"-?\d{1,20}|@[A-Za-z]\w{3,}")
_TOKEN = re.compile(r"\d+:[\w-]+")


@dataclass(frozen=True)
class Telegram:
    """A bot and the chat it writes to.

    :param chat: a number, negative for a group, or ``@name`` of a channel.
    :param thread: number of the topic in a group that has topics, 0 for none.
    """

    token: Secret
    chat: str
    base_url: str = BASE_URL
    thread: int = 0
    name: str = "telegram"
    is_sms: bool = False

    def __post_init__(self) -> None:
        """Refuse what could never work."""
        if not _CHAT.fullmatch(self.chat):
            raise DeployError(
                "This is not a Telegram chat.",
                expected="the number of a chat (a group's is negative, such as -1001234567890), or @name of a channel",
                seen=repr(self.chat),
                remedy="Write to the bot, or in the group, and look for chat.id in https://api.telegram.org/bot.../getUpdates.",
            )
        if not _TOKEN.fullmatch(self.token.reveal()):
            raise DeployError(
                "This is not the token of a Telegram bot.",
                expected="<number>:<letters>, as BotFather gives it",
                seen=f"{len(self.token.reveal())} characters of another form",
                remedy="Write the bot's token into the credential, and nothing else.",
            )

    def send(self, message: Message, *, remarks: Sequence[str] = (), timeout: float) -> Receipt:
        """Try once. Plain text: a stack such as ``Object.<anonymous>`` is no HTML, and would be refused as such."""
        body = {
            "chat_id": self.chat,
            "text": with_remarks(message.text, remarks, limit=_LIMIT),
            "disable_web_page_preview": True,
            "disable_notification": message.severity == INFO,
            **({"message_thread_id": self.thread} if self.thread else {}),
        }
        url = f"{self.base_url.rstrip('/')}/bot{self.token.reveal()}/sendMessage"
        answer = post(url, data=json.dumps(body), headers={"content-type": "application/json"}, timeout=timeout)
        receipt = receipt_of(answer, self._explain)
        said = document(answer)
        if receipt.fate == DELIVERED and not answer.error and said.get("ok") is not True:
            return Receipt(FAILED, "what answered is not Telegram; is there a proxy, or is the base URL wrong?")
        with contextlib.suppress(KeyError, TypeError, ValueError):
            receipt = Receipt(receipt.fate, receipt.text, max(receipt.wait, float(said["parameters"]["retry_after"])))
        # Where the chat itself is wrong, no message would be taken.
        return Receipt(FAILED, receipt.text, receipt.wait) if "chat" in receipt.text.lower() else receipt

    def _explain(self, answer: Answer) -> str:
        said = document(answer)
        description = clean(str(said.get("description", "")), limit=150)
        moved = (said.get("parameters") or {}).get("migrate_to_chat_id")
        if answer.status == 401:
            return "the bot's token is not valid (any more): write a new one from BotFather into the credential"
        if answer.status == 403:
            return f"the bot may not write to chat {self.chat}: {description}"
        if answer.status == 404:
            return "there is no such bot: the token is cut or malformed, or the base URL is wrong"
        if answer.status == 400 and moved:
            return f"the group has become chat {moved}: change the chat id {self.chat} to that"
        if answer.status == 400 and "chat not found" in description:
            return f"chat {self.chat} is unknown to the bot: write to it first, or add it to the group"
        return f"status {answer.status}: {description}" if description else plainly(answer)
