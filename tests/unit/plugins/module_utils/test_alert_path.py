# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a path to people is one, by every way in which it may be none."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _alert_path, _alert_test, _lock, _registry
from ansible_collections.nodeops.pm2.plugins.module_utils._alert_path import AlertPath, judge
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Verdict
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._lines import Line
from ansible_collections.nodeops.pm2.plugins.module_utils._registry import Presence

AT = "2026-11-24T03:00:00.000Z"
TESTED = 1_795_489_200.0  # the same
ME = _lock.Owner("guard@web1", "watching", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
GONE = dataclasses.replace(ME, started=1)
HERE = Presence(ME, ("telegram", "sms"))


def trial(**verdicts: str) -> _alert_test.Tested:
    return _alert_test.Tested(AT, tuple(Verdict(name, not text, text) for name, text in verdicts.items()))


def line(failures: int, *, after: float, text: str = "no answer") -> Line:
    return Line(failures, Moment(TESTED + after, 0.0, "boot"), text=text)


WELL = trial(telegram="", sms="")


@pytest.mark.parametrize(
    ("there", "test", "lines", "dead", "remark"),
    [
        pytest.param(None, None, {}, "The guard of this host has never run.", "", id="provisioned, and never started"),
        pytest.param(Presence(GONE), WELL, {}, "does not run: its last process", "", id="dead"),
        pytest.param(Presence(ME), None, {}, "", "the guard of this host has nobody to tell", id="mute on purpose"),
        pytest.param(Presence(ME, problems=("No token.",)), None, {}, "can tell nobody: No token.", "", id="mute"),
        pytest.param(HERE, None, {}, "never tried whether sms and telegram can", "", id="never tried"),
        pytest.param(HERE, trial(telegram=""), {}, "never tried whether sms can", "", id="one was added since"),
        pytest.param(
            HERE, trial(telegram="", sms="no credit"), {}, f"of {AT}, did not reach sms (no credit).", "", id="failed"
        ),
        pytest.param(HERE, trial(telegram="", sms="", gone="no"), {}, "", "", id="what failed is gone by now"),
        pytest.param(HERE, WELL, {}, "", "", id="well"),
        pytest.param(
            dataclasses.replace(HERE, problems=("No apprise.",)), WELL, {}, "", "No apprise.", id="lacks one more"
        ),
        pytest.param(HERE, WELL, {"telegram": line(1, after=9), "sms": Line()}, "", "", id="failed once since"),
        pytest.param(
            HERE,
            WELL,
            {"telegram": line(2, after=9), "sms": Line()},
            "",
            "messages do not reach telegram (no answer) at present",
            id="one is away",
        ),
        pytest.param(
            HERE,
            WELL,
            {"telegram": line(2, after=9), "sms": line(5, after=9, text="401")},
            "Messages do not reach telegram (no answer) and sms (401) any more.",
            "",
            id="all are away",
        ),
        pytest.param(HERE, WELL, {"telegram": line(5, after=-9)}, "", "", id="away before it was tried"),
    ],
)
def test_a_guard_that_was_provisioned(
    there: Presence | None, test: _alert_test.Tested | None, lines: dict[str, Line], dead: str, remark: str
) -> None:
    path = judge(there, test, lines, provisioned=True, wanted=False)
    assert dead in path.dead
    assert (bool(path.dead), bool(path.remedy), path.remark) == (bool(dead), bool(dead), remark)


def test_no_guard_is_missed_where_nobody_wants_one() -> None:
    assert judge(None, None, {}, provisioned=False, wanted=False) == AlertPath(remark="no guard watches this host")
    assert "there is none on this host" in judge(None, None, {}, provisioned=False, wanted=True).dead


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where a guard that runs keeps its things; its channel was tried."""
    (tmp_path / "apps").mkdir()
    _registry.announce(tmp_path, Presence(ME, ("hook",)))
    write(tmp_path, "alert-test.json", {"id": "1", "at": AT, "verdicts": [asdict(Verdict("hook", good=True))]})
    return tmp_path


def write(directory: Path, name: str, content: Any) -> None:
    (directory / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def test_it_is_read_from_what_the_guard_wrote(directory: Path, tmp_path: Path) -> None:
    assert _alert_path.read(directory) == AlertPath()
    write(directory, "lines.json", {"hook": asdict(line(3, after=1))})
    assert _alert_path.read(directory).dead == "Messages do not reach hook (no answer) any more."
    assert _alert_path.read(tmp_path / "nowhere").remark == _alert_path.NO_GUARD


@pytest.mark.parametrize("spoilt", ["", "{", "[]", "{}", '{"owner": null}', '{"owner": {"pid": "x"}}', "\x00\x00"])
def test_spoilt_files_prove_nothing_and_break_nothing(directory: Path, spoilt: str) -> None:
    write(directory, "lines.json", spoilt)
    assert _alert_path.read(directory).dead == ""
    write(directory, "alert-test.json", spoilt)
    assert "never tried" in _alert_path.read(directory).dead
    write(directory, "guard.json", spoilt)
    assert "never run" in _alert_path.read(directory, patience=0).dead


def test_what_cannot_be_read_is_told(directory: Path) -> None:
    (directory / "guard.json").unlink()
    (directory / "guard.json").mkdir()
    assert "cannot be read" in _alert_path.read(directory).dead


def test_a_guard_that_is_just_started_anew_is_waited_for(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _registry.announce(directory, Presence(GONE, ("hook",)))
    assert "does not run" in _alert_path.read(directory, patience=0).dead

    def comes_back(_done: Any, _seconds: float) -> bool:
        _registry.announce(directory, Presence(ME, ("hook",)))
        return True

    monkeypatch.setattr("ansible_collections.nodeops.pm2.plugins.module_utils._wait.until", comes_back)
    assert _alert_path.read(directory) == AlertPath()


def test_a_deploy_is_refused_with_the_way_out(directory: Path) -> None:
    _alert_path.refuse_dead(AlertPath(remark="nobody to tell"), where=directory)
    with pytest.raises(DeployError, match=r"(?s)not deployed.*Boom.*Mend it.*bluegreen_allow_silent=true"):
        _alert_path.refuse_dead(AlertPath("Boom.", "Mend it."), where=directory)
