# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The callback, fed with a run's events, tells the run."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.callback.phases import ERASE_LINE, CallbackModule

ROLE = "/x/roles/bluegreen/tasks"
REFUSAL = "The release did not prove itself.\n  seen: connection refused"
HIDDEN = "the output has been hidden"


class Screen:
    """Stands in for ansible-core's display."""

    verbosity = 0

    def __init__(self) -> None:
        self.lines: list[str] = []

    def display(self, text: str, color: str | None = None) -> None:  # noqa: ARG002
        self.lines += text.splitlines() or [""]


class Run:
    """A run of fake events, on a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, json_path: str | None = None) -> None:
        self.now = 0.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        self.screen = Screen()
        self.callback = CallbackModule(display=self.screen)
        monkeypatch.setattr(self.callback, "get_option", {"json_path": json_path}.__getitem__)
        self.callback.v2_playbook_on_start(SimpleNamespace(_file_name="/x/playbooks/deploy.yml"))
        self.callback.v2_playbook_on_play_start(SimpleNamespace(get_name=lambda: "Deploy", check_mode=False))

    def task(self, *chain: str, action: str = "nodeops.pm2.some", seconds: float = 1.0, name: str = "Do it") -> Any:
        """Start a task that lies in the last file of ``chain``; it will end ``seconds`` later."""
        node = None
        for file in chain:
            path = f"{ROLE}/{file}.yml:3" if "/" not in file else f"{file}:3"
            node = SimpleNamespace(get_path=lambda path=path: path, _parent=node)
        task = SimpleNamespace(
            get_path=getattr(node, "get_path", lambda: "/x/tasks/other.yml:7"),
            _parent=getattr(node, "_parent", None),
            get_name=lambda: name,
            name=name,
            action=action,
            check_mode=False,
        )
        self.callback.v2_playbook_on_task_start(task, False)
        self.now += seconds
        return task

    @staticmethod
    def result(task: Any, host: str, content: dict[str, Any], args: dict[str, Any]) -> Any:
        """A result as ansible-core 2.19 and newer hand it over."""
        where = SimpleNamespace(get_name=lambda: host)
        return SimpleNamespace(task=task, host=where, result=content, task_fields={"args": args}, task_name="Do it")

    def ok(self, task: Any, host: str = "demo", args: dict[str, Any] | None = None, **content: Any) -> None:
        self.callback.v2_runner_on_ok(self.result(task, host, content, args or {}))

    def failed(self, task: Any, host: str = "demo", **content: Any) -> None:
        self.callback.v2_runner_on_failed(self.result(task, host, content, {}))

    def end(self, *hosts: str, failed: tuple[str, ...] = ()) -> list[str]:
        stats = SimpleNamespace(
            processed=dict.fromkeys(hosts or ("demo",), 1), failures=dict.fromkeys(failed, 1), dark={}
        )
        self.callback.v2_playbook_on_stats(stats)
        return self.screen.lines


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(monkeypatch)


def app(live: str, slot: str) -> dict[str, str]:
    return {"live": live, "live_slot": slot}


def gate(run: Run, *hosts: str, seconds: float = 3.0) -> None:
    """r2 passes the gate."""
    task = run.task("main", "gate", seconds=seconds)
    for host in hosts or ("demo",):
        phases = {"check": 0.25, "lock": 0.0, "gate": seconds - 0.5}
        run.ok(task, host, changed=True, release="r2", phases=phases, phase="gate", app=app("r1", "blue"))


def publish(run: Run, *phases: str) -> None:
    """r2 is published, and more where ``phases`` say so."""
    told = dict.fromkeys(("publish", *phases), 1.0)
    notes = {"publish": "switched in 0.42 ms"}
    task = run.task("main", "publish", "wave", seconds=float(len(told)))
    run.ok(task, changed=True, release="r2", phases=told, notes=notes, phase="x", app=app("r2", "green"))


def test_a_good_deploy(run: Run) -> None:
    run.ok(run.task("main", "preflight", seconds=0.5))
    gate(run)
    publish(run, "soak", "confirm")
    assert run.end() == [
        "Deploy",
        "  preflight        0.5 s",
        "  check            0.2 s",
        "  lock             0.0 s",
        "  gate             2.5 s",
        "  publish          1.0 s  switched in 0.42 ms",
        "  soak             1.0 s",
        "  confirm          1.0 s",
        "",
        "demo  good  r2 live in green  6.5 s",
    ]


def refuse(run: Run, *phases: str, live: str = "r1") -> list[str]:
    """r2 fails in the last of ``phases``, and is undone."""
    told = dict.fromkeys(phases, 1.0) | {phases[-1]: 30.0}
    task = run.task("main", "gate", seconds=31)
    failure: dict[str, Any] = {"phases": told, "phase": phases[-1], "release": "r2", "app": app(live, "green")}
    run.failed(task, msg=REFUSAL, verdict="refused", **failure)
    run.ok(run.task("main", "abort", action="nodeops.pm2.release"), release="r2", phases={}, app=app("r1", "blue"))
    run.failed(run.task("main", "abort", action="ansible.builtin.fail"), msg=f"{REFUSAL}\nLive is r1.")
    return run.end(failed=("demo",))


def test_a_refusal_is_told_in_full_and_once_after_what_led_to_it(run: Run) -> None:
    assert refuse(run, "check", "start", "gate") == [
        "Deploy",
        "  check            1.0 s",
        "  start            1.0 s",
        "  gate            30.0 s  demo failed",
        "    The release did not prove itself.",
        "      seen: connection refused",
        "  abort            2.0 s  demo",
        "    Live is r1.",
        "",
        "demo  refused at gate  The release did not prove itself.  r1 live in blue  33.0 s",
    ]


def test_what_was_published_is_taken_back(run: Run) -> None:
    gate(run)
    assert refuse(run, "publish", "soak", live="r2")[-1] == (
        "demo  taken back at soak  The release did not prove itself.  r1 live in blue  36.0 s"
    )


def test_a_fleet_in_one_line_a_phase(run: Run) -> None:
    task = run.task("main", "gate", seconds=3)
    run.failed(task, "b", msg=REFUSAL, phases={"check": 0.5, "gate": 2.0}, phase="gate")
    run.ok(task, "a", phases={"check": 0.25, "gate": 2.5}, phase="gate")
    task = run.task("main", "abort", action="ansible.builtin.fail")
    run.failed(task, "a", msg="Another host failed.\nLive is r1.")
    run.failed(task, "b", msg=f"{REFUSAL}\nLive is r1.")
    lines = run.end("a", "b", failed=("a", "b"))
    assert lines[1:6] == [
        "  check            0.5 s",
        "  gate             2.0 s  b failed",
        "    The release did not prove itself.",
        "      seen: connection refused",
        "  gate             2.5 s  2 hosts, 1 failed",
    ]
    assert lines[-2:] == [
        "a  aborted  Another host failed.  4.0 s",
        "b  refused at gate  The release did not prove itself.  4.0 s",
    ]


def test_surprises_and_debug_stand_below_their_phase(run: Run) -> None:
    task = run.task("main", "gate")
    run.ok(task, found=["Removed r2: its stage never ended."], phases={"lock": 1.0}, phase="lock")
    run.ok(run.task("status", action="ansible.builtin.debug"), msg=["demo: r1 is live", "  since then"])
    assert run.end()[1:5] == [
        "  lock             1.0 s",
        "    demo: Removed r2: its stage never ended.",
        "  status           1.0 s",
        "    demo: r1 is live",
    ]


def test_other_tasks_count_when_they_change_or_fail(run: Run) -> None:
    run.ok(run.task(name="Look"), changed=False)
    run.ok(run.task(name="Install"), changed=True)
    run.failed(run.task(name="Break"), msg="", rc=3, stderr="no\nway")
    lines = run.end(failed=("demo",))
    assert [line.split("  ")[1] for line in lines[1:3]] == ["Install", "Break"]
    assert lines[3:6] == ["    exit code 3", "    no", "    way"]
    assert lines[-1].startswith("demo  failed at Break")


@pytest.mark.parametrize("verbosity", [0, 2])
def test_no_log_stays_hidden(run: Run, verbosity: int) -> None:
    run.screen.verbosity = verbosity
    run.ok(run.task("main", "artifact", action="ansible.builtin.debug"), censored=HIDDEN)
    run.failed(run.task("main", "stage"), censored=HIDDEN, exception="Traceback: hunter2")
    lines = run.end(failed=("demo",))
    assert f"    {HIDDEN}" in lines
    assert "hunter2" not in "\n".join(lines)


def test_ignored_failures_do_not_decide(run: Run) -> None:
    task = run.task("main", "stage")
    run.callback.v2_runner_on_failed(run.result(task, "demo", {"msg": "no matter"}, {}), ignore_errors=True)
    lines = run.end()
    assert "  stage            1.0 s  demo ignored" in lines
    assert lines[-1].startswith("demo  done")


def test_the_failure_that_was_not_ignored_decides(run: Run) -> None:
    run.failed(run.task("main", "gate"), msg=REFUSAL)
    task = run.task("main", "abort")
    run.callback.v2_runner_on_failed(run.result(task, "demo", {"msg": "no matter"}, {}), ignore_errors=True)
    assert run.end(failed=("demo",))[-1].startswith("demo  refused at gate")


def test_unreachable_hosts(run: Run) -> None:
    task = run.task("main", "inspect")
    run.callback.v2_runner_on_unreachable(run.result(task, "demo", {"msg": "No route."}, {}))
    assert run.end(failed=("demo",))[-1] == (
        "demo  unreachable at check  No route.  run again when the host is back  1.0 s"
    )


def test_results_as_ansible_core_2_18_names_them(run: Run) -> None:
    task = run.task("main", "gate")
    host = SimpleNamespace(get_name=lambda: "demo")
    run.callback.v2_runner_on_ok(
        SimpleNamespace(_task=task, _host=host, _result={"changed": True}, _task_fields={}, task_name="x")
    )
    assert run.end()[1] == "  gate             1.0 s"


def test_the_same_for_machines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = Run(monkeypatch, json_path=str(tmp_path / "phases.json"))
    gate(run)
    refuse(run, "publish", "soak", live="r2")
    told = json.loads((tmp_path / "phases.json").read_text(encoding="utf-8"))
    assert told["playbook"] == "deploy.yml"
    assert [step["phase"] for step in told["plays"][0]["steps"]] == [
        "check",
        "lock",
        "gate",
        "publish",
        "soak",
        "abort",
    ]
    assert told["plays"][0]["steps"][4]["failed"] == ["demo"]
    assert told["hosts"]["demo"] == {
        "outcome": "taken back at soak",
        "sentence": "The release did not prove itself.  r1 live in blue",
        "ok": False,
        "at": "soak",
        "reason": REFUSAL,
        "live": "r1",
        "slot": "blue",
        "published": "r2",
        "confirmed": "",
        "frozen": "",
    }


def test_on_a_terminal_the_task_under_way_is_named_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "30")
    run = Run(monkeypatch)
    run.task("main", "gate", name="Inspect it, stage it, start it, prove it, switch, and watch it")
    assert terminal.getvalue() == f"{ERASE_LINE}  Inspect it, stage it, st ..."
    run.task("main", "publish", name="Switch")
    assert terminal.getvalue().endswith(f"{ERASE_LINE}{ERASE_LINE}  Switch ...")
