# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The figures of the README, measured in one run on this machine. Ratios and medians; nothing here fails on a time.

``python demo/bench.py [redeploy] [rollback] [switch] [broken] [check] [guard]`` runs all parts or the named ones, on
hosts of its own in a temporary directory. ``ANSISTRANO_DEPLOY`` names a checkout of the role ansistrano.deploy to
measure beside ours.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import guards
import story
from switches import back_and_forth

import checks
import load
import variants
from ansible_collections.nodeops.pm2.plugins.module_utils import _state
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot

RUNS = 5
PUBLISHES = 100
SHARED_FILE = "settings.json"
SHARED = {"bluegreen_shared_dirs": ["uploads"], "bluegreen_shared_files": [SHARED_FILE]}
BROKEN = (
    "never_ready",
    "alive_without_listener",
    "crash_at_boot",
    "crash_1200ms",
    "crash_15s",
    "wrong_status",
    "env_missing",
)


class Bench:
    """A private host, provisioned once, on which everything is measured."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.layout = Layout(directory / "app")
        self.slots = [
            Slot(name, f"backend-{name}", f"127.0.0.1:{port}", str(directory / f"run/{name}.sock"))
            for name, port in (("blue", 17401), ("green", 17402))
        ]
        self.report = directory / "phases.json"

    def play(self, name: str, *, ends: int | None = 0, **options: Any) -> float:
        """Run a playbook quietly; seconds it took."""
        variables = {"demo_dir": str(self.directory), "bluegreen_soak": 0, **options}
        argv = ["ansible-playbook", f"playbooks/{name}.yml", "-i", "inventory/demo.yml", "-e", json.dumps(variables)]
        environment = {**os.environ, "NODEOPS_PHASES_JSON": str(self.report)}
        began = time.monotonic()
        ended = subprocess.run(argv, cwd=story.PROJECT, env=environment, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        if ends is not None and ended.returncode != ends:
            raise RuntimeError(ended.stdout + ended.stderr)
        return seconds

    def reaching(self, variant: str) -> int:
        """How many tasks of a deploy run a module on the host: Ansible names its file once for each, when asked."""
        variables = {
            "demo_dir": str(self.directory),
            "bluegreen_soak": 0,
            "bluegreen_source": str(self.source(variant)),
        }
        argv = ["ansible-playbook", "-vvv", "playbooks/deploy.yml", "-i", "inventory/demo.yml"]
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
        ended = subprocess.run(
            [*argv, "-e", json.dumps({**variables, **SHARED})],
            cwd=story.PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout.count("Using module file")

    def deploy(self, variant: str, **options: Any) -> float:
        """Deploy a variant of the backend."""
        return self.play("deploy", bluegreen_source=str(self.source(variant)), **options)

    def source(self, variant: str) -> Path:
        """A git checkout of a variant."""
        path = self.directory / "source" / variant
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            variants.make(variant, path, git=True)
        return path

    def state(self) -> _state.State:
        """What is so, read as the modules read it."""
        return _state.read(self.layout, now=time.time())


def redeploy(bench: Bench) -> None:
    """A redeploy with a warm dependency store, in turn with ansistrano's copy_unarchive of the same files."""
    role = os.environ.get("ANSISTRANO_DEPLOY")
    shared = bench.directory / "app/shared"
    shared.mkdir(parents=True)
    (shared / SHARED_FILE).touch()
    bench.deploy("release-1", **SHARED)  # what the first deploy installs is not what is measured
    ours, theirs = [], []
    for turn in range(RUNS):
        ours.append(bench.deploy(f"release-{1 + turn % 2}", **SHARED))
        if role:
            theirs.append(ansistrano(bench, Path(role)))
    print(f"  ours        median {statistics.median(ours):5.1f} s  ({spread(ours)})")
    if theirs:
        print(
            f"  ansistrano  median {statistics.median(theirs):5.1f} s  ({spread(theirs)}), no check, no start, no proof"
        )
        ratios = [mine / other for mine, other in zip(ours, theirs)]
        print(f"  ours / ansistrano, pair by pair: median {statistics.median(ratios):.2f}  ({spread(ratios)})")
    else:
        print("  ansistrano: not measured; ANSISTRANO_DEPLOY names no checkout of its role")
    print(f"  tasks of ours that reach the host: {bench.reaching('release-1')}")
    print(f"  of that, at most {orphaned():.1f} s a run is process 1 of this machine letting go of an orphan")


