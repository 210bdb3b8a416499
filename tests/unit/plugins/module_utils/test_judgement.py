# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import itertools
from dataclasses import fields, replace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _judgement
from ansible_collections.nodeops.pm2.plugins.module_utils._judgement import Decision, Policy, Situation, decide
from ansible_collections.nodeops.pm2.plugins.module_utils._log import Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import KINDS
from ansible_collections.nodeops.pm2.plugins.module_utils._windows import Window

POLICY = Policy()
LOOP = Window(3, 60)
SYNTAX = Finding("syntax_error", "critical", "SyntaxError: x")
REFUSED = Finding("connection_refused", "warning", "Error: connect ECONNREFUSED")
# A healthy release in its bake, with a good one before it.
HEALTHY = Situation(live="r2", age=20.0, target="r1")


@pytest.mark.parametrize(
    ("seen", "action", "kind"),
    [
        pytest.param({}, "nothing", "", id="all is well"),
        pytest.param({"failed_probes": 2}, "nothing", "", id="two bad answers"),
        # What a person does is theirs to undo, and what PM2 forgot is no release's fault.
        pytest.param({"absent": "stopped", "failed_probes": 9}, "alert", "stopped", id="stopped by hand"),
        pytest.param({"absent": "lost", "failed_probes": 9}, "keep_trying", "lost", id="PM2 forgot it"),
        pytest.param({"absent": "lost", "frozen": "why"}, "alert", "lost", id="and the app is frozen"),
        pytest.param(
            {"absent": "lost", "daemon_gone": True}, "keep_trying", "daemon_gone", id="and its daemon is gone"
        ),
        pytest.param({"age": 10_000, "target": ""}, "nothing", "", id="old and alone"),
        # What kills a release within its bake.
        pytest.param({"crashes": LOOP}, "roll_back", "crash_loop", id="a crash loop"),
        pytest.param({"ended": True}, "roll_back", "ended", id="PM2 gave up"),
        pytest.param({"failed_probes": 3}, "roll_back", "health_lost", id="it hangs"),
        pytest.param({"crashes": LOOP, "age": 1800}, "roll_back", "crash_loop", id="at the end of the bake"),
        pytest.param({"crashes": LOOP, "age": 0}, "roll_back", "crash_loop", id="just published"),
        pytest.param({"crashes": LOOP, "findings": (SYNTAX,)}, "roll_back", "crash_loop", id="with its last words"),
        # Later it is no longer the release's fault.
        pytest.param({"crashes": LOOP, "age": 1801}, "quench", "crash_loop", id="a crash loop later"),
        pytest.param({"ended": True, "age": 1801}, "quench", "ended", id="an end later"),
        pytest.param({"failed_probes": 3, "age": 1801}, "keep_trying", "health_lost", id="a hang later"),
        pytest.param({"crashes": LOOP, "age": None}, "quench", "crash_loop", id="nobody knows how old it is"),
        # Where there is no way back.
        pytest.param({"crashes": LOOP, "target": ""}, "quench", "crash_loop", id="nothing before it"),
        pytest.param({"crashes": LOOP, "target": "r2"}, "quench", "crash_loop", id="nothing but itself"),
        pytest.param({"crashes": LOOP, "forbidden": "a migration"}, "quench", "crash_loop", id="a migration crossed"),
        pytest.param(
            {"failed_probes": 9, "forbidden": "a migration"}, "keep_trying", "health_lost", id="the same, hung"
        ),
        # A database that is down is not cured by older code.
        pytest.param({"crashes": LOOP, "only_refused": True}, "keep_trying", "refused", id="a database that is down"),
        pytest.param({"ended": True, "only_refused": True}, "keep_trying", "refused", id="which PM2 gave up on"),
        pytest.param({"failed_probes": 3, "only_refused": True}, "keep_trying", "refused", id="which is waited for"),
        pytest.param({"crashes": LOOP, "only_refused": True, "restored": True}, "keep_trying", "refused", id="again"),
        # One automatic rollback, never to a bad one, and no ping-pong.
        pytest.param(
            {"crashes": LOOP, "restored": True}, "freeze", "crash_loop", id="what was rolled back to dies too"
        ),
        pytest.param({"crashes": LOOP, "restored": True, "target": ""}, "freeze", "crash_loop", id="and is the last"),
        pytest.param({"failed_probes": 3, "restored": True}, "freeze", "health_lost", id="or hangs"),
        pytest.param({"crashes": LOOP, "taken_back": True}, "freeze", "crash_loop", id="rolled back once already"),
        pytest.param({"crashes": LOOP, "target_bad": True}, "freeze", "crash_loop", id="the way back is bad"),
        pytest.param({"crashes": LOOP, "restored": True, "age": 9999}, "quench", "crash_loop", id="long after that"),
        # Not the release's fault.
        pytest.param({"daemon_gone": True}, "keep_trying", "daemon_gone", id="no daemon"),
        pytest.param({"daemon_gone": True, "crashes": LOOP, "failed_probes": 9}, "keep_trying", "daemon_gone", id="so"),
        pytest.param({"stranger": "pid 7 in /srv/old"}, "alert", "stranger", id="something else runs"),
        pytest.param({"stranger": "x", "failed_probes": 3}, "roll_back", "health_lost", id="and does not answer"),
        # The log alone moves nothing.
        pytest.param({"findings": (SYNTAX,)}, "alert", "log_critical", id="a critical line"),
        pytest.param({"findings": (REFUSED,)}, "alert", "log_warning", id="a warning"),
        pytest.param({"findings": (REFUSED, SYNTAX)}, "alert", "log_critical", id="both"),
        # Commit-confirmed.
        pytest.param({"overdue": True}, "take_back", "unconfirmed", id="never confirmed"),
        pytest.param({"overdue": True, "busy": "ops"}, "take_back", "unconfirmed", id="whoever holds the lock"),
        pytest.param({"overdue": True, "crashes": LOOP}, "take_back", "unconfirmed", id="and it dies"),
        pytest.param({"overdue": True, "age": 99_999}, "take_back", "unconfirmed", id="the host was off meanwhile"),
        pytest.param({"overdue": True, "target": ""}, "alert", "unconfirmed", id="the first deploy ever"),
        pytest.param({"overdue": True, "forbidden": "a migration"}, "alert", "unconfirmed", id="a migration"),
        pytest.param({"overdue": True, "target_bad": True}, "freeze", "unconfirmed", id="to a bad one"),
        pytest.param({"overdue": True, "restored": True}, "freeze", "unconfirmed", id="after a rollback"),
        # Somebody else is at it.
        pytest.param({"busy": "ops", "crashes": LOOP}, "alert", "crash_loop", id="a loop during a deploy is told"),
        pytest.param({"busy": "ops", "ended": True}, "alert", "ended", id="an end during a deploy"),
        pytest.param({"busy": "ops", "daemon_gone": True}, "alert", "daemon_gone", id="no daemon during a deploy"),
        pytest.param({"busy": "ops", "failed_probes": 3}, "alert", "health_lost", id="a hang during a deploy"),
        pytest.param({"busy": "ops", "stranger": "x"}, "nothing", "", id="a deploy moves things"),
        pytest.param({"busy": "ops", "findings": (REFUSED,)}, "alert", "log_warning", id="a line during a deploy"),
        pytest.param({"frozen": "why", "crashes": LOOP}, "alert", "crash_loop", id="a frozen app dies"),
        pytest.param({"frozen": "why", "overdue": True}, "alert", "unconfirmed", id="a frozen app is overdue"),
        pytest.param({"frozen": "why", "stranger": "x"}, "alert", "stranger", id="something else runs in a frozen app"),
        pytest.param({"frozen": "why"}, "nothing", "", id="frozen and well"),
        # Nothing is live.
        pytest.param({"live": "", "daemon_gone": True, "crashes": LOOP}, "nothing", "", id="nothing is live"),
    ],
)
def test_what_is_done(seen: dict[str, Any], action: str, kind: str) -> None:
    decision = decide(replace(HEALTHY, **seen), POLICY)
    assert (decision.action, decision.kind) == (action, kind)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"crashes": LOOP}, "It crashes: 3 in 60 s, 20 s after it was published: it is rolled back to r1."),
        (
            {"failed_probes": 4, "age": 600},
            "It gave 4 bad answers in a row, 10 min after it was published: it is rolled",
        ),
        (
            {"crashes": LOOP, "age": 7200},
            "It crashes: 3 in 60 s; it is not rolled back, because it was published 120 min ago, longer than the bake",
        ),
        (
            {"failed_probes": 3, "forbidden": "migration 42 would be lost"},
            "It gave 3 bad answers in a row; it is not rolled back, because migration 42 would be lost: it is started",
        ),
        (
            {"crashes": LOOP, "restored": True},
            "It crashes: 3 in 60 s, and it is what the guard had rolled back to: the app is frozen until somebody has",
        ),
        (
            {"crashes": LOOP, "target_bad": True},
            "It crashes: 3 in 60 s, and r1, which it would go back to, is marked bad",
        ),
        ({"daemon_gone": True}, "PM2's daemon is gone; the live release is started again."),
        ({"stranger": "pid 7 in /srv/old"}, "What runs is not the live release: pid 7 in /srv/old."),
        ({"findings": (SYNTAX,)}, "Its log says: SyntaxError: x."),
        ({"overdue": True}, "Release r2 was published and not confirmed in time: it is taken back to r1."),
        (
            {"overdue": True, "target": ""},
            "Release r2 was published and not confirmed in time, and cannot be taken back",
        ),
        (
            {"busy": "ops@laptop, deploy", "crashes": LOOP},
            "It crashes: 3 in 60 s; it is left to who holds the lock: ops@",
        ),
        (
            {"frozen": "r1 died too", "ended": True},
            "It has ended, and PM2 does not start it again; nothing is done, because",
        ),
    ],
)
def test_why_is_said_in_a_sentence(seen: dict[str, Any], reason: str) -> None:
    assert decide(replace(HEALTHY, **seen), POLICY).reason.startswith(reason)


