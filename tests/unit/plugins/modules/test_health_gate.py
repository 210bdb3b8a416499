# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nodeops.pm2.plugins.doc_fragments import proof
from ansible_collections.nodeops.pm2.plugins.module_utils import _lock, _proof
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.modules import health_gate
from ansible_collections.nodeops.pm2.tests.unit.plugins.processes import healthy


class App(BaseHTTPRequestHandler):
    """Answers POST with what it was sent, and GET with its path and Host; 404 below /no."""

    def do_GET(self) -> None:
        self._answer(json.dumps({"path": self.path, "host": self.headers["host"], "key": self.headers["x-key"]}))

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["content-length"])).decode())

    def _answer(self, text: str) -> None:
        body = text.encode()
        self.send_response(404 if self.path.startswith("/no") else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), App) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProcessFacts:
    """What the module is told about the process: a healthy one of release r2."""
    release = tmp_path.resolve() / "releases" / "r2"
    release.mkdir(parents=True)
    told = healthy(str(release))
    monkeypatch.setattr(_proof, "read_facts", lambda *_: told)
    return told


def options(root: Path, address: str, **more: Any) -> dict[str, Any]:
    """The module's parameters as Ansible hands them over, quick ones where nothing else is given."""
    given = {
        "root": str(root),
        "pm2_home": str(root / "pm2"),
        "release": "r2",
        "slot": {"name": "green", "process": "shop-green", "address": address},
        "interval": 0.01,
        **more,
    }
    result = ArgumentSpecValidator(health_gate.SPEC).validate(given)
    assert result.error_messages == []
    parameters: dict[str, Any] = result.validated_parameters
    return parameters


@pytest.mark.usefixtures("facts")
def test_a_good_release_is_proved(tmp_path: Path, address: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "shop-green-error.log").write_text("SyntaxError: of another start\nconnect ECONNREFUSED\n")
    params = options(
        tmp_path,
        address,
        host="shop.example",
        health={
            "path": "/health?a=1",
            "json": {"path": "/health?a=1", "host": "shop.example", "key": 5},
            "headers": {"X-Key": 5},
        },
        smoke=[{"path": "/echo", "method": "POST", "data": '{"a": [1]}', "json": {"a.0": 1}}],
        log_offset=30,
    )
    result = _proof.run(params, check_mode=False)
    assert 0 <= result.pop("first_answer_after") <= result.pop("seconds")
    assert result.pop("slowest") >= 0
    assert result.pop("smoke")[0]["name"] == "POST /echo"
    assert result == {
        "changed": False,
        "verdict": "good",
        "answers": 3,
        "findings": ["connect ECONNREFUSED"],
        "pids": [100],
    }


@pytest.mark.usefixtures("facts")
def test_a_bad_answer_refuses_with_evidence(tmp_path: Path, address: str) -> None:
    params = options(tmp_path, address, health={"path": "/no"}, deadline=0.1, min_uptime=0)
    with pytest.raises(DeployError) as raised:
        _proof.run(params, check_mode=False)
    failure = raised.value.failure()
    assert (failure["verdict"], failure["rule"], failure["answer"]["status"]) == ("refused", "wrong_status", 404)
    assert failure["probe"] == {"method": "GET", "through": address, "path": "/no"}


def test_the_last_words_are_told(
    tmp_path: Path, address: str, facts: ProcessFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_proof, "read_facts", lambda *_: replace(facts, restarts=1))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "shop-green-error.log").write_text("earlier\nError: DATABASE_URL is not set\n")
    with pytest.raises(DeployError) as raised:
        _proof.run(options(tmp_path, address, log_offset=8), check_mode=False)
    failure = raised.value.failure()
    assert failure["log"] == ["Error: DATABASE_URL is not set"]
    assert (failure["rule"], failure["cause"]["rule"]) == ("crashed_at_boot", "env_missing")


@pytest.mark.usefixtures("facts")
def test_the_question_goes_through_the_edge(tmp_path: Path, address: str) -> None:
    params = options(tmp_path, "127.0.0.1:1", through=f"http://{address}/api", health={"json": {"path": "/api/health"}})
    assert _proof.run(params, check_mode=False)["verdict"] == "good"


@pytest.mark.usefixtures("facts")
def test_a_symlinked_root_is_the_same_release(tmp_path: Path, address: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert _proof.run(options(tmp_path / "link", address), check_mode=False)["verdict"] == "good"


@pytest.mark.usefixtures("facts")
def test_a_lease_is_kept_alive(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proved: list[tuple[Path, str]] = []
    monkeypatch.setattr(_lock, "prove", lambda lock, lease: proved.append((lock, lease)))
    _proof.run(options(tmp_path, address, lease="abc"), check_mode=False)
    assert proved == [(tmp_path / "lock", "abc")] * 3


def test_check_mode_asks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(_proof, "prove", never)
    result = _proof.run(options(tmp_path, "127.0.0.1:1"), check_mode=True)
    assert result == {"changed": False, "verdict": "not asked", "skipped": True}


@pytest.mark.parametrize(
    "wrong",
    [
        {"release": "../r1"},
        {"through": "ftp://shop.example"},
        {"health": {"body": "("}},
        {"smoke": [{"path": "/", "status": []}]},
        {"log_patterns": [{"pattern": "("}]},
        {"deadline": 1},
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DeployError):
        _proof.run(options(tmp_path, "127.0.0.1:1", **wrong), check_mode=True)


def test_headers_and_bodies_are_hidden_from_the_invocation(tmp_path: Path) -> None:
    secret = {"headers": {"Authorization": "hunter2"}}
    params = options(tmp_path, "127.0.0.1:1", health=secret, smoke=[{"path": "/", "data": "hunter2", **secret}])
    _proof.hide_secrets(params)
    assert "hunter2" not in str(params)
    plain = options(tmp_path, "127.0.0.1:1")
    _proof.hide_secrets(plain)
    assert plain == options(tmp_path, "127.0.0.1:1")


def test_the_documentation_says_what_the_options_are() -> None:
    def compare(documented: dict[str, Any], spec: dict[str, Any]) -> None:
        for name, option in documented.items():
            assert option.get("default") == spec[name].get("default"), name
            assert option["type"] == spec[name]["type"], name
            compare(option.get("suboptions", {}), spec[name].get("options", {}))

    texts = (health_gate.DOCUMENTATION, proof.ModuleDocFragment.DOCUMENTATION)
    documented = {name: option for text in texts for name, option in yaml.safe_load(text)["options"].items()}
    compare(documented, health_gate.SPEC)
    assert set(health_gate.SPEC) - set(documented) == {"root", "slot", "pm2_home", "pm2_bin", "node_bin"}
