# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app on a host that gets a guard, and the services outside: the chat, and Sentry."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import App, Card
from ansible_collections.nodeops.pm2.molecule.guard.tests.conftest import Watched
from ansible_collections.nodeops.pm2.molecule.shared.outside import Outside


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    """The services outside, on loopback."""
    with Outside() as services:
        yield services


@pytest.fixture(scope="session")
def watched(card: Card, outside: Outside) -> Iterator[Watched]:
    """No guard yet, and nothing deployed."""
    watched = Watched(App(card, {"guard_dir": str(card.directory / "guard")}), outside)
    yield watched
    with contextlib.suppress(ProcessLookupError, AssertionError):
        os.kill(watched.pid, signal.SIGTERM)
