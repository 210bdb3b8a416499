# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What deploys and rollbacks cost on hosts reached by ssh, and what their users notice of them.

``python demo/bench_hosts.py [load] [fleet]`` makes hosts with systemd, for which it takes root and podman.

``load``: one host, 20 keep-alive clients and some with WebSockets during 20 deploys and 20 rollbacks: what failed,
which sockets were cut, and how long the runs took, some of which have to wait for sockets.

``fleet``: one host and ten: seconds and tasks of a deploy and of a rollback. Where ``ANSISTRANO_DEPLOY`` names a
checkout of the role ansistrano.deploy, and ``ANSISTRANO_ROLLBACK`` one of ansistrano.rollback (by default beside it),
they are played in turn on the same hosts with the same artifact, PM2 restarted after the symlink and nothing checked.

Medians and ratios; nothing here fails on a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bench_edge

import variants
from ansible_collections.nodeops.pm2.molecule.shared.hosts import hosts, images
from ansible_collections.nodeops.pm2.molecule.wire import WebSocket

PROJECT = Path(__file__).resolve().parent.parent
NAME, PROVISIONED = "nodeops-bench-hosts", "localhost/nodeops-bench-hosts:provisioned"
CYCLES, CLIENTS, RATE, SOCKETS = 20, 20, 400, 5
DRAIN = 15.0  # seconds that a socket may stay open after its release was replaced
SOCKET_LIFE = (1.0, 10.0)  # seconds that a client keeps a socket
HOSTS, ROUNDS = 10, 3
ADDRESS = "http://127.0.0.1"
APP: dict[str, Any] = {
    "script": "server.js",
    "health": {"path": "/health"},
    "drain_timeout": DRAIN,
    "standby": 600,
    "waves": [1, "100%"],
}
# What ansistrano leaves to its user: the app is started again where the symlink leads.
RESTART = """- name: Restart the app
  ansible.builtin.command:
    argv: [pm2, startOrRestart, /var/www/theirs/ecosystem.config.cjs, --silent]
  changed_when: true
"""
ECOSYSTEM = """module.exports = { apps: [{ name: 'theirs', script: 'server.js', cwd: '/var/www/theirs/current',
  env: { PORT: '3901' } }] };
"""


