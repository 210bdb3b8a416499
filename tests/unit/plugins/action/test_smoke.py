# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plugin from its options to its answer, against an app and a webhook on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.nodeops.pm2.plugins.action import smoke


class Handler(BaseHTTPRequestHandler):
    """Answers with the status that its server is told, and keeps what is posted."""

    server: Server

    def do_GET(self) -> None:
        self.answer(self.server.status)

    def do_POST(self) -> None:
        self.server.posted.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.answer(self.server.hook)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Server(ThreadingHTTPServer):
    """An app and a webhook in one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.hook = 200, 204
        self.posted: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


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
def run(monkeypatch: pytest.MonkeyPatch, server: Server) -> Any:
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp, _task_vars: {})

    def act(*, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {"url": server.url, "deadline": 0, "app": "shop", "release": "r2", **options}
        return Action(check_mode, given).run()

    return act


def test_what_answers_well_is_good_and_nobody_is_told(run: Any, server: Server) -> None:
    result = run(smoke=[{"path": "/a"}], webhook=server.url)
    assert (result["good"], result["asked"], result["alerted"], result.get("failed", False)) == (True, 2, False, False)
    assert result["smoke"][0] | {"seconds": 0} == {"name": "GET /a", "status": 200, "seconds": 0}
    assert server.posted == []


def test_what_does_not_is_a_failure_and_an_alert(run: Any, server: Server) -> None:
    server.status = 502
    result = run(webhook=f"{server.url}/hook?made-up-token")
    assert (result["failed"], result["good"], result["alerted"], result["changed"]) == (True, False, True, False)
    for words in ("status 502, expected 200", server.url, "Nothing was rolled back", "An alert was sent."):
        assert words in result["msg"]
    assert "made-up-token" not in json.dumps(result)
    [posted] = server.posted
    assert (posted["severity"], posted["facts"]["app"], posted["facts"]["release"]) == ("WARNING", "shop", "r2")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "No alert was sent"),
        ({"webhook": "http://127.0.0.1:9/hook"}, "The alert could not be delivered: connection refused"),
    ],
)
def test_that_nobody_was_told_is_told(run: Any, server: Server, options: dict[str, Any], words: str) -> None:
    server.status = 502
    result = run(**options)
    assert (result["alerted"], words in result["msg"]) == (False, True)


def test_an_alert_that_is_not_taken_is_told(run: Any, server: Server) -> None:
    server.status, server.hook = 502, 403
    assert "could not be delivered: status 403" in run(webhook=server.url)["msg"]


def test_a_rehearsal_alarms_nobody(run: Any, server: Server) -> None:
    server.status = 502
    assert run(check_mode=True, webhook=server.url)["failed"]
    assert server.posted == []


@pytest.mark.parametrize(("url", "words"), [("", "bluegreen_public_url"), ("ftp://x", "not an address")])
def test_without_an_address_nothing_is_asked(run: Any, url: str, words: str) -> None:
    with pytest.raises(AnsibleActionFail, match=words):
        run(url=url)
