# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _bus, _exits
from ansible_collections.nodeops.pm2.plugins.module_utils._bus import DaemonGone, Died, Event, ProcessEvent, Thrown
from ansible_collections.nodeops.pm2.plugins.module_utils._exits import Crash, Exits, Survivors

CORPUS = Path(__file__).parents[2] / "corpus" / "bus"
VERSIONS = ["5.4.3", "6.0.14", "7.0.0", "7.0.4"]


def told(what: str) -> Event:
    """An event from words such as ``exit 0 A stopped``: event, worker, life, status."""
    event, pm_id, life, status = what.split()
    return ProcessEvent(event, "shop", pm_id, 1000 * ord(life), status, 1, status == "errored", ord(life) + 2.5)


def crashes(*story: str | Event) -> list[Crash]:
    exits = Exits()
    found = [exits.take(event if not isinstance(event, str) else told(event)) for event in story]
    return [crash for crash in found if crash]


@pytest.mark.parametrize(
    ("story", "count"),
    [
        pytest.param(["exit 0 A stopped"], 1, id="a crash"),
        pytest.param(["exit 0 A errored"], 1, id="the last crash before PM2 gives up"),
        pytest.param(["exit 0 A stopping", "exit 0 A stopped"], 0, id="a stop, restart or delete"),
        pytest.param(["exit 0 A stopping", "exit 0 A errored"], 0, id="a stop that had to be forced"),
        pytest.param(["exit 0 A stopping", "exit 0 A stopped", "exit 0 B stopped"], 1, id="a restart, then a crash"),
        pytest.param(["exit 0 A stopped", "exit 0 B stopping", "exit 0 B stopped"], 1, id="a crash, then a stop"),
        pytest.param(["exit 0 A stopping", "exit 1 A stopped", "exit 0 A stopped"], 1, id="another worker meanwhile"),
        pytest.param(["exit _old_0 A stopping", "exit _old_0 A stopped"], 0, id="a reload"),
        pytest.param(["exit _old_0 A stopped"], 0, id="a reload, whose worker went by itself"),
        pytest.param(["exit 0 A stopped", "exit 0 A stopped"], 1, id="a crash, then a stop before the next life"),
        pytest.param(["exit 0 A stopped", "exit 0 B stopped", "exit 0 C stopped"], 3, id="a loop"),
        pytest.param(["exit 0 A stopping", "exit 0 B stopped"], 1, id="an end that was never told, then a crash"),
        pytest.param(["online 0 A launching", "start 0 A online", "stop 0 A stopped"], 0, id="other events"),
        pytest.param([DaemonGone(), Thrown("shop", "0", "Error: a", "", 1.0)], 0, id="other news"),
    ],
)
def test_a_crash_is_told_once_and_a_command_twice(story: list[str | Event], count: int) -> None:
    assert len(crashes(*story)) == count


def test_a_crash_says_how_it_ended() -> None:
    [crash] = crashes("exit 0 A errored")
    assert crash == Crash("shop", "0", 1, "", 2.5, True, 67.5)
    assert str(crash) == "shop ended with exit code 1 after 2.5 s, and PM2 leaves it at that"


@pytest.mark.parametrize(
    ("story", "signals"),
    [
        ([Died("0", "SIGKILL"), "exit 0 A stopped"], ["SIGKILL"]),
        ([Died("0", "SIGINT"), "exit 0 A stopped"], [""]),
        ([Died("1", "SIGKILL"), "exit 0 A stopped", "exit 1 A stopped"], ["", "SIGKILL"]),
        ([Died("0", "SIGKILL"), "exit 0 A stopped", "exit 0 B stopped"], ["SIGKILL", ""]),
        ([Died("0", "SIGKILL"), "exit 0 A stopping", "exit 0 A stopped", "exit 0 B stopped"], [""]),
    ],
)
def test_the_signal_belongs_to_the_exit_that_follows(story: list[str | Event], signals: list[str]) -> None:
    assert [crash.signal for crash in crashes(*story)] == signals


@pytest.mark.parametrize(
    ("crash", "text"),
    [
        (Crash("shop", "0", 3, "", 0.04, False, 1.0), "shop ended with exit code 3 after 0.0 s"),
        (Crash("shop", "0", 0, "", 61.0, False, 1.0), "shop ended by itself after 61.0 s"),
        (Crash("shop", "0", 0, "SIGABRT", 1.0, False, 1.0), "shop was killed by SIGABRT after 1.0 s"),
    ],
)
def test_a_crash_reads_well(crash: Crash, text: str) -> None:
    assert str(crash) == text


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recorded_story_has_the_crashes_that_happened_in_it(version: str) -> None:
    lines = (CORPUS / f"{version}.txt").read_text().splitlines()
    events = (_bus.parse(line.encode().split(b"\t", 1)) for line in lines)
    found = crashes(*(event for event in events if event))
    assert sorted((crash.process, crash.code, crash.signal, crash.final) for crash in found) == [
        ("demo-cluster", 0, "SIGKILL", False),
        ("demo-fork", 0, "SIGKILL", False),
        ("demo-last", 3, "", True),
        ("demo-throw", 1, "", False),
        ("demo-throw", 1, "", True),
    ]
    assert all(0 < crash.lived < 60 for crash in found)


def thrown(pm_id: str, message: str = "Error: a") -> Thrown:
    return Thrown("shop", pm_id, message, "", 1.0)


@pytest.mark.parametrize(
    ("story", "survived"),
    [
        pytest.param([(0, thrown("0"))], ["Error: a"], id="nobody ends"),
        pytest.param([(0, thrown("0")), (1, told("exit 0 A stopped"))], [], id="it ends"),
        pytest.param([(0, thrown("0")), (1, told("exit 1 A stopped"))], ["Error: a"], id="another one ends"),
        pytest.param([(0, thrown("0")), (1, told("online 0 A launching"))], ["Error: a"], id="other news"),
        pytest.param([(0, thrown("0")), (4, thrown("0", "Error: b"))], ["Error: a"], id="one after the other"),
        pytest.param([(0, thrown("0")), (1, DaemonGone())], [], id="the daemon goes"),
        pytest.param([(6, thrown("0"))], [], id="it may still end"),
    ],
)
def test_an_exception_that_is_survived_is_told_once(story: list[tuple[float, Event]], survived: list[str]) -> None:
    survivors = Survivors()
    for now, event in story:
        survivors.take(event, now)
    assert [found.message for found in survivors.overdue(10)] == survived
    assert survivors.overdue(10) == []


def test_workers_of_years_ago_are_forgotten() -> None:
    exits = Exits()
    for number in range(2000):
        for status in ("stopping", "stopped"):
            exits.take(told(f"exit {number} A {status}"))
    assert len(exits._ended) <= _exits._REMEMBERED
    assert len(exits._stopping) <= _exits._REMEMBERED