@dataclass
class Users:
    """Clients with WebSockets: each opens one, talks over it for some seconds, closes it and opens the next.

    :param cut: sockets that ended before their client had closed them, in words.
    """

    address: str
    opened: int = 0
    echoes: int = 0
    cut: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def busy(self) -> Iterator[None]:
        """Talk, beside what happens meanwhile."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._talk, args=(stop, number)) for number in range(SOCKETS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _talk(self, stop: threading.Event, number: int) -> None:
        life = random.Random(number)  # noqa: S311 - the same lives in every run
        while not stop.is_set():
            begun = time.monotonic()
            try:
                with WebSocket(self.address, 80) as one:
                    self.opened += 1
                    until = begun + life.uniform(*SOCKET_LIFE)
                    while time.monotonic() < until and not stop.is_set():
                        if one.echo(b"still there") != b"still there":
                            raise ConnectionError("another answer than what was said")
                        self.echoes += 1
                        time.sleep(0.1)
            except (OSError, ValueError, AssertionError) as error:
                self.cut.append(f"after {time.monotonic() - begun:.1f} s: {error}")


@dataclass(frozen=True)
class Bench:
    """The hosts, and a directory for what belongs to them."""

    directory: Path

    @property
    def inventory(self) -> Path:
        """Who they are, and how they are provisioned."""
        return self.directory / "inventory"

    @property
    def site(self) -> Path:
        """Who they are for the runs that are measured, in an inventory as users write it: every value as it is."""
        return self.directory / "site.json"

    def make(self, count: int) -> None:
        """Provision one host by ``provision.yml``; more are copies of it."""
        self.inventory.mkdir(exist_ok=True)
        names = [f"web{number:02}" for number in range(1, count + 1)]
        (self.inventory / "hosts").write_text("".join(f"{name}\n" for name in names), encoding="ascii")
        if not (self.inventory / "group_vars").is_symlink():
            (self.inventory / "group_vars").symlink_to(PROJECT / "molecule/shared/hosts/group_vars")
        hosts.create(NAME, self.directory, [{"name": names[0], "image": "debian12"}])
        bench_edge.play(
            self.inventory, "provision", {"runtime_apps": ["/var/www/backend", "/var/www/theirs"]}, names[0]
        )
        if count > 1:
            images.podman("commit", "--quiet", f"{NAME}-{names[0]}", PROVISIONED)
            os.environ["HOST_IMAGE_DEBIAN12"] = PROVISIONED
            hosts.create(NAME, self.directory, [{"name": name, "image": "debian12"} for name in names])
            for name in names:  # who may log in there is known by another key now
                inside(name, "cp /home/admin/.ssh/authorized_keys /home/deploy/.ssh/authorized_keys")
        variables = {
            "ansible_user": "deploy",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": f"-F {self.directory}/ssh_config",
            "ansible_control_path_dir": f"{self.directory}/cp",
            "bluegreen_app": "backend",
            "bluegreen_artifact_dir": f"{self.directory}/artifacts",
        }
        site = {"all": {"hosts": {name: self._options(name) for name in names}, "vars": variables}}
        self.site.write_text(json.dumps(site, indent=2), encoding="utf-8")

    def _options(self, name: str) -> dict[str, Any]:
        """Where the app is on a host."""
        card = json.loads((self.directory / f"{name}.card.json").read_text(encoding="utf-8"))
        ports = {slot: card["ports"][slot] for slot in ("blue", "green")}
        return {"bluegreen_root": card["root"], "bluegreen_run_dir": card["run_dir"], "bluegreen_ports": ports}

    def source(self) -> Path:
        """What is deployed: a backend that depends on nothing, so that no figure is npm's."""
        source = self.directory / "witness"
        if not source.exists():
            subprocess.run(["cp", "-r", PROJECT / "molecule/shared/hosts/witness", source], check=True)
            variants.commit(source, "witness")
        return source

    def run(self, name: str, limit: str, **options: Any) -> tuple[float, float]:
        """Play one of our playbooks; its seconds, and the tasks that each host ran."""
        if name == "deploy":  # with something new in it, or a rollback would pass it over
            options["env"] = {**APP.get("env", {}), "BUILD": options["release"]}
        given = {f"bluegreen_{key}": value for key, value in {**APP, **options}.items()}
        playbook = PROJECT / f"playbooks/{name}.yml"
        return self.timed(playbook, limit, given)

    def timed(self, playbook: Path, limit: str, variables: dict[str, Any]) -> tuple[float, float]:
        """Play a playbook; its seconds, and the tasks that each host ran."""
        argv = ["ansible-playbook", str(playbook), "-i", str(self.site), "--limit", limit]
        argv += ["-e", json.dumps(variables)]
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
        begun = time.monotonic()
        ended = subprocess.run(argv, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begun
        if ended.returncode != 0:
            raise RuntimeError(ended.stdout + ended.stderr)
        return seconds, statistics.median(map(int, re.findall(r"\bok=(\d+)", ended.stdout)))


def main() -> int:
    """Make the hosts, measure, remove them."""
    parts = sys.argv[1:] or ["load", "fleet"]
    with tempfile.TemporaryDirectory(prefix="nh-") as temporary, bench_edge.environment(Path(temporary)):
        subprocess.run([sys.executable, PROJECT / "molecule/shared/hosts/node_archive.py", PROJECT], check=True)
        bench = Bench(Path(temporary))
        try:
            bench.make(HOSTS if "fleet" in parts else 1)
            if "load" in parts:
                measure_load(bench)
            if "fleet" in parts:
                measure_fleet(bench)
        finally:
            hosts.destroy(NAME)
            subprocess.run(["podman", "rmi", "--ignore", PROVISIONED], env=images.ENVIRONMENT, check=False)
    return 0


def inside(host: str, script: str) -> str:
    """What a shell in a host prints."""
    argv = ["podman", "exec", f"{NAME}-{host}", "sh", "-c", script]
    return subprocess.run(argv, env=images.ENVIRONMENT, capture_output=True, text=True, check=True).stdout


def measure_load(bench: Bench) -> None:
    """Deploys and rollbacks in turn, under clients who may not notice them."""
    host, source = "web01", str(bench.source())
    address = json.loads((bench.directory / f"{host}.card.json").read_text(encoding="utf-8"))["address"]
    bench.run("deploy", host, source=source, release="load0", soak=0)
    images.podman("cp", str(PROJECT / "demo/load.py"), f"{NAME}-{host}:/tmp/load.py")
    command = (
        f"python3 /tmp/load.py {ADDRESS}/health --clients {CLIENTS} --rate {RATE} --seconds 3600 --json /tmp/seen.json"
    )
    users = Users(address)
    seconds: dict[str, list[float]] = {"deploy": [], "rollback": []}
    with subprocess.Popen(
        ["podman", "exec", f"{NAME}-{host}", "sh", "-c", f"echo $$ > /tmp/load.pid; exec {command}"],
        env=images.ENVIRONMENT,
        stdout=subprocess.DEVNULL,
    ) as load:
        with users.busy():
            for cycle in range(1, CYCLES + 1):
                seconds["deploy"].append(bench.run("deploy", host, source=source, release=f"load{cycle}", soak=0)[0])
                seconds["rollback"].append(bench.run("rollback", host)[0])
        inside(host, "kill -INT $(cat /tmp/load.pid)")
        load.wait()
    seen = json.loads(inside(host, "cat /tmp/seen.json"))
    print(f"{CYCLES} deploys and {CYCLES} rollbacks on one host, under {CLIENTS} keep-alive clients through nginx")
    print(f"  {seen['requests']} requests, {seen['failed']} failed, slowest {seen['slowest_ms']:.0f} ms")
    print(f"  {users.opened} WebSockets, {users.echoes} echoes, {len(users.cut)} cut; drain timeout {DRAIN:g} s")
    for failure in (*seen["failures"], *users.cut):
        print(f"    {failure}")
    for name, found in seconds.items():
        print(f"  {name}: {statistics.median(found):.1f} s ({min(found):.1f} to {max(found):.1f})")


def measure_fleet(bench: Bench) -> None:
    """The same on one host and on all, in turn with ansistrano where there is one."""
    theirs = ansistrano(bench)
    seen: dict[tuple[str, str, int], list[tuple[float, float]]] = {}
    sizes = {1: "web01", HOSTS: "all"}
    for turn in range(-2, ROUNDS):  # two to warm up, so that there is something to go back to
        for count, limit in sizes.items() if turn >= 0 else [(HOSTS, "all")]:
            release = f"fleet{turn + 2}-{count}"
            found = {
                ("ours", "deploy"): bench.run("deploy", limit, source=str(bench.source()), release=release, soak=0)
            }
            if turn >= 0:
                found["ours", "rollback"] = bench.run("rollback", limit)
            for name, playbook in theirs.items() if turn >= 0 else list(theirs.items())[:1]:
                found["ansistrano", name] = bench.timed(playbook, limit, {})
            for (who, what), figures in found.items() if turn >= 0 else ():
                seen.setdefault((who, what, count), []).append(figures)
    report_fleet(seen)


def ansistrano(bench: Bench) -> dict[str, Path]:
    """Playbooks that play it; none where it is not there."""
    role = Path(os.environ.get("ANSISTRANO_DEPLOY", ""))
    if not os.environ.get("ANSISTRANO_DEPLOY"):
        return {}
    back = Path(os.environ.get("ANSISTRANO_ROLLBACK", str(role.with_name("ansistrano.rollback"))))
    archive = bench.directory / "witness.tar.gz"
    subprocess.run(["git", "-C", bench.source(), "archive", "--output", archive, "HEAD"], check=True)
    (bench.directory / "restart.yml").write_text(RESTART, encoding="ascii")
    for line in (bench.inventory / "hosts").read_text(encoding="ascii").splitlines():
        hosts.write(f"{NAME}-{line}", "/var/www/theirs/ecosystem.config.cjs", ECOSYSTEM)
    variables = {
        "ansistrano_deploy_from": str(archive),
        "ansistrano_deploy_to": "/var/www/theirs",
        "ansistrano_deploy_via": "copy_unarchive",
        "ansistrano_keep_releases": 5,
        "ansistrano_allow_anonymous_stats": False,
        "ansistrano_after_symlink_tasks_file": str(bench.directory / "restart.yml"),
        "ansistrano_rollback_after_symlink_tasks_file": str(bench.directory / "restart.yml"),
        "ansistrano_remove_rolled_back": False,
    }
    written = {}
    for name, path in (("deploy", role), ("rollback", back)):
        play = {"hosts": "all", "gather_facts": False, "vars": variables, "roles": [str(path)]}
        written[name] = bench.directory / f"ansistrano-{name}.yml"
        written[name].write_text(json.dumps([play]), encoding="utf-8")
    return written


def report_fleet(seen: dict[tuple[str, str, int], list[tuple[float, float]]]) -> None:
    """A line for each; growth is what one more host costs beside what the first one does."""
    print(f"1 host and {HOSTS} by ssh, medians of {ROUNDS} rounds in turn; no soak, a canary before the rest")
    middle = {key: [statistics.median(one[part] for one in found) for part in (0, 1)] for key, found in seen.items()}
    for who, what in dict.fromkeys((who, what) for who, what, _count in seen):
        (first, _tasks), (all_of_them, tasks) = middle[who, what, 1], middle[who, what, HOSTS]
        growth = (all_of_them - first) / (HOSTS - 1)
        print(
            f"  {who:10} {what:8} {first:5.1f} s on one, {all_of_them:5.1f} s on {HOSTS}: {growth:.2f} s for each "
            f"further host, {growth / first:.2f} of the first; {tasks:.0f} tasks on each"
        )
    for what in ("deploy", "rollback") if ("ansistrano", "deploy", 1) in seen else ():
        pairs = zip(seen["ours", what, HOSTS], seen["ansistrano", what, HOSTS])
        ratio = statistics.median(ours[0] / other[0] for ours, other in pairs)
        print(f"  a {what} of {HOSTS} hosts takes {ratio:.2f} of ansistrano's time")


if __name__ == "__main__":
    sys.exit(main())
