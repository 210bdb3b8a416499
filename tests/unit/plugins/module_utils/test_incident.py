# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _incident
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._incident import Incident

ID = _incident.incident_id("2026-11-24T03:12:11.250Z", "crash_loop")


def at(seconds: float) -> Moment:
    return Moment(1_000_000 + seconds, seconds, "boot")


@pytest.fixture
def incident() -> Incident:
    evidence = _incident.evidence_of(
        findings=["SyntaxError: Identifier '__dirname' has already been declared"],
        crashes=["shop-green ended with exit code 1 after 1.2 s"] * 3,
        stderr=["connect postgres://a:hunter2@db", "opensesame"],
        process={"name": "shop-green", "pids": [7], "restarts": 3},
        environment=["PORT", "DATABASE_URL", "PORT"],
        secrets=["opensesame"],
    )
    times = {"first_seen": at(10), "detected": at(12.5), "alerted": at(12.6)}
    return Incident(ID, "shop", "web1", "r2", "abc", "crash_loop", "3 crashes in 60 s", times, evidence)


def test_it_is_written_and_read(tmp_path: Path, incident: Incident) -> None:
    assert _incident.write(tmp_path, incident) == tmp_path / "incidents" / "20261124T031211250Z-crash_loop.json"
    assert _incident.read(tmp_path) == ([incident], [])
    later = replace(_incident.reached(incident, "healthy", at(15)), outcome="Rolled back.", target="r1")
    _incident.write(tmp_path, later)
    assert _incident.read(tmp_path) == ([later], [])
    raw = json.loads((tmp_path / "incidents" / f"{ID}.json").read_text())
    assert raw["seconds"] == {"detected": 2.5, "alerted": 2.6, "healthy": 5.0}


def test_no_secret_is_kept_and_of_the_environment_only_names(incident: Incident) -> None:
    assert incident.evidence.stderr == ("connect postgres://***@db", "***")
    assert incident.evidence.environment == ("DATABASE_URL", "PORT")


def test_evidence_is_bounded_and_its_end_is_kept() -> None:
    stderr = _incident.evidence_of(stderr=[str(number) for number in range(100)]).stderr
    assert (len(stderr), stderr[-1]) == (40, "99")


def test_times_are_facts(incident: Incident) -> None:
    assert _incident.time_to_detect(incident) == 2.5
    assert _incident.time_to_recover(incident) is None
    healthy = _incident.reached(incident, "healthy", at(17))
    assert _incident.time_to_recover(healthy) == 7.0
    assert _incident.time_to_recover(_incident.reached(healthy, "healthy", at(99))) == 7.0
    with pytest.raises(ValueError, match="soon"):
        _incident.reached(incident, "soon", at(1))


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ({}, {}),
        ({"alerted": at(3)}, {}),
        ({"detected": at(1), "healthy": at(3)}, {"detected": 0.0, "healthy": 2.0}),
        # Found after a boot, by the wall clock.
        ({"first_seen": at(1), "healthy": Moment(1_000_061, 5, "next boot")}, {"healthy": 60.0}),
    ],
)
def test_where_the_first_sign_is_not_known_it_counts_from_the_decision(
    incident: Incident, times: dict[str, Moment], seconds: dict[str, float]
) -> None:
    assert _incident.seconds(replace(incident, times=times)) == seconds


def test_what_is_half_written_is_passed_over_and_told(tmp_path: Path, incident: Incident) -> None:
    _incident.write(tmp_path, incident)
    directory = tmp_path / "incidents"
    text = (directory / f"{ID}.json").read_text()
    bad = {
        "20270101-cut.json": text[:200],
        "20270101-empty.json": "",
        "20270101-list.json": "[]",
        "20270101-times.json": text.replace('"times"', '"moments"'),
        "20270101-evidence.json": text.replace('"stderr": [', '"stderr": 5, "x": ['),
        "20270101-copy.json": text,
        "notes.txt": "mine",
    }
    for name, content in bad.items():
        (directory / name).write_text(content)
    (directory / ".x.json.0a.new~").write_text("{")
    (directory / "20270101-directory.json").mkdir()
    found, broken = _incident.read(tmp_path)
    assert [one.id for one in found] == [ID]
    assert sorted(broken) == sorted([*bad, "20270101-directory.json"])


def test_only_the_last_ones_are_read(tmp_path: Path, incident: Incident) -> None:
    for number in range(5):
        _incident.write(tmp_path, replace(incident, id=f"{number}"))
    assert [one.id for one in _incident.read(tmp_path, last=2)[0]] == ["3", "4"]
    assert _incident.read(tmp_path / "nothing") == ([], [])


def test_the_oldest_ones_go(tmp_path: Path, incident: Incident) -> None:
    for number in range(105):
        _incident.write(tmp_path, replace(incident, id=f"{number:03d}"))
    assert [one.id for one in _incident.read(tmp_path, last=1000)[0]] == [f"{number:03d}" for number in range(5, 105)]


def test_it_reads_well_in_one_line(incident: Incident) -> None:
    line = _incident.oneline(incident)
    assert line == f"{ID} r2: 3 crashes in 60 s (detected after 2.5 s, alerted after 2.6 s) (open)"
    done = replace(_incident.reached(incident, "healthy", at(15)), outcome="Rolled back to r1.")
    assert _incident.oneline(done).endswith("healthy again after 5.0 s) Rolled back to r1.")
    assert incident.open
    assert not done.open
