# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What runs in a slot: PM2's record, the processes' working directories and the owner of the address, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _pm2, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2, Record

ONLINE = "online"


@dataclass(frozen=True)
class ProcessFacts:
    """The evidence about one slot at one moment.

    :param found: whether PM2 has a record of that name.
    :param status: PM2's word, of the worst worker; empty where nothing is found.
    :param exec_mode: ``fork``, ``cluster`` or empty.
    :param pids: the processes that PM2 started and that are alive.
    :param restarts: of all workers together, operators' restarts included.
    :param exit_code: of the last exit, a worker's failure before another's success; ``None`` before the first one.
    :param uptime: seconds that the youngest worker has lived by the kernel's account; 0 where there is none.
    :param cwds: real working directory by pid, of the workers and of what listens below them.
    :param listener_is_ours: whether every owner of the address is one of the workers or descends from one; in cluster
        mode PM2's daemon listens in their place.
    """

    name: str
    found: bool
    status: str
    exec_mode: str
    pids: tuple[int, ...]
    restarts: int
    exit_code: int | None
    uptime: float
    cwds: dict[int, str]
    listener_pids: tuple[int, ...]
    listener_is_ours: bool
    listener_seen: bool
    out_log: str
    err_log: str


def read_facts(pm2: Pm2, slot: Slot) -> ProcessFacts:
    """Read all the evidence about ``slot``; starts nothing and works without a daemon."""
    found = [record for record in _pm2.records(pm2) if record.name == slot.process]
    alive = [record.pid for record in found if record.pid and _process.start_time(record.pid) is not None]
    family = set(alive).union(*map(_process.descendants, alive))
    listeners = _process.listeners(slot.address)
    mode = found[0].exec_mode if found else ""
    proxy = _pm2.daemon_pid(pm2) if alive and mode == "cluster" else None
    witnesses = sorted(set(alive) | (listeners.pids & family))
    return ProcessFacts(
        name=slot.process,
        found=bool(found),
        status=worst_status(found),
        exec_mode=mode,
        pids=tuple(sorted(alive)),
        restarts=sum(record.restarts for record in found),
        exit_code=worst_exit_code(found),
        uptime=min(map(_process.age, alive), default=0.0),
        cwds={pid: _process.cwd(pid) or "" for pid in witnesses},
        listener_pids=tuple(sorted(listeners.pids)),
        listener_is_ours=owned(listeners, family=family, proxy=proxy),
        listener_seen=listeners.any,
        out_log=found[0].out_log if found else "",
        err_log=found[0].err_log if found else "",
    )


def owned(listeners: _process.Listeners, *, family: set[int], proxy: int | None) -> bool:
    """Whether somebody listens and nobody but ``family``, or ``proxy``, the daemon that listens for cluster workers."""
    return bool(listeners.pids) and not listeners.foreign and listeners.pids <= family | ({proxy} if proxy else set())


def worst_status(found: Sequence[Record]) -> str:
    """The status of the worst worker: one that is not online speaks for all."""
    return next((record.status for record in found if record.status != ONLINE), ONLINE if found else "")


def worst_exit_code(found: Sequence[Record]) -> int | None:
    """The first exit code that is not 0; 0 when some worker ended well and none badly."""
    codes = [record.exit_code for record in found if record.exit_code is not None]
    return next((code for code in codes if code), codes[0] if codes else None)


def runs_release(facts: ProcessFacts, release: Path) -> bool:
    """Whether the evidence agrees that ``release``, and nothing else, runs and listens there."""
    inside = [cwd == str(release) or cwd.startswith(f"{release}/") for cwd in facts.cwds.values()]
    return facts.status == ONLINE and facts.listener_is_ours and bool(inside) and all(inside)