@pytest.mark.parametrize(
    ("seen", "quench"),
    [
        ({"crashes": LOOP}, True),
        ({"failed_probes": 3}, True),
        ({"crashes": LOOP, "age": 9999}, True),
        ({"failed_probes": 3, "age": 9999}, False),
        ({"crashes": LOOP, "restored": True}, True),
        ({"failed_probes": 3, "restored": True}, False),
        ({"crashes": LOOP, "only_refused": True}, False),
        ({"busy": "ops", "crashes": LOOP}, False),
        ({"overdue": True}, False),
    ],
)
def test_a_loop_is_stopped_before_anything_else(seen: dict[str, Any], quench: bool) -> None:
    assert decide(replace(HEALTHY, **seen), POLICY).quench is quench


@pytest.mark.parametrize(
    ("before", "why"),
    [
        ({}, "there is no good release before it"),
        ({"twin": "r1"}, "r1 before it is the same as this, or as what was left as bad"),
    ],
)
def test_it_is_said_why_there_is_nothing_to_go_back_to(before: dict[str, Any], why: str) -> None:
    decision = decide(replace(HEALTHY, crashes=LOOP, target="", **before), POLICY)
    assert f"it is not rolled back, because {why}: it is stopped." in decision.reason


def test_the_user_chooses_what_becomes_of_what_is_not_rolled_back() -> None:
    policy = Policy(bake=60, probes=5, loop="keep_trying", hang="quench")
    old = replace(HEALTHY, age=61)
    assert decide(replace(old, crashes=LOOP), policy).action == "keep_trying"
    assert decide(replace(old, failed_probes=4), policy) == Decision("nothing")
    hung = decide(replace(old, failed_probes=5), policy)
    assert (hung.action, hung.quench) == ("quench", True)


