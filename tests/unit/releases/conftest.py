# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the check says of a release that is packed here."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _check, _ecosystem_file, _pack, _rules
from ansible_collections.nodeops.pm2.plugins.module_utils._check import Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry, Host, Program, Subject
from ansible_collections.nodeops.pm2.tests.unit.plugins.module_utils.conftest import SLOTS
from ansible_collections.nodeops.pm2.tests.unit.releases.healthy import Release, as_bytes

DEPLOYED: dict[str, Any] = {
    "name": "shop-blue",
    "env": frozenset({"NODE_ENV", "PORT"}),
    "max_restarts": 3,
    "min_uptime": 10_000,
}

Judge = Callable[[Release], list[Finding]]


@pytest.fixture
def judge(tmp_path: Path, node: str, node_version: str) -> Judge:
    """All findings of all rules on a release, packed as it would be for a deploy."""

    def apply(release: Release) -> list[Finding]:
        tree = _pack.pack(packed(release, tmp_path / "artifact.tar.gz"), tmp_path)
        entry = Entry(**{**DEPLOYED, **release.entry})
        places = ("", tree.package_of(entry.script))
        subject = Subject(
            tree,
            entry,
            Host(**{"node": Program(node_version), **release.host}),
            ecosystems=_ecosystem_file.read_all(tree, places, node=node, version=node_version),
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
