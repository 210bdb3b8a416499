# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Tells a run as its phases."""

from __future__ import annotations

DOCUMENTATION = r"""
name: phases
type: stdout
short_description: Tell a deploy as its phases, with seconds and a verdict
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Prints one line for each phase of role P(nodeops.pm2.bluegreen#role) with the seconds it took.
  - At the end it prints one line for each host with the verdict.
  - The reason of a failure is printed at once and in full, with its line breaks.
  - Tasks outside that role get a line when they change something or fail.
  - Warnings, deprecations, diffs and what M(ansible.builtin.debug) says are shown. What C(no_log) hides stays hidden.
  - With C(-v) every result gets a line of its own, with C(-vv) its content, with C(-vvv) the traceback of a failure.
options:
  json_path:
    description:
      - File on the controller that is replaced by the same story as JSON when the run ends.
      - It holds C(playbook), C(check_mode), C(seconds), C(plays) and C(hosts).
      - A play has a C(name) and C(steps). A step is a C(phase) or a C(task), with its C(seconds), C(hosts), C(changed),
        C(failed), C(notes) and C(said).
      - A host has its C(outcome), C(sentence), C(ok) (whether it did not fail), C(at) and C(reason) of its failure,
        C(live), C(slot), C(published), C(confirmed) and C(frozen).
    type: path
    env:
      - name: NODEOPS_PHASES_JSON
    ini:
      - section: callback_phases
        key: json_path
requirements:
  - to be set as C(stdout_callback) in the configuration
"""

EXAMPLES = r"""
# In ansible.cfg:
# [defaults]
# stdout_callback = nodeops.pm2.phases
"""

import json
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants as C
from ansible import context
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback import CallbackBase

from ansible_collections.nodeops.pm2.plugins.module_utils._io import write_atomic
from ansible_collections.nodeops.pm2.plugins.plugin_utils._said import as_lines, explain, surprises, unseen
from ansible_collections.nodeops.pm2.plugins.plugin_utils._story import Failure, HostStory, Step, phase_of

NOISE = ("invocation", "changed", "failed")
ERASE_LINE = "\r\033[K"


