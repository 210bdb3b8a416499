# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ways to reach people that a host has, from its settings and credentials; and the test of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _telegram, _twilio
from ansible_collections.nodeops.pm2.plugins.module_utils._apprise import Apprise, find_apprise
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import DELIVERED, Channel, Message, Verdict
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import NONE, Secret, read_secret, read_secrets
from ansible_collections.nodeops.pm2.plugins.module_utils._telegram import Telegram
from ansible_collections.nodeops.pm2.plugins.module_utils._twilio import Twilio
from ansible_collections.nodeops.pm2.plugins.module_utils._webhook import Webhook

Settings = Mapping[str, Any]
Environment = Mapping[str, str]


def channels_of(settings: Settings, environment: Environment) -> tuple[list[Channel], list[DeployError]]:
    """The channels in ``settings`` (``telegram``, ``twilio``, ``webhook``, ``apprise``), and why others cannot be used.

    One that is set up wrongly must not silence the others. What is secret is named there as a credential.
    """
    channels: list[Channel] = []
    problems = []
    for kind, make in _KINDS.items():
        if settings.get(kind):
            try:
                channels += make(settings[kind], environment)
            except DeployError as error:
                problems.append(error)
            except KeyError as error:
                remedy = f"Set guard_{kind} as its description says, and play the role again."
                problems.append(DeployError(f"The settings of {kind} lack {error}.", remedy=remedy))
    return channels, problems


def try_all(channels: Iterable[Channel], message: Message, *, timeout: float) -> list[Verdict]:
    """Send ``message`` through every channel at once, past all rules and the spool."""
    verdicts = []
    for channel in channels:
        receipt = channel.send(message, remarks=(), timeout=timeout)
        verdicts.append(Verdict(channel.name, receipt.fate == DELIVERED, receipt.text))
    return verdicts


def _telegrams(settings: Settings, environment: Environment) -> Sequence[Channel]:
    return [
        Telegram(
            token=read_secret(settings["token"], environment),
            chat=str(settings["chat"]),
            base_url=settings.get("base_url") or _telegram.BASE_URL,
            thread=int(settings.get("thread") or 0),
        )
    ]


def _twilios(settings: Settings, environment: Environment) -> Sequence[Channel]:
    password = read_secret(settings["password"], environment)
    return [
        Twilio(
            account=settings["account"],
            password=password,
            sender=str(settings["sender"]),
            to=str(number),
            user=settings.get("user") or "",
            base_url=settings.get("base_url") or _twilio.BASE_URL,
        )
        for number in settings["to"]
    ]


def _webhooks(settings: Settings, environment: Environment) -> Sequence[Channel]:
    def optional(name: str) -> Secret:
        return read_secret(settings[name], environment) if settings.get(name) else NONE

    return [Webhook(read_secret(settings["url"], environment), key=optional("key"), header=optional("header"))]


def _apprises(settings: Settings, environment: Environment) -> Sequence[Channel]:
    command = find_apprise(settings.get("program") or "")
    urls = read_secrets(settings["urls"], environment)
    return [Apprise(url, number, command) for number, url in enumerate(urls, start=1)]


_KINDS: dict[str, Callable[[Settings, Environment], Sequence[Channel]]] = {
    "telegram": _telegrams,
    "twilio": _twilios,
    "webhook": _webhooks,
    "apprise": _apprises,
}
