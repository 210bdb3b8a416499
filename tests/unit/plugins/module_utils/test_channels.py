# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.outside import (
    ACCOUNT,
    AUTH,
    CHAT,
    MOBILE,
    SENDER,
    TOKEN,
    Answer,
    Outside,
)
from ansible_collections.nodeops.pm2.plugins.module_utils import _channels
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Message, Verdict
from ansible_collections.nodeops.pm2.plugins.module_utils._channels import channels_of

Settings = dict[str, Any]


@pytest.fixture
def environment(tmp_path: Path, outside: Outside) -> dict[str, str]:
    """Credentials as systemd lays them down."""
    secrets = {"bot": TOKEN, "sms": AUTH, "hook": f"{outside.url}/hook", "key": "hunter2", "urls": "json://a\njson://b"}
    for name, text in secrets.items():
        path = tmp_path / name
        path.write_text(f"{text}\n")
        path.chmod(0o400)
    return {"CREDENTIALS_DIRECTORY": str(tmp_path)}


@pytest.fixture
def settings(outside: Outside) -> Settings:
    return {
        "telegram": {"token": "bot", "chat": int(CHAT), "base_url": outside.url},
        "twilio": {
            "account": ACCOUNT,
            "password": "sms",
            "sender": SENDER,
            "to": [MOBILE, "+15557654321"],
            "base_url": outside.url,
        },
        "webhook": {"url": "hook", "key": "key"},
    }


def test_settings_become_channels(environment: dict[str, str], settings: Settings) -> None:
    channels, problems = channels_of(settings, environment)
    names = [(channel.name, channel.is_sms) for channel in channels]
    assert names == [("telegram", False), ("sms to ...4567", True), ("sms to ...4321", True), ("webhook", False)]
    assert problems == []
    assert TOKEN not in repr(channels)


def test_every_address_of_apprise_is_a_channel(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_channels, "find_apprise", lambda program: (program,))
    channels, _ = channels_of({"apprise": {"urls": "urls", "program": "/opt/apprise"}}, environment)
    assert [channel.name for channel in channels] == ["apprise 1", "apprise 2"]


def test_none_are_none() -> None:
    assert channels_of({"telegram": None, "twilio": {}}, {}) == ([], [])


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [
        (lambda settings: settings["telegram"].update(chat="ops"), "not a Telegram chat"),
        (lambda settings: settings["telegram"].update(token="none"), "credential cannot be used"),
        (lambda settings: settings["telegram"].pop("token"), "The settings of telegram lack 'token'"),
    ],
)
def test_one_that_is_set_up_wrongly_does_not_silence_the_others(
    environment: dict[str, str], settings: Settings, spoil: Callable[[Settings], Any], seen: str
) -> None:
    spoil(settings)
    channels, problems = channels_of(settings, environment)
    assert [channel.name for channel in channels] == ["sms to ...4567", "sms to ...4321", "webhook"]
    assert [seen in str(problem) for problem in problems] == [True]


def test_all_channels_are_tried_and_judged(
    environment: dict[str, str], settings: Settings, outside: Outside, message: Message
) -> None:
    channels, _ = channels_of(settings, environment)
    outside.script("twilio", Answer(503, "busy"))
    assert _channels.try_all(channels, message, timeout=5) == [
        Verdict("telegram", True),
        Verdict("sms to ...4567", False, "status 503: busy"),
        Verdict("sms to ...4321", True),
        Verdict("webhook", True),
    ]
