# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is remembered of an app between two looks, and the situation that follows from it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._exits import Crash
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._guard_settings import Watch
from ansible_collections.nodeops.pm2.plugins.module_utils._judgement import Situation
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Sight
from ansible_collections.nodeops.pm2.plugins.module_utils._vigil import Vigil
from ansible_collections.nodeops.pm2.plugins.module_utils._windows import Window

T0 = 1_000_000.0
FACTS = ProcessFacts("shop-blue", True, "online", "fork", (1,), 0, None, 60.0, {}, (1,), True, True, "", "")
DOWN = dataclasses.replace(FACTS, pids=(), status="stopped", cwds={})


def at(steady: float, *, jump: float = 0.0) -> Moment:
    """A moment; ``jump``: by how much the clock on the wall has been set forward since."""
    return Moment(T0 + steady + jump, steady, "boot")


def crash(*, final: bool = False, wall: float = T0) -> Crash:
    """``wall``: when it was, by PM2's clock, which is that of the host."""
    return Crash("shop-blue", "0", 1, "", 2.0, final, wall)


@pytest.fixture
def vigil(app: Any) -> Vigil:
    """r2 is live in blue, published at the beginning, after r1."""
    app.put("r2", "blue")
    vigil = Vigil("shop", app.layout, Watch())
    record = app.journey("r2", "blue").app
    vigil.see(Sight(live="r2", app=record, slot=app.place("blue"), published=T0, target="r1", by="ann@laptop"), at(0.0))
    return vigil


def judged(vigil: Vigil, steady: float, **more: Any) -> Situation:
    return vigil.situation(at(steady, **more), tail=())


def test_three_crashes_in_a_minute_are_too_many(vigil: Vigil) -> None:
    for steady in (1.0, 3.0, 5.0):
        assert judged(vigil, steady).crashes is None
        vigil.crashed(crash(), at(steady))
    assert judged(vigil, 5.0).crashes == Window(3, 60)
    assert vigil.first_sign == at(1.0)
    assert len(vigil.said) == 3
    vigil.wipe(since=6.0)
    assert judged(vigil, 7.0).crashes is None
    assert vigil.first_sign is None


@pytest.mark.parametrize("jump", [-86400.0, 86400.0])
def test_a_clock_that_jumps_moves_no_crash_out_of_its_window(vigil: Vigil, jump: float) -> None:
    for moment in (at(1.0), at(2.0, jump=jump), at(3.0, jump=jump)):
        vigil.crashed(crash(wall=moment.wall), moment)
    assert judged(vigil, 3.0, jump=jump).crashes == Window(3, 60)


@pytest.mark.parametrize(
    ("wall", "jump", "older"),
    [
        pytest.param(T0 - 30, 0, True, id="of what was in its slot before"),
        pytest.param(T0 + 1, 0, False, id="its own"),
        pytest.param(T0 + 5, 0, False, id="from the future"),
        pytest.param(0, 0, False, id="nobody knows when"),
        pytest.param(T0 + 1 + 86400, 86400, False, id="after the clock was set forward"),
        pytest.param(T0 + 1 - 86400, -86400, False, id="after the clock was set back"),
    ],
)
def test_what_is_older_than_the_release(vigil: Vigil, wall: float, jump: float, older: bool) -> None:
    assert vigil.is_older(wall, at(2.0, jump=jump)) is older


def test_one_from_the_future_is_of_age_0(vigil: Vigil) -> None:
    vigil.see(dataclasses.replace(vigil.sight, published=T0 + 86400.0), at(5.0))
    assert judged(vigil, 5.0).age == 0.0
    assert judged(vigil, 7.0).age == 2.0
    vigil.see(dataclasses.replace(vigil.sight, published=None), at(7.0))
    assert judged(vigil, 7.0).age is None


@pytest.mark.parametrize("jump", [-86400.0, 86400.0])
def test_a_clock_that_jumps_makes_no_release_older(vigil: Vigil, jump: float) -> None:
    vigil.see(vigil.sight, at(4.0, jump=jump))
    assert judged(vigil, 5.0, jump=jump).age == 5.0


