# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the check says of a release that is packed here."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _check, _ecosystem_file, _pack, _rules
from ansible_collections.nodeops.pm2.plugins.module_utils._check import Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry, Host, Program, Subject
from ansible_collections.nodeops.pm2.tests.unit.releases.healthy import Release, as_bytes

NODE = Path(__file__).parents[3] / ".venv/node/bin/node"
SLOTS = tuple(Slot(name, f"shop-{name}", f"127.0.0.1:{port}") for name, port in (("blue", 3001), ("green", 3002)))
DEPLOYED: dict[str, Any] = {
    "name": "shop-blue",
    "env": frozenset({"NODE_ENV", "PORT"}),
    "max_restarts": 3,
    "min_uptime": 10_000,
}

Judge = Callable[[Release], list[Finding]]


@pytest.fixture(scope="session")
def node() -> tuple[str, str]:
    """A Node.js and its version."""
    found = str(NODE) if NODE.exists() else shutil.which("node")
    if not found:
        pytest.skip("needs a Node.js")
    said = subprocess.run([found, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return found, said.strip().lstrip("v")


@pytest.fixture
def judge(tmp_path: Path, node: tuple[str, str]) -> Judge:
    """All findings of all rules on a release, packed as it would be for a deploy."""

    def apply(release: Release) -> list[Finding]:
        tree = _pack.pack(packed(release, tmp_path / "artifact.tar.gz"), tmp_path)
        entry = Entry(**{**DEPLOYED, **release.entry})
        places = ("", tree.package_of(entry.script))
        subject = Subject(
            tree,
            entry,
            Host(**{"node": Program(node[1]), **release.host}),
            ecosystems=_ecosystem_file.read_all(tree, places, node=node[0], version=node[1]),
            **{"slots": SLOTS, "health_path": "/health", "install_args": ("--omit=dev",), **release.options},
        )
        return _check.run(subject, _rules.RULES)

    return apply


def packed(release: Release, path: Path) -> Path:
    """An archive of it, every file of the same age."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in release.files.items():
            info = tarfile.TarInfo(name)
            raw = as_bytes(content)
            info.size, info.mode, info.mtime = len(raw), release.modes.get(name, 0o644), 1_700_000_000
            archive.addfile(info, io.BytesIO(raw))
    return path