class CallbackModule(CallbackBase):
    """Turns ansible-core's events into the lines, and the document, of the story."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "nodeops.pm2.phases"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._begun = time.monotonic()
        self._playbook = ""
        self._plays: list[dict[str, Any]] = []
        self._step = Step("", False, time.monotonic())
        self._hosts: dict[str, HostStory] = defaultdict(HostStory)
        self._shown: dict[str, list[str]] = defaultdict(list)
        self._is_waiting = False

    # What ansible-core calls, in the order of a run.

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._playbook = Path(playbook._file_name).name

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._end_step()
        name = play.get_name().strip()
        self._plays.append({"name": name, "steps": []})
        suffix = " (check mode: nothing is changed)" if play.check_mode else ""
        self._say(f"{name}{suffix}", color=C.COLOR_HIGHLIGHT)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._say("  no hosts matched", color=C.COLOR_SKIP)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002
        phase = phase_of(paths_to(task))
        if not (self._step.is_phase and phase in ("", self._step.title)):
            self._end_step()
            self._step = Step(phase or task.get_name().strip(), bool(phase), time.monotonic())
        self._show_waiting(task.name.strip() or self._step.title)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        self.v2_playbook_on_task_start(task, False)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._handle_warnings(content(result))
        task, host, said = task_of(result), host_of(result), content(result)
        self._trace(result, "changed" if said.get("changed") else "ok")
        if isinstance(task, TaskInclude):
            return
        action = action_of(task)
        self._count(host, changed=bool(said.get("changed")))
        if not task.check_mode:
            self._hosts[host].learn(said)
        self._step.take_in(host, said)
        self._step.said += [f"{host}: {sentence}" for sentence in surprises(said)]
        self._step.said += debugged(said) if action == "debug" else []

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        said = content(result)
        self._handle_warnings(said)
        if self._display.verbosity >= 3 and "censored" not in said:
            self._handle_exception(said)
        self._fail(result, explain(said, error_of(result)), word="ignored" if ignore_errors else "failed")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._hosts[host_of(result)].unreachable = True
        self._fail(result, explain(content(result), error_of(result)), word="unreachable")

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._handle_warnings(content(result))
        self._trace(result, "skipped")

    def v2_runner_item_on_ok(self, result: Any) -> None:
        self._handle_warnings(content(result))

    v2_runner_item_on_failed = v2_runner_item_on_ok
    v2_runner_item_on_skipped = v2_runner_item_on_ok

    def v2_on_file_diff(self, result: Any) -> None:
        said = content(result)
        for each in said.get("results") or [said]:
            if isinstance(each, Mapping) and each.get("diff") and each.get("changed"):
                self._tell(self._get_diff(each["diff"]).rstrip().splitlines())

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._end_step()
        failed = {host for host in stats.processed if stats.failures.get(host) or stats.dark.get(host)}
        seconds = time.monotonic() - self._begun
        outcomes = {host: self._outcome(host, host in failed) for host in sorted(stats.processed)}
        if outcomes:
            self._say("")
        for host, (word, sentence) in outcomes.items():
            color = C.COLOR_ERROR if host in failed else C.COLOR_OK
            self._say("  ".join(filter(None, (host, word, sentence, f"{seconds:.1f} s"))), color=color)
        path = self.get_option("json_path")
        if path:
            document = self._document(outcomes, failed, seconds)
            write_atomic(Path(path), json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    # What is told.

    def _outcome(self, host: str, failed: bool) -> tuple[str, str]:
        return self._hosts[host].outcome(failed=failed, check_mode=is_dry())

    def _document(self, outcomes: Mapping[str, tuple[str, str]], failed: set[str], seconds: float) -> dict[str, Any]:
        hosts = {}
        for host, (word, sentence) in outcomes.items():
            story = self._hosts[host]
            cause = story.cause() if host in failed else Failure("", "")
            known = {name: getattr(story, name) for name in ("live", "slot", "published", "confirmed", "frozen")}
            told = {"outcome": word, "sentence": sentence, "ok": host not in failed}
            hosts[host] = {**told, "at": cause.at, "reason": cause.reason, **known}
        head = {"playbook": self._playbook, "check_mode": is_dry(), "seconds": round(seconds, 3)}
        return {**head, "plays": self._plays, "hosts": hosts}

    def _count(self, host: str, *, changed: bool = False) -> None:
        self._step.hosts[host] = None
        if changed:
            self._step.changed[host] = None
            self._hosts[host].changes += 1

    def _fail(self, result: Any, lines: list[str], *, word: str) -> None:
        task, host, step, said = task_of(result), host_of(result), self._step, content(result)
        self._trace(result, word)
        self._count(host)
        if not task.check_mode:
            self._hosts[host].learn(said)
        step.take_in(host, {**said, "failed": True})
        phase = phase_of(paths_to(task))
        at = step.phases.get(str(said.get("phase", "")))
        title = at.title if at else phase or task.get_name().strip()
        if word != "ignored":
            self._hosts[host].failures.append(Failure(title, "\n".join(lines), phase is not None))
            step.failed[host] = None
        color = C.COLOR_WARN if word == "ignored" else C.COLOR_ERROR
        # The rescue has done its work and ends as it must: no failure of the abort, and its reason has been told.
        is_end = title == "abort" and action_of(task) == "fail"
        for one in list(step.phases.values())[:-1]:
            self._end_phase(one)  # that led to the one that failed, and would be told in the end
        seconds = at.seconds if at else time.monotonic() - step.begun
        self._say((at or step).head(seconds, host if is_end else f"{host} {word}"), color=color)
        self._tell(unseen(lines, self._shown[host]) if is_end else lines, color=color)
        self._shown[host] = lines

    def _end_step(self) -> None:
        step, self._step = self._step, Step("", False, time.monotonic())
        self._erase_waiting()
        if not (step.worth_a_line or step.failed):
            return
        step.seconds = time.monotonic() - step.begun
        for one in list(step.phases.values()) or [step]:
            self._plays[-1]["steps"].append(one.as_dict())
            self._end_phase(one)
        self._tell(step.said)

    def _end_phase(self, step: Step) -> None:
        """Tell it, once; what failed on the only host, or outside a phase, has been said."""
        if step.worth_a_line and not step.is_told and set(step.hosts) != set(step.failed):
            self._say(step.line())
        step.is_told = True

    def _tell(self, lines: list[str], *, color: str = "") -> None:
        for line in lines:
            self._say(f"    {line}".rstrip(), color=color)

    def _trace(self, result: Any, word: str) -> None:
        if self._display.verbosity >= 1:
            self._say(f"    {host_of(result)} {word}: {result.task_name}")
        if self._display.verbosity >= 2:
            self._tell(as_lines(visible(content(result))))

    def _say(self, text: str, *, color: str = "") -> None:
        self._erase_waiting()
        self._display.display(text, color=color or None)

    # On a terminal the task under way is named on a line that is written over when it has ended.

    def _show_waiting(self, what: str) -> None:
        if sys.stdout.isatty():
            room = shutil.get_terminal_size().columns - len("   ...")  # what is wrapped could not be erased
            sys.stdout.write(f"{ERASE_LINE}  {what[:room]} ...")
            sys.stdout.flush()
            self._is_waiting = True

    def _erase_waiting(self) -> None:
        if self._is_waiting:
            sys.stdout.write(ERASE_LINE)
            sys.stdout.flush()
            self._is_waiting = False


def paths_to(task: Any) -> list[str]:
    """``file:line`` of a task and of every include and import that led to it, the outermost first."""
    paths: list[str] = []
    node = task
    while node is not None:
        if hasattr(node, "get_path"):
            paths.insert(0, node.get_path() or "")
        node = getattr(node, "_parent", None)
    return paths


def action_of(task: Any) -> str:
    """The name of a task's module, without its collection."""
    return str(task.action).rpartition(".")[2]


def is_dry() -> bool:
    """Whether the run is a ``--check``."""
    return bool(context.CLIARGS.get("check"))


# ansible-core made these names public in 2.19.


def task_of(result: Any) -> Any:
    """The task of a result."""
    return result.task if hasattr(result, "task") else result._task


def host_of(result: Any) -> str:
    """The name of a result's host."""
    return str((result.host if hasattr(result, "host") else result._host).get_name())


def error_of(result: Any) -> Any:
    """ansible-core's summary of a failure, which 2.18 has not, unless it is hidden."""
    return None if "censored" in content(result) else getattr(result, "exception", None)


def content(result: Any) -> dict[str, Any]:
    """What a task returned, cleared by ansible-core of what ``no_log`` hides."""
    found: dict[str, Any] = result.result if hasattr(result, "result") else result._result
    return found


def debugged(result: Mapping[str, Any]) -> list[str]:
    """What a debug task has to say, unless it is hidden."""
    if "censored" in result:
        return []
    return as_lines(result["msg"] if "msg" in result else visible(result))


def visible(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without what ansible-core itself puts into it; it keeps tracebacks even of hidden ones."""
    if "censored" in result:
        return {"censored": result["censored"]}
    return {key: value for key, value in result.items() if not key.startswith("_ansible") and key not in NOISE}
