# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves that a release is good, or says why not: the rounds of the gate and of the soak, on an injected clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._alive import Baseline, judge_process
from ansible_collections.nodeops.pm2.plugins.module_utils._expect import Reason, judge_answer
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._log import Finding, most_telling
from ansible_collections.nodeops.pm2.plugins.module_utils._plan import Plan, Probe
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer

# PM2 needs a moment to count an exit and to write the last words into the log.
SETTLE = 0.5
_WARNINGS = 20
_NEXT_WORKER = 0.05  # seconds
_BOOTING = 0.1  # seconds: how long it has to answer for counts from its first answer, which is not to be missed


@dataclass(frozen=True)
class Senses:
    """All that the gate knows of the world; ``on_tick`` is called once a round, to keep a lease alive."""

    ask: Callable[[Probe], Answer]
    facts: Callable[[], ProcessFacts]
    findings: Callable[[], list[Finding]]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    on_tick: Callable[[], None] = lambda: None


@dataclass
class Verdict:
    """What the gate found out; good where there is no reason against it.

    :param reasons: why it is refused; the first one decided.
    :param probe: the last question, and ``answer`` what came back.
    :param answers: good answers in all; ``streak``: in a row at the end; ``asked``: all questions.
    :param seconds: that it took; ``first_answer_after``: until the first good answer; ``slowest``: good answer.
    :param phase: ``gate`` or ``soak``.
    :param cause: the most telling finding in the error log.
    :param warnings: lines of the error log and bad answers that did not refuse.
    :param answered_by: who gave good answers, as far as it can be told.
    """

    probe: Probe
    answer: Answer = field(default_factory=Answer)
    facts: ProcessFacts | None = None
    reasons: list[Reason] = field(default_factory=list)
    asked: int = 0
    answers: int = 0
    streak: int = 0
    seconds: float = 0.0
    first_answer_after: float | None = None
    slowest: float = 0.0
    phase: str = "gate"
    cause: Finding | None = None
    warnings: list[str] = field(default_factory=list)
    smoke: list[dict[str, Any]] = field(default_factory=list)
    answered_by: set[int] = field(default_factory=set)

    @property
    def silent(self) -> list[int]:
        """Workers of a cluster that have not given a good answer yet; none where it cannot be told who answers."""
        is_cluster = self.facts is not None and self.facts.exec_mode == "cluster" and len(self.facts.pids) > 1
        return sorted(set(self.facts.pids) - self.answered_by) if self.facts and is_cluster and self.answered_by else []


def prove(plan: Plan, senses: Senses) -> Verdict:
    """Ask, look and wait until the release is proved good or refused."""
    return _Proof(plan, senses).run()


def late(verdict: Verdict, reasons: list[Reason]) -> list[Reason]:
    """Why the gate did not pass in time, given the ``reasons`` of its last round."""
    if not reasons and verdict.silent:
        pids = ", ".join(map(str, verdict.silent))
        return [Reason("worker_silent", f"pid {pids} of the cluster has not answered once, while others did")]
    if not reasons:
        uptime = verdict.facts.uptime if verdict.facts else 0.0
        text = f"{verdict.streak} good answers in a row and {uptime:.1f} s of life when time was up"
        return [Reason("never_ready", text)]
    # 503 is how an app says that it is not ready yet.
    waiting = reasons[0].rule == "no_answer" or verdict.answer.status == 503
    if verdict.first_answer_after is None and waiting and reasons[0].rule in ("no_answer", "wrong_status"):
        return [replace(reasons[0], rule="never_ready"), *reasons[1:]]
    return reasons


