# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release made of a few files, and what a rule finds in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import Finding, Rule
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry, Host, Subject
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

Files = Mapping[str, Any]

SLOTS = tuple(Slot(name, f"shop-{name}", f"127.0.0.1:{port}") for name, port in (("blue", 3001), ("green", 3002)))
"""The places that an app called shop runs in."""


@pytest.fixture
def tree_of(tmp_path: Path) -> Callable[..., Tree]:
    """Writes files, text or what is to become JSON, and gives their tree."""

    def write(files: Files, times: Mapping[str, float] | None = None) -> Tree:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return Tree(tmp_path, times=lambda: times or {})

    return write


@pytest.fixture
def find(tree_of: Callable[..., Tree]) -> Callable[..., list[Finding]]:
    """What ``rule`` finds in ``files`` started as ``entry`` on ``host``."""

    def apply(
        rule: Rule,
        files: Files | None = None,
        *,
        entry: Mapping[str, Any] | None = None,
        host: Mapping[str, Any] | None = None,
        times: Mapping[str, float] | None = None,
        **options: Any,
    ) -> list[Finding]:
        tree = tree_of(files or {}, times)
        started = Entry(**{"script": "server.js", **(entry or {})})
        return rule(Subject(tree, started, Host(**(host or {})), **options))

    return apply
