# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether anybody would hear of a release that dies: an alert path is proved before it is needed, or it is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _alert_test, _registry, _wait
from ansible_collections.nodeops.pm2.plugins.module_utils._alert_test import Tested
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._lines import GIVEN_UP, Line, Lines
from ansible_collections.nodeops.pm2.plugins.module_utils._registry import Presence
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import moment

_PATIENCE = 5.0  # seconds that a service manager may take to bring a guard back
NO_GUARD = "no guard watches this host"
_TRY = "Mend it, then run bluegreen alert-test on the host, or play the role guard."
_START = "Start it: systemctl start bluegreen-guard, or play the role guard."


@dataclass(frozen=True)
class AlertPath:
    """What is to be said of it.

    :param dead: why people would not be told, a sentence; ``''`` where they would be, or nobody ever asked for it.
    :param remedy: what to do about that.
    :param remark: what else a person should know; no sentence, for the end of a line.
    """

    dead: str = ""
    remedy: str = ""
    remark: str = ""


def read(directory: Path, *, wanted: bool = False, patience: float = _PATIENCE) -> AlertPath:
    """The path of the guard that keeps its things in ``directory``.

    :param wanted: whether somebody has said how the guard is to watch, so that there has to be one.
    :param patience: seconds that a guard which does not run has to come back.
    """
    try:
        return _read(directory, wanted=wanted, patience=patience)
    except OSError as error:
        why = f"What the guard of this host says of itself cannot be read: {error}."
        return AlertPath(why, "Deploy as the user that the guard runs as.")


def _read(directory: Path, *, wanted: bool, patience: float) -> AlertPath:
    provisioned = (directory / "apps").is_dir()
    there = _registry.present(directory) if provisioned else None
    if there is not None and not there.alive:
        _wait.until(lambda: _runs(directory), patience)
        there = _registry.present(directory)
    lines = Lines(directory / "lines.json") if provisioned else None
    states = {name: lines.of(name) for name in there.channels} if there and lines else {}
    tested = _alert_test.last(directory) if provisioned else None
    return judge(there, tested, states, provisioned=provisioned, wanted=wanted)


def judge(
    there: Presence | None, tested: Tested | None, lines: Mapping[str, Line], *, provisioned: bool, wanted: bool
) -> AlertPath:
    """What to think of it. Pure, but for looking whether the guard runs.

    :param lines: how each of its channels fares.
    """
    if not provisioned:
        why = "bluegreen_guard says how the guard is to watch this app, and there is none on this host."
        return AlertPath(why, "Play the role guard.") if wanted else AlertPath(remark=NO_GUARD)
    if there is None:
        return AlertPath("The guard of this host has never run.", _START)
    if not there.alive:
        return AlertPath(f"The guard of this host does not run: its last process, {there.owner.pid}, is gone.", _START)
    if not there.channels:
        why = f"The guard of this host can tell nobody: {' '.join(there.problems)}" if there.problems else ""
        return AlertPath(why, _TRY) if why else AlertPath(remark="the guard of this host has nobody to tell")
    untried = sorted(set(there.channels) - {one.channel for one in tested.verdicts} if tested else there.channels)
    if tested is None or untried:
        return AlertPath(f"It was never tried whether {' and '.join(untried)} can be reached.", _TRY)
    failed = [
        f"{one.channel} ({one.text})" for one in tested.verdicts if one.channel in there.channels and not one.good
    ]
    if failed:
        return AlertPath(f"The last test, of {tested.at}, did not reach {' and '.join(failed)}.", _TRY)
    said = _since(lines, moment(tested.at) or 0.0)
    return said if said != AlertPath() else AlertPath(remark=" ".join(there.problems))


def _since(lines: Mapping[str, Line], tested: float) -> AlertPath:
    """What deliveries have said of a path that was well when it was tried, seconds since the epoch."""
    broken = {
        name: line.text
        for name, line in lines.items()
        if line.failures >= GIVEN_UP and line.tried is not None and line.tried.wall > tested
    }
    told = " and ".join(f"{name} ({text})" for name, text in broken.items())
    if broken and len(broken) == len(lines):
        return AlertPath(f"Messages do not reach {told} any more.", _TRY)
    return AlertPath(remark=f"messages do not reach {told} at present" if told else "")


def refuse_dead(path: AlertPath, *, where: Path) -> None:
    """Raise where nobody would be told."""
    if path.dead:
        raise DeployError(
            "Nobody would be told if this release died, so it is not deployed.",
            expected="a guard that has proved that it can reach people",
            seen=path.dead,
            where=str(where),
            remedy=f"{path.remedy} To deploy all the same: -e bluegreen_allow_silent=true, which the ledger records.",
        )


def _runs(directory: Path) -> bool:
    there = _registry.present(directory)
    return there is not None and there.alive
