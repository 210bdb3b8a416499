# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plugin from its options to its answer, against an app and a webhook on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.nodeops.pm2.molecule.shared.outside import Answer, Outside
from ansible_collections.nodeops.pm2.plugins.action import smoke


@pytest.fixture
def outside() -> Iterator[Outside]:
    """The app, below /ping, and the webhook."""
    with Outside() as services:
        yield services


class Action(smoke.ActionModule):
    """The plugin without ansible-core around it."""

    def __init__(self, check_mode: bool, params: dict[str, Any]) -> None:
        self._task = SimpleNamespace(check_mode=check_mode)
        self.params = params

    def validate_argument_spec(self, argument_spec: dict[str, Any]) -> tuple[None, dict[str, Any]]:
        validated = ArgumentSpecValidator(argument_spec).validate(self.params)
        assert validated.error_messages == []
        return None, dict(validated.validated_parameters)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, outside: Outside) -> Any:
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp, _task_vars: {})

    def act(*, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {"url": f"{outside.url}/ping", "deadline": 0, "app": "shop", "release": "r2", **options}
        return Action(check_mode, given).run()

    return act


def test_what_answers_well_is_good_and_nobody_is_told(run: Any, outside: Outside) -> None:
    result = run(smoke=[{"path": "/a"}], webhook=f"{outside.url}/hook")
    assert (result["good"], result["asked"], result["alerted"], result.get("failed", False)) == (True, 2, False, False)
    assert result["smoke"][0] | {"seconds": 0} == {"name": "GET /a", "status": 200, "seconds": 0}
    assert outside.of("hook") == []


def test_what_does_not_is_a_failure_and_an_alert(run: Any, outside: Outside) -> None:
    outside.script("ping", Answer(502))
    result = run(webhook=f"{outside.url}/hook?made-up-token")
    assert (result["failed"], result["good"], result["alerted"], result["changed"]) == (True, False, True, False)
    for words in ("status 502, expected 200", outside.url, "Nothing was rolled back", "An alert was sent."):
        assert words in result["msg"]
    assert "made-up-token" not in json.dumps(result)
    [posted] = outside.taken("hook")
    assert (posted["severity"], posted["facts"]["app"], posted["facts"]["release"]) == ("WARNING", "shop", "r2")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "No alert was sent"),
        ({"webhook": "http://127.0.0.1:9/hook"}, "The alert could not be delivered: connection refused"),
    ],
)
def test_that_nobody_was_told_is_told(run: Any, outside: Outside, options: dict[str, Any], words: str) -> None:
    outside.script("ping", Answer(502))
    result = run(**options)
    assert (result["alerted"], words in result["msg"]) == (False, True)


def test_an_alert_that_is_not_taken_is_told(run: Any, outside: Outside) -> None:
    outside.script("ping", Answer(502))
    outside.script("hook", Answer(403))
    assert "could not be delivered: status 403" in run(webhook=f"{outside.url}/hook")["msg"]


def test_a_rehearsal_alarms_nobody(run: Any, outside: Outside) -> None:
    outside.script("ping", Answer(502))
    assert run(check_mode=True, webhook=f"{outside.url}/hook")["failed"]
    assert outside.of("hook") == []


@pytest.mark.parametrize(("url", "words"), [("", "bluegreen_public_url"), ("ftp://x", "not an address")])
def test_without_an_address_nothing_is_asked(run: Any, url: str, words: str) -> None:
    with pytest.raises(AnsibleActionFail, match=words):
        run(url=url)
