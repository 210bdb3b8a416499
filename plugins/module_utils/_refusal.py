# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person reads at three in the morning when a release has been refused. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._gate import Verdict
from ansible_collections.nodeops.pm2.plugins.module_utils._log import BUILT_IN, clean
from ansible_collections.nodeops.pm2.plugins.module_utils._plan import Plan
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer

BODY = 300

_FIX_CODE = "Correct the release and deploy it under a new id. Its last words stand above."
_FIX_LOG = "Correct the release. If the line is harmless, add a log pattern for it with severity ignore."
_LOG_RULES = frozenset(pattern.rule for pattern in BUILT_IN) | {"log_pattern"}
_FIX_WISH = "Ask the same question by hand. If the answer is right, correct the expectation."
_SYMPTOMS = ("crashed_at_boot", "crashed", "crashed_in_soak", "no_listener")
_REMEDIES = {
    "env_missing": "Give it the variable in the app's env or env file.",
    "connection_refused": "Something that it needs does not accept connections: start that, or correct its address.",
    "process_missing": "Somebody deleted it in PM2, or PM2's daemon died: see pm2.log in pm2_home.",
    "stopped": "Find out who stopped it, or why it ended by itself; then deploy again.",
    "pids_changed": "Find out who started it anew behind the deploy, or what killed it; then deploy again.",
    "no_pid": "The interpreter or the working directory could not be used: see pm2.log in pm2_home.",
    "wrong_release": "Look at cwd in the release's ecosystem file, and for a chdir in the app.",
    "port_squatted": "Stop that process, or give the slot another address.",
    "no_listener": "It waits for something, or listens elsewhere than PORT says, or PM2 swallowed its boot error. "
    "Run the command of its ecosystem file by hand.",
    "never_ready": "Find out what it waits for. If it only needs longer, raise the deadline.",
    "worker_silent": "Find out what this worker waits for: a port or a lock that one of them alone can have?",
    "no_answer": "Find out what it waits for. If it only needs longer, raise the timeout of a question.",
    "too_slow": "Find out what makes it slow. If that is how it is, raise the latency bound.",
    "wrong_status": _FIX_WISH,
    "wrong_json": "Compare the body with the expected fields. With another release id, another release answers.",
    "wrong_body": _FIX_WISH,
    "smoke_failed": _FIX_WISH,
}


def refusal(
    verdict: Verdict, plan: Plan, *, release: str, slot: str, through: str, tail: list[str], log: str
) -> DeployError:
    """The error that tells which rule decided, what was asked, what came back, and how and with what words it ended.

    :param through: where was asked.
    :param tail: the last lines of the error log, whose path is ``log``.
    """
    decisive, cause = verdict.reasons[0], verdict.cause
    what = f"Release {release} is refused in slot {slot} by {decisive.rule}: {decisive.text}."
    if cause and cause.line != decisive.text:
        what += f" Probably {cause.rule}: {cause.line}"
    answer = answered(verdict.answer)
    seen = [
        f"answer: {answer}; {_count(verdict)}",
        f"process: {described(verdict.facts)}",
        *(f"also {reason.rule}: {reason.text}" for reason in verdict.reasons if reason.text not in what + answer),
        f"{log}{':' if tail else ': nothing was written since this start'}",
        *(f"  {line}" for line in tail),
    ]
    return DeployError(
        what,
        expected=wanted(verdict, plan),
        seen="\n    ".join(seen),
        where=f"{verdict.probe.question.method} {through} {verdict.probe.question.shown_path}",
        remedy=in_front(verdict) if is_shut(verdict, plan) else remedy(decisive.rule, cause.rule if cause else ""),
        facts=_evidence(verdict, through=through, tail=tail, needed=plan.consecutive),
    )


def wanted(verdict: Verdict, plan: Plan) -> str:
    """What would have been good in the phase that refused."""
    expectation = str(verdict.probe.expectation)
    if verdict.probe != plan.health:
        return expectation
    if is_shut(verdict, plan):
        return f"the answer that the slot itself had just given, through the front door: {expectation}"
    if verdict.phase == "soak":
        return f"{plan.duration:g} s without a restart or {plan.failures} bad answers in a row: {expectation}"
    return f"{plan.consecutive} good answers in a row within {plan.deadline:g} s: {expectation}"


def remedy(rule: str, cause: str) -> str:
    """What to do about ``rule``; where it only says that the release died or is deaf, about its ``cause``."""
    if rule in _SYMPTOMS and cause in _REMEDIES:
        return _REMEDIES[cause]
    return _REMEDIES.get(rule, _FIX_LOG if rule in _LOG_RULES else _FIX_CODE)


def is_shut(verdict: Verdict, plan: Plan) -> bool:
    """Whether the front door never led to the slot, which had just given good answers."""
    return plan.just_gated and not verdict.answers


def in_front(verdict: Verdict) -> str:
    """What to do where the slot gives good answers and the front door none."""
    if verdict.answer.status == 421:
        return "The edge serves no site by the name that was asked for: set bluegreen_edge_host to one of its names."
    return (
        "The slot had just answered, so look at what stands in front of it: the edge has to dial "
        "current/.release/listen.sock of this app's root, and the hop there has to dial the slot's address. "
        "After a change of ports or root, provision the edge again."
    )


def answered(answer: Answer) -> str:
    """An answer in one line."""
    if answer.error:
        return f"none, {answer.error}"
    body = clean(" ".join(answer.body.split()), limit=BODY)
    return f"status {answer.status} after {answer.seconds:.2f} s, {'body ' + body if body else 'no body'}"


def described(facts: ProcessFacts | None) -> str:
    """A process in one line."""
    if facts is None or not facts.found:
        return "unknown to PM2"
    pids = ", ".join(map(str, facts.pids))
    exit_code = "none yet" if facts.exit_code is None else str(facts.exit_code)
    return (
        f"{facts.name}, {'pid ' + pids if pids else 'no pid'}, up {facts.uptime:.1f} s, "
        f"restarts {facts.restarts}, last exit code {exit_code}, PM2 says {facts.status!r}"
    )


def _count(verdict: Verdict) -> str:
    row = f", the last {verdict.streak} in a row" if verdict.streak else ""
    return f"{verdict.answers} of {verdict.asked} were good{row}, in {verdict.seconds:.1f} s"


def _evidence(verdict: Verdict, *, through: str, tail: list[str], needed: int) -> dict[str, Any]:
    facts, answer, question, cause = verdict.facts, verdict.answer, verdict.probe.question, verdict.cause
    return {
        "verdict": "refused",
        "rule": verdict.reasons[0].rule,
        "cause": {"rule": cause.rule, "line": cause.line} if cause else None,
        "reasons": [{"rule": reason.rule, "text": reason.text} for reason in verdict.reasons],
        "probe": {"method": question.method, "through": through, "path": question.shown_path},
        "answer": {
            "status": answer.status,
            "body": clean(answer.body, limit=BODY),
            "error": answer.error,
            "seconds": round(answer.seconds, 3),
        },
        "answers": verdict.answers,
        "needed": needed,
        "seconds": round(verdict.seconds, 3),
        "process": _record(facts),
        "smoke": verdict.smoke,
        "findings": verdict.warnings,
        "log": tail,
    }


def _record(facts: ProcessFacts | None) -> dict[str, Any]:
    if facts is None:
        return {}
    return {
        "name": facts.name,
        "status": facts.status,
        "pids": list(facts.pids),
        "restarts": facts.restarts,
        "exit_code": facts.exit_code,
        "uptime": round(facts.uptime, 1),
        "listener_pids": list(facts.listener_pids),
    }