def ansistrano(bench: Bench, role: Path) -> float:
    """The same files by ansistrano.deploy: one archive copied, unpacked, linked; seconds it took."""
    play = bench.directory / "ansistrano.yml"
    archive = bench.directory / "ansistrano.tar.gz"
    root = bench.directory / "ansistrano"
    if not archive.exists():
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(bench.source("release-1"), arcname=".", filter=without_git)
        (root / "shared").mkdir(parents=True)
        (root / "shared" / SHARED_FILE).touch()
    options = {
        "ansistrano_deploy_from": str(archive),
        "ansistrano_deploy_to": str(root),
        "ansistrano_deploy_via": "copy_unarchive",
        "ansistrano_keep_releases": 5,
        "ansistrano_allow_anonymous_stats": False,
        "ansistrano_shared_paths": SHARED["bluegreen_shared_dirs"],
        "ansistrano_shared_files": SHARED["bluegreen_shared_files"],
    }
    play.write_text(json.dumps([{"hosts": "all", "gather_facts": True, "roles": [role.name], "vars": options}]))
    environment = {**os.environ, "ANSIBLE_ROLES_PATH": str(role.parent), "ANSIBLE_INJECT_FACT_VARS": "1"}
    argv = ["ansible-playbook", str(play), "-i", "inventory/demo.yml"]
    began = time.monotonic()
    subprocess.run(argv, cwd=story.PROJECT, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def without_git(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Leave git's own files out of an archive."""
    return None if member.name == "./.git" or member.name.startswith("./.git/") else member


def rollback(bench: Bench) -> None:
    """Back and forth between two releases: with the old slot warm, and with it stopped."""
    bench.deploy("release-1")
    bench.deploy("release-2")
    warm = [bench.play("rollback", bluegreen_release=other_release(bench)) for _turn in range(RUNS)]
    cold = []
    for _turn in range(RUNS):
        stop_idle(bench)
        cold.append(bench.play("rollback", bluegreen_release=other_release(bench)))
    print(f"  old slot warm  median {statistics.median(warm):5.1f} s  ({spread(warm)})")
    print(f"  old slot cold  median {statistics.median(cold):5.1f} s  ({spread(cold)})")


def other_release(bench: Bench) -> str:
    """The release in the slot that is not live."""
    state = bench.state()
    return next(one.id for one in reversed(state.releases) if one.slot not in ("", state.live_slot) and one.complete)


def stop_idle(bench: Bench) -> None:
    """Stop what stands by."""
    pm2 = bench.directory / "tools/node_modules/pm2/bin/pm2"
    idle = next(slot.name for slot in bench.slots if slot.name != bench.state().live_slot)
    argv = [f"{story.PROJECT}/.venv/node/bin/node", str(pm2), "delete", f"backend-{idle}"]
    environment = {"PM2_HOME": str(bench.directory / "pm2"), "PATH": os.environ["PATH"]}
    subprocess.run(argv, cwd="/", env=environment, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def switch(bench: Bench) -> None:
    """Publish back and forth between two running slots under 20 keep-alive clients."""
    bench.deploy("release-1")
    bench.deploy("release-2")
    seen = back_and_forth(bench.layout, bench.slots, f"{story.URL}/health", publishes=PUBLISHES, clients=20)
    print(f"  {PUBLISHES} publishes, {seen.load.requests} requests, {seen.load.failed} failed")
    print(f"  first request after a switch not answered by the new release: {seen.late}")
    print(f"  the switch itself: median {1000 * statistics.median(seen.seconds):.2f} ms")


def broken(bench: Bench) -> None:
    """Every way a release breaks: when it is refused, and what the clients of the live one notice."""
    bench.deploy("release-1")
    for variant in BROKEN:
        live = bench.state().live
        with load.Load(f"{story.URL}/health", clients=5, rate=100) as clients:
            options: dict[str, Any] = {"bluegreen_soak": 20} if variant == "crash_15s" else {}
            seconds = bench.play(
                "deploy", ends=2, bluegreen_source=str(bench.source(variant)), bluegreen_gate_timeout=10, **options
            )
        seen = clients.result()
        kept = bench.state().live == live
        others = {release: one.answers for release, one in seen.releases.items() if release != live}
        published = f", answers by the broken one {sum(others.values())}" if others else ""
        print(
            f"  {variant:24} refused after {seconds:5.1f} s, {seen.requests} requests, {seen.failed} failed{published}"
            f"{'' if kept else '  LIVE WAS LOST'}"
        )


def check(bench: Bench) -> None:
    """Checks of large releases, each in a process of its own; then check.yml as a whole, on one host."""
    checks.report(bench.directory)
    archive = checks.pack(bench.directory / "large.tar.gz", checks.sources(checks.MANY))
    large = {"bluegreen_artifact": str(archive), "bluegreen_script": "src/m0/f0.ts", "bluegreen_rehearsal": False}
    usual = {"bluegreen_source": str(bench.source("release-1"))}
    for name, options in ((f"{checks.MANY} sources", large), ("the backend, rehearsed", usual)):
        runs = [bench.play("check", ends=2, **options) for _run in range(checks.RUNS)]  # 2: no tests are known
        print(f"  check.yml, {name:22} median {statistics.median(runs):5.1f} s  ({spread(runs)})")


def guard(bench: Bench) -> None:
    """A guard over several apps for ten minutes, while they are restarted and reloaded by hand."""
    guards.report(bench)


def orphaned() -> float:
    """Seconds until an orphan that has ended is gone: PM2 waits so long for each child of an app that it stops.

    At once where process 1 is an init; in some containers it looks every other second.
    """
    # It holds the pipe, so that it has ended when this returns.
    parent = subprocess.run(["sh", "-c", "sleep 0.2 & echo $!"], stdout=subprocess.PIPE, text=True, check=True)
    orphan, began = Path("/proc", parent.stdout.strip()), time.monotonic()
    while orphan.exists() and time.monotonic() - began < 10:
        time.sleep(0.01)
    return time.monotonic() - began


def spread(values: list[float]) -> str:
    """Lowest and highest."""
    return f"{min(values):.2f} to {max(values):.2f}, {len(values)} runs"


PARTS: dict[str, Callable[[Bench], None]] = {
    "redeploy": redeploy,
    "rollback": rollback,
    "switch": switch,
    "broken": broken,
    "check": check,
    "guard": guard,
}


def main() -> int:
    """Command line."""
    os.environ.pop("PYTHONPATH", None)  # it is for this process; Ansible finds its collections by itself
    wanted = sys.argv[1:] or list(PARTS)
    directory = Path(tempfile.mkdtemp(prefix="nb-"))
    story.DEMO = directory
    bench = Bench(directory)
    try:
        bench.play("provision")
        for name in wanted:
            print(f"{name}: {(PARTS[name].__doc__ or '').splitlines()[0]}", flush=True)
            PARTS[name](bench)
    finally:
        story.clean()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
