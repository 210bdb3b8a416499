# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which phase a task belongs to, and what became of a host."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.plugin_utils._story import Failure, HostStory, Step, phase_of

ROLE = "/c/ansible_collections/nodeops/pm2/roles/bluegreen/tasks"
LATER = "run again when the host is back"
GATE = Failure("gate", "No answer.\nmore")
BLUE = "r1 live in blue"
END = Failure("abort", "Another host failed.")


@pytest.mark.parametrize(
    ("files", "phase"),
    [
        (["main", "preflight"], "preflight"),
        (["main", "inspect"], "check"),
        (["check", "inspect"], "check"),
        (["main", "gate"], "gate"),
        (["main", "publish", "wave"], "publish"),
        (["main", "abort"], "abort"),
        (["rollback"], "rollback"),
        (["status"], "status"),
        (["main"], ""),
        ([], None),
    ],
)
def test_phase_of(files: list[str], phase: str | None) -> None:
    paths = ["/p/playbooks/deploy.yml:5", *(f"{ROLE}/{file}.yml:12" for file in files)]
    assert phase_of(paths) == phase


@pytest.mark.parametrize("path", ["/c/roles/edge/tasks/main.yml:1", "/c/roles/bluegreen/handlers/main.yml:1", ""])
def test_other_tasks_have_no_phase(path: str) -> None:
    assert phase_of([path]) is None


@pytest.mark.parametrize(
    ("known", "failed", "outcome"),
    [
        ({"live": "r2", "slot": "blue", "confirmed": "r2", "changes": 3}, False, ("good", "r2 live in blue")),
        ({"live": "r2", "slot": "blue"}, False, ("unchanged", "r2 live in blue")),
        ({"live": "r2", "changes": 1}, False, ("done", "r2 live")),
        ({}, False, ("done", "")),
        (
            {"failures": [GATE, END], "live": "r1", "slot": "blue"},
            True,
            ("refused at gate", "No answer.  r1 live in blue"),
        ),
        ({"failures": [GATE, END]}, False, ("done", "")),
        ({"failures": [END]}, True, ("aborted", "Another host failed.")),
        ({"failures": [GATE], "published": "r2", "live": "r1"}, True, ("taken back at gate", "No answer.  r1 live")),
        ({"failures": [GATE], "published": "r2", "live": "r2"}, True, ("failed at gate", "No answer.  r2 live")),
        ({"failures": [GATE], "frozen": "why"}, True, ("frozen at gate", "No answer.")),
        ({"failures": [GATE], "unreachable": True}, True, ("unreachable at gate", f"No answer.  {LATER}")),
        (
            {"failures": [GATE], "unreachable": True, "live": "r1", "slot": "blue"},
            True,
            ("unreachable at gate", f"No answer.  r1 was live when last heard of; {LATER}"),
        ),
        (
            {"failures": [GATE], "unreachable": True, "live": "r2", "published": "r2"},
            True,
            (
                "unreachable at gate",
                f"No answer.  r2 was published there and not confirmed; {LATER}",
            ),
        ),
        ({"failures": [END], "published": "r2", "live": "r1"}, True, ("taken back", "Another host failed.  r1 live")),
        ({"failures": [Failure("Boom", "x", is_phase=False)]}, True, ("failed at Boom", "x")),
        ({}, True, ("failed", "")),
    ],
)
def test_outcome(known: dict[str, Any], failed: bool, outcome: tuple[str, str]) -> None:
    assert HostStory(**known).outcome(failed=failed, check_mode=False) == outcome


def test_a_dry_run_promises_nothing() -> None:
    assert HostStory(live="r1").outcome(failed=False, check_mode=True) == ("would pass", "r1 live")


def app(live: str, slot: str, frozen: str = "") -> dict[str, str]:
    return {"live": live, "live_slot": slot, "frozen": frozen}


def test_learns_what_is_live_and_what_this_run_did() -> None:
    story = HostStory()
    story.learn({"release": "r2", "phases": {"gate": 1.0}, "app": app("r1", "blue")})
    assert (story.live, story.slot, story.published, story.confirmed) == ("r1", "blue", "", "")
    story.learn({"release": "r2", "phases": {"publish": 0.1, "soak": 2.0}, "app": app("r2", "green")})
    assert (story.live, story.slot, story.published, story.confirmed) == ("r2", "green", "r2", "")
    story.learn({"release": "r2", "phases": {"confirm": 0.1}, "app": app("r2", "green"), "failed": True})
    assert story.confirmed == ""
    story.learn({"release": "r2", "phases": {"confirm": 0.1}, "app": app("r2", "green")})
    assert story.confirmed == "r2"
    story.learn({"app": app("r2", "green", "twice bad")})
    assert story.frozen == "twice bad"
    story.learn({"changed": True})
    assert story.live == "r2"


def test_a_step_of_several_phases_is_told_by_phase() -> None:
    step = Step("gate", True, 0.0)
    step.take_in("a", {"phases": {"check": 0.2, "gate": 1.5}, "notes": {"gate": "quick"}})
    step.take_in("b", {"phases": {"check": 0.4, "gate": 30.0}, "phase": "gate", "failed": True})
    step.take_in("c", {"changed": True})
    assert [phase.line() for phase in step.phases.values()] == [
        "  check            0.4 s  2 hosts",
        "  gate            30.0 s  2 hosts, quick, 1 failed",
    ]
    assert step.phases["check"].as_dict()["phase"] == "check"
    assert list(step.phases["gate"].failed) == ["b"]
