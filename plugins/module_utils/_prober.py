# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks apps for their health beside the guard's loop: one that hangs must not keep the others from being watched."""

from __future__ import annotations

import os
import queue
import threading
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._app import App
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._expect import judge_answer
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import ask, parse_target
from ansible_collections.nodeops.pm2.plugins.module_utils._proof import probe_of


@dataclass(frozen=True)
class Probed:
    """What came of a health question.

    :param app: which app, and ``publishing``: of what it was asked, so that a late answer is not held against another.
    :param reason: why the answer was not good, ``''`` where it was.
    """

    app: str
    publishing: tuple[str, float | None]
    reason: str


class Prober:
    """At most one question at a time for each app. What is answered wakes whoever selects :meth:`fileno`."""

    def __init__(self) -> None:
        self._answers: queue.SimpleQueue[Probed] = queue.SimpleQueue()
        self._asked: set[str] = set()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def fileno(self) -> int:
        """What select() is given."""
        return self._read

    def ask(self, name: str, publishing: tuple[str, float | None], app: App, slot: Slot) -> None:
        """Put the health question to the process itself, unless the last one is still unanswered."""
        if name not in self._asked:
            self._asked.add(name)
            threading.Thread(target=self._run, args=(name, publishing, app, slot), name=name, daemon=True).start()

    def answers(self) -> list[Probed]:
        """What has been answered since."""
        try:
            os.read(self._read, 4096)
        except BlockingIOError:
            return []
        found = []
        while not self._answers.empty():
            found.append(self._answers.get())
            self._asked.discard(found[-1].app)
        return found

    def _run(self, name: str, publishing: tuple[str, float | None], app: App, slot: Slot) -> None:
        reason = "the question could not be asked"
        try:
            reason = question(app, slot)
        finally:
            self._answers.put(Probed(name, publishing, reason))
            os.write(self._write, b".")


def question(app: App, slot: Slot) -> str:
    """Ask the process in ``slot`` for its health; why the answer is not good, ``''`` where it is."""
    health = app.proof["health"]
    probe = probe_of(health, host=app.proof["host"])
    try:
        answer = ask(parse_target(slot.address), probe.question, timeout=health["timeout"])
    except DeployError as error:
        return error.what
    return "; ".join(reason.text for reason in judge_answer(answer, probe.expectation))