class _Proof:
    def __init__(self, plan: Plan, senses: Senses) -> None:
        self.plan = plan
        self.senses = senses
        self.verdict = Verdict(plan.health)
        self.baseline = Baseline(phase="soak" if plan.gated else "boot")
        self.began = senses.clock()

    def run(self) -> Verdict:
        reasons = self._until_good() or self._smoke() or self._soak()
        self.verdict.reasons = self._settled(reasons) if reasons else []
        self.verdict.seconds = self._elapsed()
        return self.verdict

    def _until_good(self) -> list[Reason]:
        verdict, plan, bad = self.verdict, self.plan, 0
        while True:
            reasons = self._round()
            bad = bad + 1 if reasons else 0
            if any(reason.fatal for reason in reasons) or (plan.just_gated and bad >= plan.failures):
                return reasons
            enough = verdict.streak >= plan.consecutive and self._has_held()
            if enough and not verdict.silent:
                return []
            if self._elapsed() >= plan.deadline:
                return late(verdict, reasons)
            self.senses.sleep(self._pause(enough=enough))

    def _pause(self, *, enough: bool) -> float:
        """Seconds until the next question."""
        if enough:  # connections go around the workers, so that asking on reaches the rest of them
            return min(_NEXT_WORKER, self.plan.interval)
        boots = self.verdict.first_answer_after is None and not self.plan.just_gated
        return min(_BOOTING, self.plan.interval) if boots else self.plan.interval

    def _has_held(self) -> bool:
        """Whether it has lived for long enough, and answered so long: an app takes its time to boot, and then dies.

        What had lived so long when this began was not started for it, and has answered before anybody counted.
        """
        facts, first, elapsed = self.verdict.facts, self.verdict.first_answer_after, self._elapsed()
        if facts is None or first is None or facts.uptime < self.plan.min_uptime:
            return False
        return facts.uptime - elapsed >= self.plan.min_uptime or elapsed - first >= self.plan.min_uptime

    def _smoke(self) -> list[Reason]:
        for probe in self.plan.smoke:
            bad = judge_answer(self._ask(probe), probe.expectation)
            status, seconds = self.verdict.answer.status, round(self.verdict.answer.seconds, 3)
            self.verdict.smoke.append({"name": probe.name, "status": status, "seconds": seconds})
            if bad:
                text = f"{probe.name}: " + "; ".join(reason.text for reason in bad)
                return [*self._look(), Reason("smoke_failed", text, fatal=True)]
        # What was asked last may have killed it.
        return self._look() if self.plan.smoke else []

    def _soak(self) -> list[Reason]:
        end = self.senses.clock() + self.plan.duration
        self.verdict.phase = "soak"
        self.baseline = replace(self.baseline, phase="soak")
        bad = 0
        # A soak never ends well on a bad answer: it goes on until a good one, or enough bad ones, have come.
        while bad or self.senses.clock() < end:
            self.senses.sleep(self.plan.interval)
            reasons = self._round()
            bad = bad + 1 if reasons else 0
            if bad >= self.plan.failures or any(reason.fatal for reason in reasons):
                return reasons
            self._warn(reason.text for reason in reasons)
        return []

    def _round(self) -> list[Reason]:
        """One question, then the look that proves who answered it and that it survived answering."""
        self.senses.on_tick()
        answer = self._ask(self.plan.health)
        reasons = [*self._look(), *judge_answer(answer, self.plan.health.expectation)]
        verdict = self.verdict
        verdict.streak = 0 if reasons else verdict.streak + 1
        if not reasons:
            verdict.answers += 1
            verdict.answered_by |= {answer.server} if answer.server else set()
            verdict.slowest = max(verdict.slowest, answer.seconds)
            if verdict.first_answer_after is None:
                verdict.first_answer_after = self._elapsed()
        return reasons

    def _ask(self, probe: Probe) -> Answer:
        self.verdict.asked += 1
        self.verdict.probe = probe
        self.verdict.answer = self.senses.ask(probe)
        return self.verdict.answer

    def _look(self) -> list[Reason]:
        facts = self.verdict.facts = self.senses.facts()
        reasons = judge_process(
            facts, baseline=self.baseline, release_path=self.plan.release_path, min_uptime=self.plan.min_uptime
        )
        self.baseline = self.baseline.after(facts)
        findings = self.senses.findings()
        self._warn(found.line for found in findings if found.severity == "warning")
        known = [self.verdict.cause] if self.verdict.cause else []
        self.verdict.cause = most_telling(known + findings)
        first = {found.rule: found for found in reversed(findings) if found.severity == "critical"}
        return reasons + [Reason(rule, found.line, fatal=True) for rule, found in first.items()]

    def _settled(self, reasons: list[Reason]) -> list[Reason]:
        """The reasons after another look, because the first sign of a crash is seldom the most telling one."""
        self.senses.sleep(SETTLE)
        newer = self._look()
        known = {reason.rule for reason in newer}
        merged = newer + [reason for reason in reasons if reason.rule not in known]
        return sorted(merged, key=lambda reason: not reason.fatal)

    def _warn(self, texts: Iterable[str]) -> None:
        for text in texts:
            if text not in self.verdict.warnings and len(self.verdict.warnings) < _WARNINGS:
                self.verdict.warnings.append(text)

    def _elapsed(self) -> float:
        return self.senses.clock() - self.began
