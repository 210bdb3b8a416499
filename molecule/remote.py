# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The app on hosts that are reached by ssh: deployed by a user without sudo, looked at by one with it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import testinfra

import variants
from ansible_collections.nodeops.pm2.molecule.conftest import PASSED, PROJECT, App, Run
from ansible_collections.nodeops.pm2.molecule.shared.hosts import images
from ansible_collections.nodeops.pm2.plugins.module_utils import _lock

PATIENCE = 60.0
T = TypeVar("T")
INSIDE = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
WITNESS = Path(__file__).parent / "shared" / "hosts" / "witness"


@dataclass
class Site(App):
    """:class:`App` on a real host.

    :param user: as whom playbooks connect.
    """

    user: str = "deploy"
    _booted: _lock.Owner = field(default=_lock.Owner("", "", 0, "", 0), repr=False)

    @property
    def front(self) -> str:
        """Where a user comes in."""
        return f"http://{self.card.address}"

    @functools.cached_property
    def host(self) -> Any:
        """The host, as root sees it."""
        return testinfra.get_host(f"ssh://{self.card.name}", ssh_config=str(self.ssh_config), sudo=True)

    @property
    def ssh_config(self) -> Path:
        """What ssh needs to know of the scenario's hosts."""
        return self.card.directory.parent / "ssh_config"

    def command(self, name: str, *arguments: str, **options: Any) -> list[str]:
        """The command line of :meth:`play`, as the deploy user unless it says otherwise."""
        return [*super().command(name, *arguments, **options), "-e", f"ansible_user={self.user}"]

    def provision(self, *arguments: str, ends: int = PASSED, **variables: Any) -> Run:
        """Run ``provision.yml`` as the user with sudo; the variables are named in full."""
        inventory = os.environ["MOLECULE_INVENTORY_FILE"]
        argv = ["ansible-playbook", "playbooks/provision.yml", "-i", inventory, "--limit", self.limit or self.card.name]
        began = time.monotonic()
        ended = subprocess.run(
            [*argv, "-e", json.dumps(variables), *arguments],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ended.returncode == ends, ended.stdout
        return Run(ended.returncode, ended.stdout, time.monotonic() - began)

    def source(self, variant: str) -> Path:
        """A git checkout of a variant, or of the witness, made once."""
        path = self.card.directory / "source" / variant
        if variant == "witness" and not path.exists():
            shutil.copytree(WITNESS, path)
            variants.commit(path, "witness")
        return super().source(variant)

    def inside(self, script: str) -> str:
        """What a shell prints that root runs inside the host, without ssh or sudo; it may fail."""
        argv = ["nsenter", f"--target={self._init()}", "--all", "--root", "--wd", "sh", "-c", script]
        return subprocess.run(argv, env=INSIDE, capture_output=True, text=True, check=False).stdout

    def is_held(self) -> bool:
        """Whether the deploy has come to a hook that sleeps; Ansible ends its own commands with ``sleep 0``."""
        return self.inside("pgrep -fxu deploy 'sleep [1-9][0-9]*'") != ""

    def reboot(self, *, powered_off: bool = False) -> None:
        """Take the host down and up again, by its own shutdown or by pulling its plug, and wait until it is up."""
        if powered_off:
            self.power_off()
        else:
            self._podman("stop", "--time", "60")
        self.comes_back()

    def power_off(self) -> None:
        """Pull its plug."""
        self._podman("kill")
        self._podman("wait", "--condition", "stopped")  # it cannot be started before podman has seen its end

    def cut(self) -> None:
        """Cut its network, so that nothing is heard of it any more; what runs there runs on."""
        for chain, direction in (("INPUT", "-i"), ("OUTPUT", "-o")):
            self.from_outside("net", "iptables", "-A", chain, direction, "eth0", "-j", "DROP")

    def comes_back(self) -> None:
        """Plug it in again, the network or the power, and wait until it is up."""
        if self._podman("inspect", "--format", "{{.State.Running}}") == "true":
            self.from_outside("net", "iptables", "-F")
        else:
            self._podman("start")
        until(lambda: self.inside("systemctl is-system-running").strip() in ("running", "degraded"))
        until(lambda: self.inside("systemctl is-active ssh").strip() == "active")

    def _podman(self, command: str, *options: str) -> str:
        return images.podman(command, *options, self.card.container)

    def from_outside(self, kind: str, *argv: str) -> None:
        """Run a command in the host's ``net`` or among its ``mount`` points, which it has no right to change itself."""
        subprocess.run(["nsenter", f"--target={self._init()}", f"--{kind}", *argv], check=True, capture_output=True)

    def _init(self) -> int:
        """The host's first process, as this machine counts them; asked of podman once for each boot, for it is slow."""
        if not _lock.is_alive(self._booted):
            pid = int(self._podman("inspect", "--format", "{{.State.Pid}}"))
            self._booted = _lock.Owner("", "", pid, "", _lock.started(pid))
        return self._booted.pid

    def live(self) -> str:
        """What ``current`` points to."""
        return Path(self.host.run(f"readlink {self.card.root}/current").stdout.strip()).name

    def entries(self, release: str = "") -> list[dict[str, Any]]:
        """The ledger's lines, of one release or of all; none where there is no ledger."""
        entries = [json.loads(line) for line in self.host.run(f"cat {self.layout.ledger}").stdout.splitlines()]
        return [entry for entry in entries if release in ("", entry.get("release"))]

    def listeners(self, slot: str) -> set[int]:
        """Who listens on the address of a slot."""
        place = next(one for one in self.slots if one.name == slot)
        if place.address.startswith("unix:"):
            found = self.host.run(f"ss --no-header --listening --unix --processes src {place.address[5:]}").stdout
        else:
            port = place.address.rpartition(":")[2]
            found = self.host.run(f"ss --no-header --listening --tcp --processes sport = :{port}").stdout
        return {int(word.partition("pid=")[2]) for word in found.split(",") if word.startswith("pid=")}

    def serves(self, release: str, slot: str) -> set[int]:
        """Who serves the live release. Its pids."""
        tree, place = self.layout.release(release), next(one for one in self.slots if one.name == slot)
        assert self.live() == release
        pids = self.listeners(slot)
        assert {self.host.run(f"readlink /proc/{pid}/cwd").stdout.strip() for pid in pids} == {str(tree.path)}
        assert self.host.run(f"readlink {tree.listen}").stdout.strip() == place.socket
        return pids

    @contextlib.contextmanager
    def asked(self, path: str = "/health", *, clients: int = 10, rate: float = 50) -> Iterator[None]:
        """Under keep-alive clients on the host itself, at its front door, who must not notice anything."""
        ssh = ["-F", str(self.ssh_config)]
        subprocess.run(["scp", "-q", *ssh, str(PROJECT / "demo/load.py"), f"{self.card.name}:/tmp/load.py"], check=True)
        options = f"--clients {clients} --rate {rate} --seconds 600 --json /tmp/load.json"
        command = f"echo $$ > /tmp/load.pid; exec python3 /tmp/load.py http://127.0.0.1{path} {options}"
        with subprocess.Popen(["ssh", *ssh, self.card.name, command]) as load:
            until(lambda: self.host.file("/tmp/load.pid").exists)
            try:
                yield
            finally:
                self.host.run("kill -INT $(cat /tmp/load.pid); rm /tmp/load.pid")
                load.wait()
        seen = json.loads(self.host.file("/tmp/load.json").content_string)
        assert seen["requests"] > 0
        assert seen["failed"] == 0, seen


def until(what: Callable[[], T], *, seconds: float = PATIENCE) -> T:
    """Wait until something is so, and what it is."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"not so after {seconds:g} s"
        time.sleep(0.2)
    return found