def situations() -> list[Situation]:
    """Every combination of what can be so."""
    seen: dict[str, tuple[Any, ...]] = {
        "age": (20.0, 9999.0),
        "crashes": (None, LOOP),
        "ended": (False, True),
        "absent": ("", "stopped", "lost"),
        "failed_probes": (0, 3),
        "daemon_gone": (False, True),
        "stranger": ("", "x"),
        "findings": ((), (SYNTAX,)),
        "only_refused": (False, True),
        "overdue": (False, True),
        "target": ("r1", ""),
        "twin": ("r1",),
        "target_bad": (False, True),
        "taken_back": (False, True),
        "restored": (False, True),
        "forbidden": ("", "no"),
        "frozen": ("", "why"),
        "busy": ("", "ops"),
    }
    assert {field.name for field in fields(Situation)} == {*seen, "live"}
    return [Situation("r2", **dict(zip(seen, values))) for values in itertools.product(*seen.values())]


def test_whatever_is_so_no_rule_is_broken() -> None:
    for situation in situations():
        decision = decide(situation, POLICY)
        back = decision.action in ("roll_back", "take_back")
        dies = bool(situation.crashes or situation.ended or situation.daemon_gone or situation.absent)
        broken = [
            back and (situation.taken_back or situation.restored or situation.target_bad),  # ping-pong
            back and (situation.forbidden or not situation.target),
            decision.action != "alert" and decision.action != "nothing" and situation.frozen,
            decision.action in ("roll_back", "quench", "keep_trying") and situation.busy,
            decision.action == "roll_back" and (situation.only_refused or situation.age != 20.0),
            decision.action == "nothing" and dies,  # silenced
            (decision.action == "nothing") != (decision.kind == ""),
            decision.kind not in ("", *KINDS),
            decision.action not in _judgement.ACTIONS,
            decision.reason[-1:] not in ("", "."),
            decision.action not in ("nothing", "alert") and decision.severity != "CRITICAL",
        ]
        assert not any(broken), (situation, decision)
