# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The nine questions of the pre-deployment checklist, and what answers each of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodeops.pm2.plugins.plugin_utils._waivers import Waiver

_SHOWN = 5  # names in a row
Inputs = Mapping[str, Any]


@dataclass
class Proof:
    """What speaks for an item and what is missing, each as lines for people; ``waived`` are waivers it rests upon."""

    evidence: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    waived: list[Waiver] = field(default_factory=list)


@dataclass(frozen=True)
class Item:
    """One question.

    :param rules: those whose silence is part of the proof.
    :param prove: the rest of it.
    """

    id: str
    question: str
    remedy: str
    rules: tuple[str, ...] = ()
    prove: Callable[[Inputs, Proof], None] = lambda _inputs, _proof: None


def _tests(inputs: Inputs, proof: Proof) -> None:
    runs = list(inputs.get("tests") or ())
    revision = str(inputs.get("revision") or "")
    if not runs:
        proof.missing.append("No run of the tests is known.")
    for run in runs:
        of = str(run.get("revision") or "")
        other = bool(of and revision) and not (of.startswith(revision) or revision.startswith(of))
        passed = run.get("passed") is True and not other
        count = f"{run['count']} tests" if run.get("count") else "it"
        word = f"{count} passed" if run.get("passed") is True else "it failed"
        about = f" of {of[:12]}, and the release is {revision[:12]}" if other else f" of {of[:12]}" if of else ""
        where = f" ({run['where']})" if run.get("where") else ""
        (proof.evidence if passed else proof.missing).append(f"{run.get('name') or 'tests'}: {word}{about}{where}.")


def _boots(inputs: Inputs, proof: Proof) -> None:
    rehearsal = inputs.get("rehearsal")
    if not isinstance(rehearsal, Mapping) or not rehearsal:
        proof.missing.append("It was not started anywhere.")
    elif rehearsal.get("passed") is True:
        seconds = f" within {rehearsal['seconds']:.1f} s" if rehearsal.get("seconds") else ""
        proof.evidence.append(f"It started on {rehearsal.get('where') or 'a private port'} and answered{seconds}.")
    else:
        why = str(rehearsal.get("why") or "no reason is known").rstrip(".")
        proof.missing.append(f"It did not start: {why}.")


def _limits(inputs: Inputs, proof: Proof) -> None:
    for limits, hosts in _grouped(inputs, "limits"):
        known = sorted(dict(limits or {}).items())
        shown = ", ".join(f"{name} {value}{'' if name == 'max_restarts' else ' ms'}" for name, value in known)
        if limits and int(limits.get("max_restarts") or 0) > 0 and int(limits.get("min_uptime") or 0) > 0:
            proof.evidence.append(f"{listed(hosts)}: limits that fire: {shown}.")
        else:
            proof.missing.append(f"{listed(hosts)}: no restart limits are known{': ' + shown if shown else ''}.")


def _smoke(inputs: Inputs, proof: Proof) -> None:
    for health, hosts in _grouped(inputs, "health"):
        (proof.evidence if health else proof.missing).append(
            f"{listed(hosts)}: the gate asks for {health}." if health else f"{listed(hosts)}: no health path is set."
        )
    for given, hosts in _grouped(inputs, "smoke"):
        count = int(given or 0)  # ansible-core 2.18 makes text of a number
        told = f"{count} smoke request{'' if count == 1 else 's'}" if count else "bluegreen_smoke is empty"
        (proof.evidence if count else proof.missing).append(f"{listed(hosts)}: {told}.")


def _rollback(inputs: Inputs, proof: Proof) -> None:
    for host, facts in hosts_of(inputs).items():
        app = facts.get("app")
        if not isinstance(app, Mapping):
            proof.missing.append(f"{host}: what is live there is not known.")
        elif app.get("frozen"):
            proof.missing.append(f"{host}: the app is frozen: {app['frozen']}.")
        elif not app.get("live"):
            proof.evidence.append(f"{host}: nothing is live, so that a failed first deploy leaves nothing behind.")
        elif app.get("verdict") == "good":
            proof.evidence.append(f"{host}: {app['live']} is live and good: that is the way back.")
        else:
            proof.missing.append(f"{host}: {app['live']} is live and was never confirmed.")