def test_another_release_or_the_same_one_again_begins_with_a_clean_slate(vigil: Vigil) -> None:
    vigil.crashed(crash(final=True), at(1.0))
    vigil.answered("status 500", at(1.0))
    assert (vigil.ended, vigil.failed) == (True, 1)
    vigil.see(vigil.sight, at(0.0))
    assert vigil.ended, "nothing has changed"
    vigil.see(dataclasses.replace(vigil.sight, published=T0 + 60), at(0.0))
    assert (vigil.ended, vigil.failed, vigil.crashes, vigil.said) == (False, 0, [], [])


def test_bad_answers_in_a_row_are_counted_and_a_good_one_ends_them(vigil: Vigil) -> None:
    for steady, reason in enumerate(("status 500", "timeout", ""), start=1):
        vigil.answered(reason, at(steady))
    assert (vigil.failed, vigil.answer) == (0, "")
    vigil.answered("status 500", at(4.0))
    assert judged(vigil, 4.0).failed_probes == 1
    assert vigil.answer == "status 500"


def test_who_is_told_to_stop_has_time_to_come_back(vigil: Vigil) -> None:
    vigil.answered("refused", at(1.0))
    vigil.commanded(at(2.0))
    assert vigil.failed == 0
    vigil.answered("refused", at(3.0))
    vigil.looked(DOWN, at(3.0))
    assert (vigil.failed, judged(vigil, 10.0).absent) == (0, "")
    vigil.answered("refused", at(20.0))
    assert vigil.failed == 1


@pytest.mark.parametrize(
    ("facts", "absent"),
    [
        (DOWN, "stopped"),
        (dataclasses.replace(DOWN, found=False, status=""), "lost"),
    ],
)
def test_what_is_not_there_for_a_while_was_stopped_or_lost(vigil: Vigil, facts: ProcessFacts, absent: str) -> None:
    vigil.looked(facts, at(1.0))
    vigil.answered("refused", at(1.0))
    assert judged(vigil, 2.0).absent == "", "a restart takes a moment"
    situation = judged(vigil, 5.0)
    assert (situation.absent, situation.failed_probes) == (absent, 0)
    vigil.looked(FACTS, at(6.0))
    assert judged(vigil, 10.0).absent == ""


@pytest.mark.parametrize("status", ["online", "launching", "stopping"])
def test_what_pm2_calls_alive_without_a_process_loses_its_health(vigil: Vigil, status: str) -> None:
    vigil.looked(dataclasses.replace(DOWN, status=status), at(1.0))
    for steady in (1.0, 2.0, 3.0):
        vigil.answered("connection refused", at(steady))
    assert judged(vigil, 3.0).failed_probes == 0, "a restart takes a moment"
    assert (judged(vigil, 5.0).absent, judged(vigil, 5.0).failed_probes) == ("", 3)


def test_who_is_started_again_is_not_held_to_have_been_silent(vigil: Vigil) -> None:
    vigil.looked(DOWN, at(1.0))
    for steady in range(1, 10):
        vigil.answered("connection refused", at(float(steady)))
    vigil.looked(FACTS, at(10.0))
    vigil.answered("connection refused", at(11.0))
    assert judged(vigil, 11.0).failed_probes == 0, "it is only just starting"
    vigil.answered("connection refused", at(26.0))
    assert judged(vigil, 26.0).failed_probes == 1


def test_what_has_just_crashed_owes_its_answers_anew(vigil: Vigil) -> None:
    for steady in (1.0, 2.0):
        vigil.answered("connection refused", at(steady))
    vigil.crashed(crash(), at(2.5))
    vigil.answered("connection refused", at(3.0))
    assert judged(vigil, 3.0).failed_probes == 1


def test_a_deploy_that_makes_a_process_anew_is_no_loss(vigil: Vigil) -> None:
    lease = _lock.Lease("1", _lock.Owner("ann@laptop", "deploy", 1, "boot", 1), T0, T0, 900)
    vigil.looked(DOWN, at(1.0))
    vigil.see(dataclasses.replace(vigil.sight, holder=lease), at(0.0))
    assert judged(vigil, 60.0).absent == ""
    vigil.see(dataclasses.replace(vigil.sight, holder=None), at(0.0))
    assert judged(vigil, 60.0).absent == "stopped"


