# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The road back: make a release that is on disk the live one, in one go.

A deploy takes the same steps one task at a time, because all hosts of a fleet wait for one another before the switch.
Going back has nobody to wait for, has to be quick, and has to work with the controller gone.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _command,
    _facts,
    _lock,
    _proof,
    _retire,
    _slot,
    _switch,
    _verdict,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

HOOK_TIMEOUT = 600.0  # seconds


@dataclass
class Journey:
    """What goes where, and how it is proved on the way.

    :param slot: where the release is started first: the idle slot or the spare; or the serving one, where that is
        down already and nothing is lost by switching first.
    :param serving: where it serves in the end; behind an edge the same as ``slot``.
    :param front: where a user comes in.
    :param proof: options of :data:`_proof.SPEC`.
    :param left: the release that is left and marked rolled back, ``''`` where another verdict is due to it.
    :param hooks: lists of commands by ``before_<phase>`` and ``after_<phase>``, run in the release directory.
    :param environment: what the hooks get to know.
    :param timeout: seconds a process may take to stop or to start.
    :param retiring: the slot that is drained and stopped when all is done, after ``standby`` seconds.
    """

    layout: Layout
    pm2: Pm2
    release: str
    slot: Slot
    serving: Slot
    front: str
    proof: Mapping[str, Any]
    left: str
    by: str
    reason: str
    lease: str
    timeout: float
    hooks: Mapping[str, Sequence[Sequence[str]]]
    environment: Mapping[str, str]
    retiring: Slot | None = None
    standby: float = 0.0
    drain_timeout: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Prove that the lock is still held, and run a phase between its hooks; raises where one of them fails."""
        _lock.prove(self.layout.lock, self.lease)
        begin = time.monotonic()
        self._run_hooks(f"before_{name}")
        yield
        self._run_hooks(f"after_{name}")
        self.seconds[name] = round(time.monotonic() - begin, 3)

    def _run_hooks(self, name: str) -> None:
        for argv in self.hooks.get(name, ()):
            environment = {**_command.minimal_environment(), **self.environment}
            where = self.layout.release(self.release).path
            output = _command.run(argv, cwd=where, env=environment, timeout=HOOK_TIMEOUT)
            if output.code != 0:
                raise DeployError(
                    f"A hook failed: {' '.join(argv)} (exit code {output.code})",
                    seen=output.tail(),
                    where=f"{name} in {where}",
                )


def go(journey: Journey) -> float:
    """Start, gate, publish, prove through the front door, declare good.

    :returns: seconds the switch took.
    :raises DeployError: when it is refused on the way; what is to be undone then is told by what is live.
    """
    behind_edge = bool(journey.slot.socket)
    offset = -1
    if behind_edge or journey.slot != journey.serving:
        with journey.phase("start"):
            offset = _start(journey, journey.slot, warm=True)
        with journey.phase("gate"):
            _prove(journey, journey.slot, through="", offset=offset)
    with journey.phase("publish"):
        switch = _switch.publish(journey.layout, journey.release, journey.slot, by=journey.by, reason=journey.reason)
    if not behind_edge:
        with journey.phase("restart"):
            offset = _start(journey, journey.serving, warm=False)
    with journey.phase("soak"):
        # Behind the edge the slot itself has just been proved; what is left to prove is the way there.
        proof = {**journey.proof, "consecutive": 1, "smoke": []} if behind_edge else journey.proof
        _prove(journey, journey.serving, through=journey.front, offset=offset, proof=proof)
    with journey.phase("confirm"):
        verdict = _verdict.Verdict(journey.release, "good", journey.serving.name, journey.by, journey.reason)
        _verdict.decide(journey.layout, verdict, left=journey.left, freeze="", check_mode=False)
    if journey.retiring:
        with journey.phase("retire"):
            act = _retire.retire_later if journey.standby > 0 else _retire.retire
            act(
                journey.layout,
                journey.retiring,
                journey.pm2,
                standby=journey.standby,
                drain_timeout=journey.drain_timeout,
                timeout=journey.timeout,
            )
    return switch


def _start(journey: Journey, slot: Slot, *, warm: bool) -> int:
    """Where in its error log this start begins."""
    facts = _facts.read_facts(journey.pm2, slot)
    if warm and _slot.is_warm(facts, journey.layout.release(journey.release), slot):
        return _slot.keep(facts).error.offset
    started = _slot.start(journey.layout, journey.release, slot, journey.pm2, timeout=journey.timeout)
    return started.error.offset


def _prove(journey: Journey, slot: Slot, *, through: str, offset: int, proof: Mapping[str, Any] | None = None) -> None:
    _proof.run(
        {
            **(proof or journey.proof),
            "root": str(journey.layout.root),
            "release": journey.release,
            "slot": vars(slot),
            "through": through,
            "log_offset": offset,
            "lease": journey.lease,
            "pm2_home": str(journey.pm2.home),
            "pm2_bin": journey.pm2.pm2,
            "node_bin": journey.pm2.node,
        },
        check_mode=False,
    )
