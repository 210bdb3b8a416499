# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Phases: their words, the clock that runs in them, and the hooks that a user has put around them."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _command
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

# Those that hooks may stand before and after. Before the first of them there is no release to run a hook in.
HOOKED = ("stage", "start", "gate", "publish", "restart", "soak", "confirm", "retire", "prune")


class Unwanted(DeployError):
    """Whoever wanted it is gone: nobody comes back for what has been begun."""


Hooks = Mapping[str, Sequence[Sequence[str]]]


@dataclass
class Course:
    """An act on an app under way: under which lock, how far it has come, what it met.

    :param lease: of the lock that is held; ``''`` where none is.
    :param seconds: by phase that has ended, and of the one that failed.
    :param at: the phase under way, or the last one.
    :param found: what an earlier run left and what was done about it, a sentence each.
    """

    lease: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    at: str = ""
    found: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a phase, whatever becomes of it."""
        self.at = name
        begun = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - begun, 3)

    def as_result(self) -> dict[str, Any]:
        """What a module returns of it, in success and in failure."""
        return {"lease": self.lease, "phases": self.seconds, "phase": self.at, "found": self.found}

    def aside(self) -> Course:
        """For what is done on the way under the same lock, and is no phase of this act."""
        return Course(self.lease)


@dataclass(frozen=True)
class Run:
    """On whose behalf something is done.

    :param action: ``deploy``, ``rollback`` or ``take back``.
    :param by: who, for the ledger.
    :param hooks: lists of commands by ``before_<phase>`` and ``after_<phase>``.
    :param hook_timeout: seconds that one command may take.
    :param is_wanted: whether somebody still waits for it; asked before what cannot be left half-decided.
    """

    action: str
    by: str
    hooks: Hooks = field(default_factory=dict)
    hook_timeout: float = 600.0
    is_wanted: Callable[[], bool] = lambda: True


def refuse_unwanted(run: Run, name: str) -> None:
    """Raise where whoever wanted the phase is gone: what was cancelled is neither published nor declared good."""
    if not run.is_wanted():
        raise Unwanted(
            f"The {run.action} was cancelled, or its connection was lost: nobody waits for it any more.",
            expected=f"{run.by} to be there before {name}",
            seen="the process gone, or nobody who reads the answer",
            remedy="Run it again; what had been done is undone.",
        )


def run_hooks(run: Run, name: str, *, where: Path, environment: Mapping[str, str]) -> None:
    """Run the commands of one hook; raises where one of them fails."""
    for argv in run.hooks.get(name, ()):
        env = {**_command.minimal_environment(), **environment}
        output = _command.run(argv, cwd=where, env=env, timeout=run.hook_timeout)
        if output.code != 0:
            raise DeployError(
                f"A hook failed: {' '.join(argv)} (exit code {output.code})",
                seen=output.tail(),
                where=f"{name} in {where}",
                remedy="Correct the command in bluegreen_hooks, or what it found.",
            )


def refuse_wrong_hooks(hooks: Mapping[str, Any]) -> None:
    """Raise for a hook whose name no phase has, since it would never run, and for a command that is no list."""
    known = [f"{when}_{phase}" for phase in HOOKED for when in ("before", "after")]
    unknown = sorted(set(hooks) - set(known))
    if unknown:
        raise DeployError(
            "bluegreen_hooks names a hook that would never run.",
            expected=", ".join(known),
            seen=", ".join(unknown),
        )
    for name, commands in hooks.items():
        wrong = [argv for argv in commands if not isinstance(argv, (list, tuple)) or not argv]
        if wrong:
            words = shlex.split(str(wrong[0])) if isinstance(wrong[0], str) else ["npm", "run", "migrate"]
            raise DeployError(
                f"A command of bluegreen_hooks.{name} is no argument list.",
                expected=f"a list of the program and its arguments, such as {words}",
                seen=repr(wrong[0]),
                remedy="Write each command as a list.",
            )