def test_a_crash_of_an_hour_ago_hides_no_stop(vigil: Vigil) -> None:
    vigil.crashed(crash(), at(1.0))
    vigil.looked(FACTS, at(2.0))
    vigil.looked(DOWN, at(10.0))
    assert judged(vigil, 14.0).absent == "stopped"


def test_what_crashed_was_not_stopped_by_somebody(vigil: Vigil) -> None:
    vigil.crashed(crash(), at(1.0))
    vigil.looked(DOWN, at(1.0))
    assert judged(vigil, 9.0).absent == ""


@pytest.mark.parametrize("status", ["errored", "waiting restart"])
def test_pm2_gave_up_also_where_nobody_heard_it(vigil: Vigil, status: str) -> None:
    vigil.looked(dataclasses.replace(DOWN, status=status), at(1.0))
    assert judged(vigil, 1.0).ended
    vigil.looked(FACTS, at(2.0))
    assert not judged(vigil, 2.0).ended


def test_another_release_where_the_live_one_should_run_is_a_stranger(vigil: Vigil) -> None:
    here = str(vigil.layout.release("r2").path.resolve())
    vigil.looked(dataclasses.replace(FACTS, cwds={1: here}), at(1.0))
    assert judged(vigil, 1.0).stranger == ""
    vigil.looked(dataclasses.replace(FACTS, cwds={1: here.replace("r2", "r1")}), at(2.0))
    assert "r1" in judged(vigil, 2.0).stranger


@pytest.mark.parametrize(
    ("by", "condemned", "restored", "taken_back"),
    [
        ("ann@laptop", (), False, False),
        ("guard@web1", (), True, False),
        ("ann@laptop", ("ann@laptop",), False, False),
        ("ann@laptop", ("ann@laptop", "guard@web1"), False, True),
    ],
)
def test_what_the_guard_did_itself_is_known(
    vigil: Vigil, by: str, condemned: tuple[str, ...], restored: bool, taken_back: bool
) -> None:
    vigil.see(dataclasses.replace(vigil.sight, by=by, condemned_by=condemned), at(0.0))
    situation = judged(vigil, 1.0)
    assert (situation.restored, situation.taken_back) == (restored, taken_back)


def test_a_refused_connection_is_all_that_it_complains_of(vigil: Vigil) -> None:
    tail = ["Error: connect ECONNREFUSED 127.0.0.1:5432"]
    assert vigil.situation(at(1.0), tail=tail).only_refused
    vigil.note("SyntaxError: x", at(1.0))
    assert not vigil.situation(at(1.0), tail=tail).only_refused


def test_who_is_at_it_and_what_stands_between_is_passed_on(vigil: Vigil) -> None:
    lease = _lock.Lease("l", _lock.Owner("ann@laptop", "deploy", 1, "b", 1), T0, T0, 900.0)
    between: dict[str, Any] = {"holder": lease, "crossed": "r2", "frozen": "lunch", "overdue": True, "came_from": "r1"}
    vigil.see(dataclasses.replace(vigil.sight, **between), at(0.0))
    situation = judged(vigil, 5.0)
    assert "ann@laptop (pid 1), deploy, since 5 s" in situation.busy
    assert "r1 is from before r2" in situation.forbidden
    assert (situation.frozen, situation.overdue, situation.target) == ("lunch", True, "r1")


def test_what_was_stopped_for_good_is_left_so_until_somebody_starts_it(vigil: Vigil) -> None:
    vigil.quenched = vigil.publishing
    assert vigil.is_quenched
    vigil.looked(FACTS, at(1.0))
    started = vigil.is_quenched
    vigil.looked(DOWN, at(2.0))
    stopped = vigil.is_quenched
    vigil.see(dataclasses.replace(vigil.sight, published=T0 + 60), at(0.0))
    assert (started, stopped, vigil.is_quenched) == (False, True, False), "then it was published again"


def test_nothing_piles_up(vigil: Vigil) -> None:
    for steady in range(5000):
        vigil.crashed(crash(), at(float(steady)))
    assert len(vigil.said) < 50
    assert len(vigil.crashes) <= 3600


def test_where_nothing_is_live_nothing_is_said(app: Any) -> None:
    vigil = Vigil("shop", app.layout, Watch())
    assert (vigil.process, vigil.publishing) == ("", ("", None))
    assert judged(vigil, 1.0) == Situation()
