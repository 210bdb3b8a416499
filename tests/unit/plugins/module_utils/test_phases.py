# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _phases
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


def test_a_course_times_its_phases_and_the_one_that_failed() -> None:
    course = _phases.Course("lease")
    with course.phase("stage"):
        pass
    with pytest.raises(OSError, match="full"), course.phase("start"):
        raise OSError("full")
    told = course.as_result()
    assert list(told["phases"]) == ["stage", "start"]
    assert (told["phase"], told["lease"], told["found"]) == ("start", "lease", [])
    assert course.aside() == _phases.Course("lease")


def test_a_phase_in_two_parts_is_one() -> None:
    course = _phases.Course()
    course.seconds["lock"] = 2.0
    with course.phase("lock"):
        pass
    assert course.seconds["lock"] >= 2.0


def test_hooks_see_nothing_of_the_caller_but_what_they_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "made-up")
    program = "import os; open('seen', 'w').write(repr((os.environ.get('SECRET'), os.environ['BLUEGREEN_APP'])))"
    run = _phases.Run("deploy", "ann", {"after_gate": [[sys.executable, "-c", program]]})
    _phases.run_hooks(run, "before_gate", where=tmp_path, environment={})
    _phases.run_hooks(run, "after_gate", where=tmp_path, environment={"BLUEGREEN_APP": "shop"})
    assert (tmp_path / "seen").read_text() == "(None, 'shop')"


@pytest.mark.parametrize(
    ("program", "words"),
    [("raise SystemExit(3)", "exit code 3"), ("import time; time.sleep(60)", "did not end in time")],
)
def test_a_hook_that_fails_or_hangs_is_named(tmp_path: Path, program: str, words: str) -> None:
    run = _phases.Run("deploy", "ann", {"after_gate": [[sys.executable, "-c", program]]}, hook_timeout=0.5)
    if "SystemExit" in program:
        run = _phases.Run("deploy", "ann", run.hooks)
    with pytest.raises(DeployError, match=words):
        _phases.run_hooks(run, "after_gate", where=tmp_path, environment={})


def test_what_nobody_waits_for_is_refused() -> None:
    _phases.refuse_unwanted(_phases.Run("deploy", "ann"), "publish")
    with pytest.raises(DeployError, match=r"The deploy was cancelled(?s:.*)ann to be there before publish"):
        _phases.refuse_unwanted(_phases.Run("deploy", "ann", is_wanted=lambda: False), "publish")


@pytest.mark.parametrize("command", ["npm run 'a b'", [], 3])
def test_a_command_that_is_no_argument_list_is_refused_before_anything_runs(command: Any) -> None:
    with pytest.raises(DeployError, match="before_gate is no argument list"):
        _phases.refuse_wrong_hooks({"before_gate": [["true"], command]})


@pytest.mark.parametrize("name", ["before_lunch", "gate", "before_check", "after_lock"])
def test_a_hook_that_would_never_run_is_refused(name: str) -> None:
    _phases.refuse_wrong_hooks({"before_stage": [], "after_prune": []})
    with pytest.raises(DeployError, match=name):
        _phases.refuse_wrong_hooks({name: []})
