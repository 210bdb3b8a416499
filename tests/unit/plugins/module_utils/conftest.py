# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release made of a few files, and what a rule finds in it; the services outside, and a message for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.outside import Outside
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Message
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


@pytest.fixture
def outside() -> Iterator[Outside]:
    """The services that a guard talks to, on loopback."""
    with Outside() as services:
        yield services


@pytest.fixture
def message() -> Message:
    """A stack in it would be no HTML."""
    text = "CRITICAL shop on web1: crash loop\nSeen: Error: boom\n    at Object.<anonymous> (/srv/a.js:1:2) & more"
    facts = {"app": "shop", "release": "r2"}
    return Message("m1", "2026-11-24T03:12:11.000Z", "CRITICAL", "crash_loop", text, "CRITICAL shop: crash loop", facts)
