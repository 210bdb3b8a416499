# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app with releases on disk, written as a stage would leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _manifest
from ansible_collections.nodeops.pm2.plugins.module_utils._io import link_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, ReleaseTree


class App:
    """The root of an app and short ways to fill it."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.slots = [
            {"name": name, "process": f"shop-{name}", "address": f"unix:{root}/{name}.app", "socket": f"{root}/{name}"}
            for name in ("blue", "green")
        ]

    def slot(self, name: str) -> dict[str, str]:
        """A slot as the option takes it."""
        return next(slot for slot in self.slots if slot["name"] == name)

    def put(self, release: str, slot: str = "", *, sealed: bool = True, dependencies: str = "") -> ReleaseTree:
        """A release on disk, last started in ``slot``."""
        tree = self.layout.release(release)
        tree.private.mkdir(parents=True)
        if slot:
            link_atomic(tree.listen, self.slot(slot)["socket"])
        if sealed:
            _manifest.write(tree, _manifest.Manifest(release, "abc", "sha", {}, dependencies))
        return tree

    def note(self, *events: str) -> None:
        """Ledger entries from words such as ``published:r1``."""
        for event in events:
            what, release = event.split(":")
            _ledger.append(self.layout.ledger, _ledger.Entry("2026-11-23T10:15:00.000Z", what, release))

    def go_live(self, release: str) -> None:
        """Have ``current`` lead to it, without a word in the ledger."""
        link_atomic(self.layout.current, f"releases/{release}")

    def events(self) -> list[str]:
        """The ledger as words such as ``published:r1``."""
        return [f"{entry.event}:{entry.release}" for entry in _ledger.read(self.layout.ledger)]

    def on_disk(self) -> list[str]:
        """Names of the release directories."""
        return sorted(path.name for path in self.layout.releases.iterdir())

    def snapshot(self) -> dict[str, Any]:
        """Everything there is but the lock's own heartbeat."""
        found: dict[str, Any] = {}
        for path in sorted(self.layout.root.rglob("*")):
            if self.layout.lock not in path.parents:
                content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else ""
                found[str(path)] = content
        return found


@pytest.fixture
def app(tmp_path: Path) -> App:
    root = tmp_path / "shop"
    root.mkdir()
    return App(root)
