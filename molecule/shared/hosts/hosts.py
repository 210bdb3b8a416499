# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hosts of one scenario: containers with systemd, in a network of their own, reached by ssh as on a real network.

``hosts.py create NAME DIRECTORY PLATFORMS`` makes them, where PLATFORMS is the JSON of a scenario's; ``hosts.py destroy
NAME`` removes them. In DIRECTORY is a key made for them, an ``ssh_config`` that knows their addresses, and a card of
each for the tests. A platform has a ``name`` and an ``image``, and may have further ``options`` for podman.

On each there is ``admin``, who may use sudo, as an unprivileged user of a cloud image does. What this machine needs to
reach package registries (certificates, proxies) is handed on to them and written down nowhere else.
"""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.molecule.shared.hosts import images
from ansible_collections.nodeops.pm2.molecule.shared.hosts.images import podman

ADMIN = "admin"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# Where the app lies on every host; each has its addresses to itself.
APP = {
    "root": "/var/www/backend",
    "run_dir": "/run/backend",
    "pm2_home": "/home/deploy/.pm2",
    "ports": {"edge": 80, "blue": 3001, "green": 3002},
}
HANDED_ON = ("http_proxy", "https_proxy", "no_proxy", "npm_config_registry")
PATIENCE = 60.0  # seconds for a host to come up
UP = ("running", "degraded")  # as systemd calls it; sshd fails while it has no keys

PREPARE = f"""
id -u {ADMIN} > /dev/null 2>&1 || useradd --create-home --shell /bin/bash {ADMIN}
install -d -m 0700 -o {ADMIN} -g {ADMIN} /home/{ADMIN}/.ssh
install -m 0600 -o {ADMIN} -g {ADMIN} /dev/stdin /home/{ADMIN}/.ssh/authorized_keys
cat > /etc/sudoers.d/{ADMIN} <<SUDOERS
{ADMIN} ALL=(ALL) NOPASSWD:ALL
Defaults env_keep += "NODE_EXTRA_CA_CERTS {" ".join(HANDED_ON)} {" ".join(HANDED_ON).upper()}"
SUDOERS
ssh-keygen -A
systemctl reset-failed ssh
systemctl restart ssh
"""


def main() -> int:
    """Command line."""
    action, name, *rest = sys.argv[1:]
    if action == "destroy":
        destroy(name)
    else:
        create(name, Path(rest[0]), json.loads(rest[1]))
    return 0


def create(name: str, directory: Path, platforms: list[dict[str, Any]]) -> None:
    """Make the hosts, all at a time, and wait for their systemd and sshd."""
    references = {kind: images.image(kind) for kind in sorted({platform["image"] for platform in platforms})}
    hosts = [platform["name"] for platform in platforms]
    destroy(name)
    podman("network", "create", name)
    # An address that is given stays the same over a reboot.
    subnet = json.loads(podman("network", "inspect", name))[0]["subnets"][0]["subnet"]
    addresses = dict(zip(hosts, map(str, list(ipaddress.ip_network(subnet).hosts())[9:])))
    key = directory / "key"
    key.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    for platform in platforms:
        host = platform["name"]
        address = addresses[host]
        options = ["--network", name, "--ip", address, "--mac-address", mac(address)]
        options += ["--label", f"scenario={name}", "--hostname", host]
        options += ["--cap-add", "SYS_PTRACE", *platform.get("options", [])]  # root can look into all processes
        image = references[platform["image"]]
        podman("run", "-d", "--systemd=always", "--name", f"{name}-{host}", *options, image)
    for host in hosts:
        prepare(f"{name}-{host}", key.with_suffix(".pub"))
    (directory / "ssh_config").write_text(ssh_config(addresses, key), encoding="utf-8")
    for host in hosts:
        (directory / host).mkdir(exist_ok=True)
        card = {"name": host, "container": f"{name}-{host}", "address": addresses[host], **APP}
        card["directory"] = str(directory / host)
        (directory / f"{host}.card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def destroy(name: str) -> None:
    """Remove the hosts and their network; what is not there is no harm."""
    containers = podman("ps", "--all", "--quiet", "--filter", f"label=scenario={name}").split()
    if containers:
        podman("rm", "--force", "--time", "0", *containers)
    podman("network", "rm", "--force", name)


def prepare(container: str, public_key: Path) -> None:
    """Give a host its user, and all it needs to reach what this machine reaches."""
    until(lambda: "systemd" in execute(container, "cat", "/proc/1/comm"), f"{container} has no systemd")
    until(
        lambda: execute(container, "systemctl", "is-system-running") in ("running", "degraded"),
        f"{container} is not up",
    )
    podman("cp", os.environ.get("SSL_CERT_FILE", CERTIFICATES), f"{container}:{CERTIFICATES}")
    write(container, "/etc/environment", "".join(f"{line}\n" for line in environment(dict(os.environ))))
    apt = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False).stdout
    write(container, "/etc/apt/apt.conf.d/90controller", apt)
    ended = subprocess.run(
        ["podman", "exec", "-i", container, "sh", "-euc", PREPARE],
        env=images.ENVIRONMENT,
        input=public_key.read_bytes(),
        capture_output=True,
        check=False,
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{container}: {ended.stderr.decode()}")


def environment(ours: dict[str, str]) -> list[str]:
    """The lines of a host's /etc/environment: where its certificates lie, and how this machine gets out."""
    names = [name for known in HANDED_ON for name in (known, known.upper()) if name in ours]
    return [f"NODE_EXTRA_CA_CERTS={CERTIFICATES}", *(f"{name}={ours[name]}" for name in names)]


def ssh_config(addresses: dict[str, str], key: Path) -> str:
    """What ssh has to know of the hosts, whose keys nobody has seen before."""
    hosts = [f"Host {host}\n  HostName {address}\n" for host, address in addresses.items()]
    return "".join(
        [
            *hosts,
            "Host *\n",
            f"  User {ADMIN}\n  IdentityFile {key}\n  IdentitiesOnly yes\n",
            "  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n  ConnectTimeout 5\n",
        ]
    )


def mac(address: str) -> str:
    """A hardware address that stays the same as well: a neighbour that has it in mind would wait for seconds."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0x00, *ipaddress.ip_address(address).packed))


def execute(container: str, *argv: str) -> str:
    """What a command in a host prints, whatever its exit code."""
    ended = subprocess.run(
        ["podman", "exec", container, *argv], env=images.ENVIRONMENT, capture_output=True, text=True, check=False
    )
    return ended.stdout.strip()


def write(container: str, path: str, text: str) -> None:
    """Write a file in a host."""
    argv = ["podman", "exec", "-i", container, "tee", path]
    subprocess.run(argv, env=images.ENVIRONMENT, input=text.encode(), stdout=subprocess.DEVNULL, check=True)


def until(what: Callable[[], bool], otherwise: str) -> None:
    """Wait until ``what()`` is true."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{otherwise} after {PATIENCE:g} s")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
