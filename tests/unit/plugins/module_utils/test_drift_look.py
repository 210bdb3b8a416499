# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is read for the comparison: a real directory, a PM2, a front door and processes that are not real."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _axon,
    _boot,
    _drift_look,
    _facts,
    _meant,
    _probe,
    _process,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._kept import Kept
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer, Question, Target

See = Callable[[], Any]


@pytest.fixture
def live(app: Any, node: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """r1 is live in blue, serves and says so; what PM2, the front door and the kernel say can be changed."""
    app.deployed("r1", "blue", health={"path": "/up?key=hunter2"}, host="shop.example.com")
    tree = app.layout.release("r1")
    entry = {"name": "shop-blue", "cwd": str(tree.path), "script": f"{tree.path}/app.js", "env": {"A": "1"}}
    tree.ecosystem_for("blue").write_text(f"module.exports = {{ apps: [{json.dumps(entry)}] }};")
    tree.ecosystem.write_text(tree.ecosystem_for("blue").read_text())
    text = {".release/ecosystem.blue.cjs": tree.ecosystem.read_text()}
    _meant.write(tree, text, ecosystems=[tree.ecosystem_for("blue")], node=node)
    tree.revision.write_text("abc\n")
    facts = _facts.ProcessFacts(
        "shop-blue", True, "online", "fork", (7,), 0, None, 9.0, {7: str(tree.path)}, (7,), True, True, "", ""
    )
    env = {"pm_exec_path": entry["script"], "pm_cwd": entry["cwd"], "exec_interpreter": "node"}
    record = {**env, "exec_mode": "fork_mode", "status": "online", "env": {"A": "1"}}
    world: dict[str, Any] = {
        "memory": [{"name": "shop-blue", "pm2_env": record}],
        "answer": Answer(200, body='{"release": "r1"}'),
        "facts": facts,
    }

    def call(_socket: object, method: str) -> Any:
        assert method == "getMonitorData"
        if world["memory"] is None:
            raise _axon.NotListening("no daemon")
        return world["memory"]

    def ask(target: Target, question: Question, *, timeout: float) -> Answer:
        assert (target.host, question.path, question.headers["Host"]) == ("edge", "/up?key=hunter2", "shop.example.com")
        assert timeout == 5
        return world["answer"]  # type: ignore[no-any-return]

    monkeypatch.setattr(_axon, "call", call)
    monkeypatch.setattr(_probe, "ask", ask)
    monkeypatch.setattr(_facts, "read_facts", lambda _pm2, slot: world["facts"] if slot.name == "blue" else None)
    monkeypatch.setattr(_process, "command", lambda pid: f"command of {pid}")
    return world


def found(app: Any) -> dict[str, str]:
    return {one.id: one.seen for one in _drift_look.look(app.layout)}


@pytest.mark.usefixtures("live")
def test_all_agrees(app: Any) -> None:
    before = app.snapshot()
    assert found(app) == {}
    seen = _drift_look.see(app.layout)
    assert (seen.release, seen.disk.live, seen.declared.name, seen.processes) == (
        *("r1", "r1", "shop-blue"),
        ["shop-blue", "shop-green"],
    )
    assert seen.front is not None
    assert seen.front.url == "http://edge/up", "a query may carry a token"
    assert app.snapshot() == before


def test_each_source_is_looked_at(app: Any, live: dict[str, Any]) -> None:
    (app.layout.root / "pm2").mkdir()
    dump = app.layout.root / "pm2/dump.pm2"
    dump.write_text("{")
    assert set(found(app)) == {"dump_unreadable"}
    dump.unlink()
    live["memory"] = None
    assert set(found(app)) == {"process_missing"}
    live["memory"] = [{"name": "shop-blue", "pm2_env": {**RECORD, "env": {}}}]
    assert "process_differs" in found(app)


@pytest.mark.usefixtures("live")
def test_whether_it_comes_back_at_boot_is_asked_of_its_own_pm2(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def unaware(*about: Any) -> str:
        asked.append(about)
        return "pm2-deploy.service"

    monkeypatch.setattr(_boot, "unaware", unaware)
    assert found(app) == {"not_at_boot": "the service does not know it"}
    assert asked == [(app.layout.root / "pm2", app.layout.root)]


RECORD = {"pm_exec_path": "/srv/other.js", "pm_cwd": "/srv", "exec_mode": "fork_mode", "status": "online"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param('{"release": "r0"}', {"front_other": "r0"}, id="an earlier release of the ledger"),
        pytest.param('{"release": "1.4.2"}', {}, id="a version of the app's own"),
        pytest.param('{"release": null}', {}, id="nothing"),
        pytest.param("[1]", {}, id="no object"),
        pytest.param("ok", {}, id="no JSON"),
    ],
)
def test_an_answer_that_names_a_release(app: Any, live: dict[str, Any], body: str, said: dict[str, str]) -> None:
    app.layout.ledger.write_text("")
    app.note("staged:r0", "published:r0", "good:r0", "published:r1", "good:r1")
    live["answer"] = Answer(200, body=body)
    assert found(app) == said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            {"listener_pids": (8,), "listener_is_ours": False},
            {"owner_stranger": "pid 8 (command of 8)"},
            id="stranger",
        ),
        pytest.param(
            {"listener_pids": (), "listener_is_ours": False},
            {"owner_stranger": "a process of another user"},
            id="another user's",
        ),
        pytest.param(
            {"listener_pids": (), "listener_is_ours": False, "listener_seen": False},
            {"owner_missing": "nobody"},
            id="nobody",
        ),
        pytest.param({"cwds": {7: "/srv/old"}}, {"owner_other": "/srv/old"}, id="elsewhere"),
    ],
)
def test_who_listens(app: Any, live: dict[str, Any], change: dict[str, Any], said: dict[str, str]) -> None:
    live["facts"] = dataclasses.replace(live["facts"], **change)
    assert found(app) == said


def test_a_release_of_before_is_compared_as_far_as_it_is_known(app: Any, live: dict[str, Any]) -> None:
    app.layout.release("r1").meant.unlink()
    live["memory"] = None
    seen = _drift_look.see(app.layout)
    assert (seen.memory, seen.dump, seen.declared) == (None, None, Kept("shop-blue"))
    assert found(app) == {}
    app.layout.release("r1").app.unlink()
    assert _drift_look.see(app.layout).owner is None


def test_nothing_is_live(app: Any) -> None:
    assert found(app) == {}
    app.note("staged:r1", "published:r1")
    assert found(app) == {"nothing_live": "current leads nowhere"}
    app.note("bad:r1")
    assert found(app) == {}, "a first deploy that was taken back leaves nothing"
