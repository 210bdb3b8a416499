# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._steps import PHASES, steps

TASKS = Path(__file__).parents[4] / "roles/bluegreen/tasks"
COMMANDS = [["npx", "prisma", "migrate", "deploy"]]


@pytest.mark.parametrize(
    ("phases", "hooks", "leave_out", "expected"),
    [
        pytest.param(["stage", "gate"], {}, [], ["stage", "gate"], id="none"),
        pytest.param(
            ["stage", "gate"],
            {"before_stage": COMMANDS, "after_stage": COMMANDS, "before_gate": COMMANDS},
            [],
            ["before_stage", "stage", "after_stage", "before_gate", "gate"],
            id="in order, before and after",
        ),
        pytest.param(["stage", "gate"], {"after_stage": []}, [], ["stage", "gate"], id="an empty one is none"),
        pytest.param(["stage", "gate"], {"after_gate": COMMANDS}, ["gate"], ["stage"], id="left out with its phase"),
        pytest.param(["stage"], {"after_prune": COMMANDS}, [], ["stage"], id="of a phase that this run has not"),
    ],
)
def test_hooks_stand_around_their_phase(
    phases: list[str], hooks: dict[str, Any], leave_out: list[str], expected: list[str]
) -> None:
    found = steps(phases, hooks, leave_out=leave_out)
    assert [step["hook"] or step["file"].removesuffix(".yml") for step in found] == expected
    assert all((step["file"] == "hooks.yml") == bool(step["hook"]) for step in found)


@pytest.mark.parametrize("name", ["after_deploy", "stage", "during_stage", "before_inspect", "After_stage"])
def test_a_hook_that_would_never_run_is_refused(name: str) -> None:
    with pytest.raises(DeployError, match="would never run") as refused:
        steps(["stage"], {"after_stage": COMMANDS, name: COMMANDS})
    assert refused.value.seen == name
    assert "before_stage, after_stage, before_start" in refused.value.expected


def test_the_role_goes_through_phases_that_there_are() -> None:
    """A phase of the role that is missing here would have no hooks, and one without a file would break the run."""
    text = (TASKS / "main.yml").read_text(encoding="utf-8")
    named = re.search(r"_bluegreen_phases: \[(.*)\]", text)
    assert named is not None
    assert tuple(named[1].split(", ")) == PHASES
    assert [phase for phase in PHASES if not (TASKS / f"{phase}.yml").is_file()] == []
