# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the process facts of one moment speak for the release. Pure: nothing here reads or waits."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._expect import Reason
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts

_CRASHED = {"boot": "crashed_at_boot", "gate": "crashed", "soak": "crashed_in_soak"}
# With restart_delay PM2 gives up under the name "waiting restart", and stays so for ever.
_ENDED = ("errored", "waiting restart")
_RUNNING = ("online", "launching")
_BIRTHPLACE = "/"  # where the daemon is started
# Seconds: what had lived this long when it was first looked at was not started just now, and its restarts are history.
_SETTLED = 60.0


@dataclass(frozen=True)
class Baseline:
    """What was known before this look.

    :param pids: every worker seen so far.
    :param restarts: PM2's count that is no longer held against it; ``None`` before the first look.
    :param phase: ``boot`` until a listener has been seen, then ``gate``, then ``soak``.
    :param lived: the longest uptime seen, seconds.
    """

    pids: frozenset[int] = frozenset()
    restarts: int | None = None
    phase: str = "boot"
    lived: float = 0.0

    def after(self, facts: ProcessFacts) -> Baseline:
        """What is known once ``facts`` have been judged."""
        if _judge_life(facts, self):
            return self
        return Baseline(
            pids=self.pids | set(facts.pids),
            restarts=self.forgiven(facts),
            phase="gate" if self.phase == "boot" and facts.listener_is_ours else self.phase,
            lived=max(self.lived, facts.uptime),
        )

    def forgiven(self, facts: ProcessFacts) -> int:
        """How many of the restarts in ``facts`` lie before what is judged here."""
        if self.restarts is not None:
            return self.restarts
        return facts.restarts if facts.uptime >= _SETTLED else 0


def judge_process(facts: ProcessFacts, *, baseline: Baseline, release_path: str, min_uptime: float) -> list[Reason]:
    """Why ``facts`` do not speak for the release at ``release_path``, a real path; empty where they do.

    PM2's ``online`` is never a reason to believe anything.
    """
    dead = _judge_life(facts, baseline)
    # Whoever has the address comes first: the release may have crashed because of it.
    reasons = [_judge_owner(facts), dead]
    if not dead:
        reasons += [_judge_cwd(facts, release_path, min_uptime), _judge_listener(facts)]
    return [reason for reason in reasons if reason]


def _judge_life(facts: ProcessFacts, baseline: Baseline) -> Reason | None:
    if not facts.found:
        return Reason("process_missing", "PM2 has no process of that name", fatal=True)
    crashed = _CRASHED[baseline.phase]
    lived = f", last seen alive {baseline.lived:.1f} s after its start" if baseline.lived else ""
    restarts = facts.restarts - baseline.forgiven(facts)
    if restarts > 0:
        again = "" if facts.status in _RUNNING else f" and then gave up ({facts.status})"
        return Reason(crashed, f"it ended{lived}; PM2 restarted it {_times(restarts)}{again}", fatal=True)
    if facts.status in _ENDED:
        return Reason(crashed, f"it ended{lived}; PM2 gave up ({facts.status})", fatal=True)
    if facts.status not in _RUNNING:
        return Reason("stopped", f"PM2 says {facts.status!r}: it ended{lived} or was stopped", fatal=True)
    lost = sorted(baseline.pids - set(facts.pids))
    if lost and baseline.pids.issuperset(facts.pids):
        return Reason(crashed, f"it ended{lived}; PM2 has not noticed yet", fatal=True)
    if lost:
        return Reason("pids_changed", f"pid {_list(lost)} has been replaced{lived}, without a restart", fatal=True)
    if not facts.pids:
        # While it is launching it may get one; one that is "online" without never will.
        return Reason("no_pid", f"PM2 says {facts.status!r}, but there is no process", fatal=facts.status == "online")
    return None


def _judge_cwd(facts: ProcessFacts, release_path: str, min_uptime: float) -> Reason | None:
    inside = (release_path, f"{release_path}/")
    wrong = {pid: cwd for pid, cwd in facts.cwds.items() if cwd != inside[0] and not cwd.startswith(inside[1])}
    if not wrong:
        return None
    pid, cwd = min(wrong.items())
    # A cluster worker is born in the daemon's directory and changes into its own while it boots, on a busy host late.
    unborn = facts.exec_mode == "cluster" and set(wrong.values()) == {_BIRTHPLACE}
    settled = facts.uptime >= min_uptime and all(wrong.values()) and not unborn
    return Reason("wrong_release", f"pid {pid} runs in {cwd or 'an unreadable directory'}", fatal=settled)


def _judge_owner(facts: ProcessFacts) -> Reason | None:
    # When all cluster workers are dead, PM2's daemon, which listened for them, may not have let go yet.
    if not facts.listener_seen or facts.listener_is_ours or (facts.exec_mode == "cluster" and not facts.pids):
        return None
    owner = f"pid {_list(facts.listener_pids)}" if facts.listener_pids else "a process of another user"
    return Reason("port_squatted", f"its address belongs to {owner}, which is not the release", fatal=True)


def _judge_listener(facts: ProcessFacts) -> Reason | None:
    if facts.listener_seen:
        return None
    return Reason("no_listener", "it is alive, but nothing listens on its address")


def _list(pids: tuple[int, ...] | list[int]) -> str:
    return ", ".join(map(str, pids))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
