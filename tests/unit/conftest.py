# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What several parts of the tests need."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def node() -> str:
    """A Node.js that can keep what it runs from files and processes."""
    ours = Path(__file__).parents[2] / ".venv/node/bin/node"
    found = str(ours) if ours.exists() else shutil.which("node")
    if not found:
        pytest.skip("needs a Node.js")
    return found


@pytest.fixture(scope="session")
def node_version(node: str) -> str:
    """Its version, without the ``v``."""
    said = subprocess.run([node, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return said.strip().lstrip("v")
