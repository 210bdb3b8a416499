# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The gate as it is ordered: options in, the question put to the real world, a proof or a refusal out."""

from __future__ import annotations

import functools
import os
import time
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock, _log, _options, _pm2, _probe, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._expect import expectation_of
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import read_facts
from ansible_collections.nodeops.pm2.plugins.module_utils._gate import Senses, Verdict, prove
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._plan import Plan, Probe, check_plan
from ansible_collections.nodeops.pm2.plugins.module_utils._refusal import refusal

PROOF = ("consecutive", "interval", "deadline", "min_uptime", "duration", "failures")

EXPECTATION: dict[str, Any] = {
    "status": {"type": "list", "elements": "int", "default": [200]},
    "json": {"type": "dict", "default": {}},
    "body": {"type": "str", "default": ""},
    "latency": {"type": "float", "default": 0},
}

HEALTH: dict[str, Any] = {
    "method": {"type": "str", "default": "GET"},
    "path": {"type": "str", "default": "/health"},
    "headers": {"type": "dict", "default": {}},
    **EXPECTATION,
    "timeout": {"type": "float", "default": 5},
}

SMOKE: dict[str, Any] = {
    "name": {"type": "str", "default": ""},
    "method": {"type": "str", "default": "GET"},
    "path": {"type": "str", "required": True},
    "headers": {"type": "dict", "default": {}},
    "data": {"type": "str", "default": ""},
    **EXPECTATION,
}

LOG_PATTERN: dict[str, Any] = {
    "pattern": {"type": "str", "required": True},
    "severity": {"type": "str", "choices": ["critical", "warning", "ignore"], "default": "critical"},
}

SPEC: dict[str, Any] = {
    "host": {"type": "str", "default": ""},
    "health": {"type": "dict", "options": HEALTH, "apply_defaults": True},
    "consecutive": {"type": "int", "default": 3},
    "interval": {"type": "float", "default": 0.5},
    "deadline": {"type": "float", "default": 30},
    "min_uptime": {"type": "float", "default": 2},
    "duration": {"type": "float", "default": 0},
    "failures": {"type": "int", "default": 2},
    "smoke": {"type": "list", "elements": "dict", "default": [], "options": SMOKE},
    "log_patterns": {"type": "list", "elements": "dict", "default": [], "options": LOG_PATTERN},
}


def probe_of(params: dict[str, Any], *, host: str) -> Probe:
    """The typed form of ``health`` or of one ``smoke`` question."""
    headers = {"Host": host} if host else {}
    question = _probe.Question(
        path=params["path"],
        method=params["method"],
        headers={**headers, **{name: str(value) for name, value in params["headers"].items()}},
        data=params.get("data", ""),
    )
    name = params.get("name") or f"{question.method} {question.shown_path}"
    return Probe(name, question, expectation_of(params))


def plan_of(params: dict[str, Any]) -> Plan:
    """What has to be proved; refuses a plan that no release could meet."""
    plan = Plan(
        release_path=os.path.realpath(Layout(Path(params["root"])).release(params["release"]).path),
        health=probe_of(params["health"], host=params["host"]),
        smoke=[probe_of(smoke, host=params["host"]) for smoke in params["smoke"]],
        **{name: params[name] for name in PROOF},
        gated=params.get("gated", False),
        just_gated=params.get("just_gated", False),
    )
    check_plan(plan)
    return plan


def senses_of(params: dict[str, Any], log: _log.ErrorLog) -> Senses:
    """The real world, as the gate asks it."""
    slot = _options.slot_of(params["slot"])
    pm2 = _options.pm2_of(params)
    target = _probe.parse_target(params["through"] or slot.address)
    patterns = _log.patterns_of(params["log_patterns"])
    timeout = params["health"]["timeout"]
    lock = Layout(Path(params["root"])).lock
    # One process needs no telling apart, and behind the edge it is the edge that answers.
    workers = [one for one in _pm2.records(pm2) if one.name == slot.process and one.exec_mode == "cluster"]
    tell_apart = len(workers) > 1 and not params["through"]
    witness = functools.partial(_process.answering, slot.address) if tell_apart else None
    return Senses(
        ask=lambda probe: _probe.ask(target, probe.question, timeout=timeout, witness=witness),
        facts=functools.partial(read_facts, pm2, slot),
        findings=lambda: _log.find(log.new_lines(), patterns),
        clock=time.monotonic,
        sleep=time.sleep,
        on_tick=functools.partial(_lock.prove, lock, params["lease"]) if params["lease"] else lambda: None,
    )


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Prove the release, and return what was seen; raises :class:`DeployError` where it is refused."""
    plan = plan_of(params)
    slot = _options.slot_of(params["slot"])
    path = Layout(Path(params["root"])).root / "logs" / f"{slot.process}-error.log"
    log = _log.ErrorLog(path, start=params["log_offset"])
    senses = senses_of(params, log)
    if check_mode:
        return {"changed": False, "verdict": "not asked", "skipped": True}
    verdict = prove(plan, senses)
    if not verdict.reasons:
        return proved(verdict)
    through = params["through"] or slot.address
    raise refusal(
        verdict, plan, release=params["release"], slot=slot.name, through=through, tail=log.tail(), log=str(path)
    )


def proved(verdict: Verdict) -> dict[str, Any]:
    """What is returned for a good release."""
    return {
        "changed": False,
        "verdict": "good",
        "answers": verdict.answers,
        "seconds": round(verdict.seconds, 3),
        "first_answer_after": round(verdict.first_answer_after or 0.0, 3),
        "slowest": round(verdict.slowest, 3),
        "findings": verdict.warnings,
        "pids": list(verdict.facts.pids) if verdict.facts else [],
        "smoke": verdict.smoke,
    }


def hide_secrets(params: dict[str, Any]) -> None:
    """Take headers and bodies out of what Ansible repeats as the module's invocation."""
    for question in (params["health"], *params["smoke"]):
        for name in ("headers", "data"):
            if question.get(name):
                question[name] = "hidden"
