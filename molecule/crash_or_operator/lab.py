# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What this scenario's tests share: a private PM2 of one version on each host, and patience."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ansible_collections.nodeops.pm2.molecule.conftest import PROJECT, Card
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

PATIENCE = 180.0  # dozens of processes come and go in one test, beside another scenario
NODE = PROJECT / ".venv" / "node" / "bin" / "node"
# As host_vars/ says it.
PREFIX = {"alpha": ".cache/pm2", "beta": ".cache/pm2-6.0.14"}


def pm2_of(card: Card) -> Pm2:
    """The PM2 of a host."""
    return Pm2(card.pm2_home, str(PROJECT / PREFIX[card.name] / "node_modules/pm2/bin/pm2"), str(NODE))


def until(what: Callable[[], object], *, seen: Callable[[], object] = lambda: "") -> None:
    """Wait until something is so; ``seen`` is what is told where it never is."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, seen()
        time.sleep(0.05)


def sentry_sdk() -> Path:
    """The directory whose ``node_modules`` holds Sentry's SDK, which is fetched once a checkout."""
    directory = PROJECT / ".cache" / "sentry"
    if not (directory / "node_modules" / "@sentry" / "node").exists():
        directory.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "PATH": f"{NODE.parent}:{os.environ['PATH']}"}
        npm = [str(NODE.parent / "npm"), "install", "--no-audit", "--no-fund", "--no-save", "@sentry/node@11.12.0"]
        subprocess.run(npm, cwd=directory, env=environment, check=True, stdout=subprocess.DEVNULL)
    return directory
