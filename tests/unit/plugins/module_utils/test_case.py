# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A case, from its first sign to its record."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _incident, _judgement
from ansible_collections.nodeops.pm2.plugins.module_utils._case import Case
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._guard_settings import Watch
from ansible_collections.nodeops.pm2.plugins.module_utils._judgement import Decision
from ansible_collections.nodeops.pm2.plugins.module_utils._reaction import Deed
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Sight
from ansible_collections.nodeops.pm2.plugins.module_utils._vigil import Vigil

LOOP = Decision(_judgement.ROLL_BACK, "crash_loop", "CRITICAL", "It crashes: 3 in 60 s", quench=True)
HANG = Decision(_judgement.KEEP_TRYING, "health_lost", "CRITICAL", "It gave 3 bad answers in a row")
LINE = Decision(_judgement.ALERT, "stopped", "WARNING", "Somebody has stopped it")


def at(steady: float) -> Moment:
    return Moment(1_000_000.0 + steady, steady, "boot")


@pytest.fixture
def vigil(app: Any) -> Vigil:
    app.put("r2", "blue")
    secrets = app.layout.root / ".env"
    secrets.write_text("TOKEN=hunter22\n", encoding="utf-8")
    record = dataclasses.replace(app.journey("r2", "blue").app, secret_files=(str(secrets),))
    vigil = Vigil("shop", app.layout, Watch())
    vigil.see(Sight(live="r2", app=record, slot=app.place("blue"), commit="abc1234"), at(0.0))
    vigil.note("shop-blue ended with exit code 1 after 2.0 s", at(1.0))
    return vigil


def opened(vigil: Vigil, decision: Decision = LOOP, *, now: float = 3.0, replaced: Case | None = None) -> Case:
    return Case.opened(vigil, decision, host="web1", now=at(now), replaced=replaced)


def kept(vigil: Vigil) -> list[_incident.Incident]:
    found, broken = _incident.read(vigil.layout.root)
    assert broken == []
    return found


def test_the_whole_record(vigil: Vigil) -> None:
    case = opened(vigil)
    vigil.facts = ProcessFacts("shop-blue", True, "online", "fork", (), 7, 1, 0.0, {}, (), False, False, "", "")
    vigil.environment, vigil.answer = ("TOKEN", "PORT"), "status 500"
    case.gather(vigil, tail=["SyntaxError: boom", "    at hunter22"])
    case.message = "m1"
    assert not case.heard(lambda _identifier: None)
    assert case.heard({"m1": at(4.0)}.get)
    case.acted(LOOP, Deed("Rolled back to r1.", "r1 in green", "r1"), now=at(6.0))
    case.close("Rolled back to r1.")
    (record,) = kept(vigil)
    assert _incident.seconds(record) == pytest.approx(
        {"detected": 2.0, "alerted": 3.0, "quenched": 5.0, "rolled_back": 5.0, "healthy": 5.0}
    )
    assert (record.app, record.host, record.release, record.commit) == ("shop", "web1", "r2", "abc1234")
    assert (record.kind, record.target, record.outcome) == ("crash_loop", "r1", "Rolled back to r1.")
    evidence = record.evidence
    assert evidence.findings[0] == "SyntaxError: boom", "the most telling first"
    assert evidence.environment == ("PORT", "TOKEN")
    assert evidence.process["restarts"] == 7
    assert "hunter22" not in repr(record)
    assert any("7 restarts" in line for line in case.told)


def test_a_deed_that_failed_is_told_as_it_is(vigil: Vigil) -> None:
    case = opened(vigil)
    case.acted(LOOP, Deed("It could not be done: locked", failed=True), now=at(5.0))
    (record,) = kept(vigil)
    assert ("quenched" in record.times, "rolled_back" in record.times) == (False, False)
    case.close("It is well again.")
    assert kept(vigil)[0].outcome == "It could not be done: locked"


def test_what_becomes_worse_goes_on_in_another_case(vigil: Vigil) -> None:
    hang = opened(vigil, HANG, now=3.0)
    hang.gather(vigil, tail=())
    loop = opened(vigil, LOOP, now=9.0, replaced=hang)
    assert loop.incident.times["first_seen"] == at(1.0)
    assert kept(vigil)[0].outcome == "It became crash_loop."
    hang.incident = dataclasses.replace(hang.incident, times={"first_seen": at(1.0), "healthy": at(5.0)})
    vigil.wipe()
    assert opened(vigil, LOOP, now=9.0, replaced=hang).incident.times["first_seen"] == at(9.0), "it was over in between"


def test_it_is_over_when_it_has_been_quiet_and_a_relapse_begins_it_anew(vigil: Vigil) -> None:
    case = opened(vigil, HANG, now=0.0)
    case.healthy(at(10.0))
    case.healthy(at(20.0))
    assert case.incident.times["healthy"] == at(10.0)
    assert (case.is_over(at(29.0)), case.is_over(at(30.0))) == (False, True)
    case.relapsed(at(31.0))
    assert "healthy" not in case.incident.times
    assert not case.is_over(at(60.0))
    turned_back = Moment(0.0, 62.0, "boot")
    assert case.is_over(turned_back), "the clock on the wall does not count"


def test_what_is_no_emergency_leaves_no_record(vigil: Vigil) -> None:
    case = opened(vigil, LINE)
    case.gather(vigil, tail=())
    case.close("It is well again.")
    assert kept(vigil) == []
    assert case.heard(lambda _identifier: None), "no message was sent of it that anybody could wait for"
