# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What nginx costs in front of an app, and what the switch costs in it: requests per second and p99, side by side.

``python demo/bench_edge.py`` makes one host with systemd (which needs root and podman, see CONTRIBUTING.md), provisions
it by ``provision.yml`` and asks the same small app on it over the ways below, in turn, by wrk on the host itself.
Medians and ratios; nothing here fails on a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import variants
from ansible_collections.nodeops.pm2.molecule.shared.hosts import hosts, images

PROJECT = Path(__file__).resolve().parent.parent
NAME, HOST = "nodeops-bench", "web"
ROUNDS = 7
CLIENTS, SECONDS = 20, 4
# How nginx has connections to the app straight to its port, as one would without the switch.
DIRECT = """upstream direct { server 127.0.0.1:3001; keepalive 32; }
server { listen 8000; access_log off; location / { proxy_pass http://direct; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_set_header Host $http_host; } }
"""
# Name, address of the front, ports of the app (none: it listens on a socket), how connections are kept.
APPS: tuple[tuple[str, int, tuple[int, int] | None, str], ...] = (
    ("hop-strict", 8001, (3001, 3002), "strict"),
    ("hop-brief", 8002, (3011, 3012), "brief"),
    ("socket-strict", 8003, None, "strict"),
    ("socket-brief", 8004, None, "brief"),
)
WAYS = {"no edge at all": 3001, "nginx, port": 8000, **{f"nginx, {name}": front for name, front, _ports, _kept in APPS}}


def main() -> int:
    """Make the host, measure, remove it."""
    directory = Path(tempfile.mkdtemp(prefix="ne-"))
    try:
        with environment(directory):
            hosts.create(NAME, directory, [{"name": HOST, "image": "debian12"}])
            prepare(directory)
            report(measure())
    finally:
        hosts.destroy(NAME)
        shutil.rmtree(directory, ignore_errors=True)
    return 0


@contextlib.contextmanager
def environment(directory: Path) -> Iterator[None]:
    """What the scenarios' variables for hosts are made of."""
    before = dict(os.environ)
    os.environ.pop("PYTHONPATH", None)  # it is for this process; Ansible finds its collections by itself
    os.environ.update(
        MOLECULE_PROJECT_DIRECTORY=str(PROJECT),
        MOLECULE_SCENARIO_NAME="bench",
        MOLECULE_EPHEMERAL_DIRECTORY=str(directory),
        ANSIBLE_CONFIG=str(PROJECT / "ansible.cfg"),
    )
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def prepare(directory: Path) -> None:
    """Provision the host for every app, deploy the witness as each, and put the plain way beside them."""
    inventory = directory / "inventory"
    inventory.mkdir()
    (inventory / "hosts").write_text(f"{HOST}\n", encoding="ascii")
    (inventory / "group_vars").symlink_to(PROJECT / "molecule/shared/hosts/group_vars")
    source = directory / "source"
    shutil.copytree(PROJECT / "molecule/shared/hosts/witness", source)
    variants.commit(source, "witness")
    subprocess.run([sys.executable, PROJECT / "molecule/shared/hosts/node_archive.py", PROJECT], check=True)
    for name, front, ports, kept in APPS:
        root, run_dir = f"/var/www/{name}", f"/run/{name}"
        hops = [{"socket": f"{run_dir}/{s}.sock", "port": p} for s, p in zip(("blue", "green"), ports or ())]
        site = {"name": name, "listen": f"127.0.0.1:{front}", "root": root, "run_dir": run_dir, "hops": hops}
        mine = {"edge_sites": [site], "edge_keepalive": kept, "edge_socket_user": "deploy", "runtime_apps": [root]}
        play(inventory, "provision", mine)
        app: dict[str, Any] = {
            "app": name,
            "root": root,
            "run_dir": run_dir,
            "listen": "port" if ports else "socket",
            "edge_url": f"http://127.0.0.1:{front}",
            "script": "server.js",
            "health": {"path": "/health"},
            "source": str(source),
        }
        if ports:
            app["ports"] = dict(zip(("blue", "green"), ports))
        options = {f"bluegreen_{key}": value for key, value in app.items()}
        play(inventory, "deploy", {**options, "ansible_user": "deploy"})
    inside("apt-get -qq install -y wrk >/dev/null")
    hosts.write(f"{NAME}-{HOST}", "/etc/nginx/conf.d/direct.conf", DIRECT)
    inside("nginx -t -q && systemctl reload nginx && sleep 1")


def play(inventory: Path, name: str, variables: dict[str, Any], limit: str = "all") -> None:
    """Run a playbook quietly."""
    argv = ["ansible-playbook", f"playbooks/{name}.yml", "-i", str(inventory), "-e", json.dumps(variables)]
    argv += ["--limit", limit]
    ended = subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise RuntimeError(ended.stdout + ended.stderr)


def inside(script: str) -> str:
    """What a shell in the host prints."""
    argv = ["podman", "exec", f"{NAME}-{HOST}", "sh", "-c", script]
    return subprocess.run(argv, env=images.ENVIRONMENT, capture_output=True, text=True, check=True).stdout


def measure() -> dict[str, list[tuple[float, float]]]:
    """Requests per second and p99 in milliseconds, of every way in every round."""
    seen: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for _round in range(ROUNDS):
        for way, port in WAYS.items():
            options = f"--threads 1 --connections {CLIENTS} --duration {SECONDS} --latency"
            printed = inside(f"wrk {options} http://127.0.0.1:{port}/health")
            refused = re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", printed)
            if refused:
                raise RuntimeError(f"{way}: {refused[0]}")
            seen[way].append(figures(printed))
    return seen


def figures(printed: str) -> tuple[float, float]:
    """Requests per second and p99 in milliseconds, of what wrk prints."""
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)", printed)
    if rate is None or late is None:
        raise RuntimeError(f"wrk printed something else:\n{printed}")
    return float(rate[1]), float(late[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[late[2]]


def report(seen: dict[str, list[tuple[float, float]]]) -> None:
    """A line for each way; the ratio is of pairs from the same round, to nginx straight to the port."""
    plain = seen["nginx, port"]
    print(f"{CLIENTS} keep-alive clients, {ROUNDS} rounds of {SECONDS} s each in turn; medians")
    for way, found in seen.items():
        rate, late = (statistics.median(one[part] for one in found) for part in (0, 1))
        ratio = statistics.median(one[0] / other[0] for one, other in zip(found, plain))
        spread = f"{min(one[0] for one in found):.0f} to {max(one[0] for one in found):.0f}"
        print(f"  {way:22} {rate:7.0f} requests/s ({spread}), {ratio:5.2f} of nginx to the port, p99 {late:6.2f} ms")


if __name__ == "__main__":
    sys.exit(main())
