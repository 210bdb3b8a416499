# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run Molecule scenarios, some at a time, each with a log of its own: ``scenarios.py [--parallel N] [name ...]``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
LOGS = CHECKOUT / ".cache" / "molecule"
TAIL = 80
# What these measure would be the other scenario's load.
ALONE = frozenset({"switch_under_load"})


@dataclass(frozen=True)
class Outcome:
    """How a scenario ended; ``seconds`` of wall time."""

    name: str
    passed: bool
    seconds: float
    log: Path

    def __str__(self) -> str:
        return f"{'ok' if self.passed else 'FAILED':6} {self.name:20} {self.seconds:5.0f} s"


def main() -> int:
    """0 when every scenario passed."""
    existing = sorted(path.parent.name for path in CHECKOUT.glob("molecule/*/molecule.yml"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parallel", type=int, default=2, metavar="N", help="scenarios at a time (default: 2)")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(existing)} (default: all)")
    options = parser.parse_args()
    unknown = set(options.names) - set(existing)
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(existing)}")
    names = options.names or existing
    fetch_pm2()
    together = [name for name in names if name not in ALONE]
    outcomes = run_all(together, parallel=options.parallel)
    outcomes += run_all([name for name in names if name in ALONE], parallel=1)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def fetch_pm2() -> None:
    """Install PM2 where all scenarios share it, before two of them would do so at the same time."""
    with tempfile.TemporaryDirectory(prefix="molecule-") as temporary:
        options = ["-i", "localhost,", "-c", "local", "-e", f"runtime_pm2_home={temporary}/pm2"]
        subprocess.run(
            ["ansible-playbook", *options, "molecule/shared/pm2.yml"],
            cwd=CHECKOUT,
            env={**os.environ, **environment(Path(temporary)), "MOLECULE_PROJECT_DIRECTORY": str(CHECKOUT)},
            stdout=subprocess.DEVNULL,
            check=True,
        )


def run_all(names: list[str], *, parallel: int) -> list[Outcome]:
    """Run scenarios, at most ``parallel`` at a time, and report each when it ends."""
    with ThreadPoolExecutor(parallel) as pool:
        return list(pool.map(run, names))


def run(name: str) -> Outcome:
    """Run one scenario in Ansible and Molecule directories of its own."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"molecule-{name}-") as temporary, log.open("wb") as stream:
        code = subprocess.run(
            ["molecule", "test", "--scenario-name", name],
            cwd=CHECKOUT,
            env={**os.environ, **environment(Path(temporary))},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    outcome = Outcome(name, code == 0, time.monotonic() - began, log)
    report(outcome)
    return outcome


def environment(temporary: Path) -> dict[str, str]:
    """The variables that keep scenarios out of each other's way, and colours out of the logs."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(temporary / "molecule"),
        "ANSIBLE_HOME": str(temporary / "ansible"),
        "ANSIBLE_FORCE_COLOR": "0",
        "NO_COLOR": "1",
        "PY_COLORS": "0",
    }


def report(outcome: Outcome) -> None:
    """One line; after a failure the end of its log as well, in one piece."""
    lines = [str(outcome)]
    if not outcome.passed:
        tail = outcome.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
        lines = [f"----- the last {len(tail)} lines of {outcome.log}", *tail, "-----", *lines]
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
