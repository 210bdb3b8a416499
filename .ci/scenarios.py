# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run Molecule scenarios, some at a time, each with a log of its own: ``scenarios.py [--parallel N] [name ...]``.

Most play on hosts embedded in this machine. Those whose platforms name an image play on containers with systemd, which
only root can make; elsewhere they are skipped, and it is said why.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parent.parent
LOGS = CHECKOUT / ".cache" / "molecule"
TAIL = 80
# What these measure would be the other scenario's load.
ALONE = frozenset({"switch_under_load"})
BASES = (".config/molecule/config.yml", ".config/molecule/hosts.yml")
NEEDED = {
    "podman": "podman",
    "runc": "runc",
    "/usr/lib/podman/netavark": "netavark",
    "/usr/lib/podman/aardvark-dns": "aardvark-dns",
    "iptables": "iptables",
    "debootstrap": "debootstrap",
    "ssh-keygen": "openssh-client",
}


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
    parser.add_argument("--kind", choices=("embedded", "hosts"), help="only those on such hosts (default: both)")
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(existing)} (default: all)")
    options = parser.parse_args()
    unknown = set(options.names) - set(existing)
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(existing)}")
    names = [
        name for name in options.names or existing if options.kind in (None, "hosts" if kinds(name) else "embedded")
    ]
    skipped = skip_hosts(names)
    names = [name for name in names if name not in skipped]
    fetch_pm2()
    with ThreadPoolExecutor(1) as builder:
        # The first scenarios need no images, which are therefore made beside them.
        images = builder.submit(make_images, names)
        together = sorted((name for name in names if name not in ALONE), key=lambda name: bool(kinds(name)))
        outcomes = run_all(together, images, parallel=options.parallel)
        outcomes += run_all([name for name in names if name in ALONE], images, parallel=1)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def kinds(name: str) -> set[str]:
    """The images that a scenario's hosts are made of; none where they are embedded."""
    scenario = yaml.safe_load((CHECKOUT / "molecule" / name / "molecule.yml").read_text(encoding="utf-8")) or {}
    return {platform["image"] for platform in scenario.get("platforms", []) if "image" in platform}


def skip_hosts(names: list[str]) -> set[str]:
    """The scenarios that cannot be played here, each with a line that says why."""
    hosted = [name for name in names if kinds(name)]
    why = obstacle() if hosted else ""
    for name in hosted if why else ():
        print(f"{'skipped':7} {name}: {why}", flush=True)
    return set(hosted) if why else set()


def obstacle() -> str:
    """Why no hosts can be made on this machine; empty where they can, for which packages are installed."""
    if os.geteuid() != 0:
        return "hosts with systemd are containers that only root can make"
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if not missing:
        return ""
    if shutil.which("apt-get") is None:
        return f"hosts are made with {', '.join(missing)}, and there is no apt-get to install that"
    began = time.monotonic()
    for argv in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        ended = subprocess.run(
            ["apt-get", "--quiet", *argv],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if ended.returncode != 0:
        return (
            f"hosts are made with {', '.join(missing)}, which apt-get does not install: {ended.stderr.strip()[-200:]}"
        )
    print(f"{'ok':6} {'packages for hosts':20} {time.monotonic() - began:5.0f} s", flush=True)
    return ""


def make_images(names: list[str]) -> None:
    """Have all images that these scenarios need; podman keeps them."""
    wanted = sorted({kind for name in names for kind in kinds(name)})
    if not wanted:
        return
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "molecule/shared/hosts/images.py", *wanted],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / ".venv/collections")},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    print(f"{'ok':6} {'images of hosts':20} {time.monotonic() - began:5.0f} s", flush=True)


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


def run_all(names: list[str], images: Future[None], *, parallel: int) -> list[Outcome]:
    """Run scenarios, at most ``parallel`` at a time, and report each when it ends."""
    with ThreadPoolExecutor(parallel) as pool:
        return list(pool.map(lambda name: run(name, images), names))


def run(name: str, images: Future[None]) -> Outcome:
    """Run one scenario in Ansible and Molecule directories of its own."""
    bases: list[str] = []
    if kinds(name):
        images.result()
        bases = [word for base in BASES for word in ("--base-config", base)]
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"molecule-{name}-") as temporary, log.open("wb") as stream:
        code = subprocess.run(
            ["molecule", *bases, "test", "--scenario-name", name],
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