def _monitoring(inputs: Inputs, proof: Proof) -> None:
    for host, facts in hosts_of(inputs).items():
        guard = facts.get("guard")
        if not isinstance(guard, Mapping) or guard.get("running") is not True:
            proof.missing.append(f"{host}: no guard watches it.")
            continue
        if guard.get("watches") is False and (facts.get("app") or {}).get("live"):
            proof.missing.append(f"{host}: the guard that runs there does not know this app.")
            continue
        channels = list(guard.get("channels") or ())
        proved = [one for one in channels if one.get("proved") is True]
        failed = [str(one.get("name")) for one in channels if one.get("proved") is not True]
        if failed or not proved:
            proof.missing.append(f"{host}: {listed(failed) or 'no channel'} was not proved to deliver.")
        if proved:
            told = ", ".join(f"{one.get('name')} ({one.get('at') or 'proved'})" for one in proved)
            proof.evidence.append(f"{host}: the guard runs, and alerts arrive by {told}.")


ITEMS: tuple[Item, ...] = (
    Item(
        "tests_passed",
        "Did the tests pass?",
        "Run them on the very commit, and name their JUnit report in bluegreen_test_reports.",
        prove=_tests,
    ),
    Item("boots_locally", "Does it boot?", "Have it rehearsed, and correct what its last words say.", prove=_boots),
    Item(
        "gitignore_current",
        "Is .gitignore current?",
        "Have git ignore what a build writes, and remove what is committed of it.",
        rules=("output_not_ignored", "stale_build_output", "js_beside_ts"),
    ),
    Item(
        "ecosystem_in_step",
        "Is the ecosystem file in step with the deploy?",
        "Correct the file or the scripts, or take them out of the repository.",
        rules=("ecosystem_differs", "ecosystem_unreadable", "deploy_builds_unused", "deploy_starts_otherwise"),
    ),
    Item(
        "env_current",
        "Is the environment current?",
        "Set what .env.example names, on every host.",
        rules=("env_keys_missing", "env_file_missing", "env_file_readable", "node_env_unset", "env_committed"),
    ),
    Item(
        "pm2_config_checked",
        "Was the PM2 configuration checked?",
        "Correct what the rules name; limits are bluegreen_max_restarts and bluegreen_min_uptime.",
        rules=(
            "entry_missing", "interpreter_missing", "args_missing", "loader_missing", "ecosystem_limits", "pm2_missing",
            "pm2_too_old", "daemon_out_of_step",
        ),
        prove=_limits,
    ),
    Item(
        "smoke_ready",
        "Are smoke tests ready?",
        "Set bluegreen_health and at least one request in bluegreen_smoke.",
        rules=("health_route_missing",),
        prove=_smoke,
    ),
    Item("rollback_ready", "Is there a way back?", "Confirm or roll back what is live first.", prove=_rollback),
    Item(
        "monitoring_set_up",
        "Is monitoring set up?",
        "Run guard.yml, with a channel that it can prove.",
        rules=("sentry_disabled",),
        prove=_monitoring,
    ),
)  # fmt: skip


def _grouped(inputs: Inputs, name: str) -> list[tuple[Any, list[str]]]:
    """The values of one fact, each with the hosts that have it."""
    found: list[tuple[Any, list[str]]] = []
    for host, facts in sorted(hosts_of(inputs).items()):
        value = facts.get(name)
        hosts = next((hosts for known, hosts in found if known == value), None)
        if hosts is None:
            found.append((value, [host]))
        else:
            hosts.append(host)
    return found


def hosts_of(inputs: Inputs) -> Mapping[str, Mapping[str, Any]]:
    """The facts of each host by its name."""
    hosts = inputs.get("hosts")
    return hosts if isinstance(hosts, Mapping) else {}


def listed(names: Sequence[str]) -> str:
    """Names in a row, not too many of them."""
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
