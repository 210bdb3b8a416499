# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the scenarios' tests share: the embedded hosts, one test run for each."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Card:
    """An embedded host, as ``shared/create.yml`` made it.

    :param name: inventory name.
    :param ports: TCP ports by use: ``edge``, ``blue``, ``green``, ``main``, ``spare``, ``alien``.
    """

    name: str
    directory: Path
    root: Path
    run_dir: Path
    pm2_home: Path
    ports: dict[str, int]

    @classmethod
    def read(cls, path: Path) -> Card:
        """The card in a file."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        paths = {name: Path(raw[name]) for name in ("directory", "root", "run_dir", "pm2_home")}
        return cls(name=raw["name"], ports={use: int(port) for use, port in raw["ports"].items()}, **paths)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``card`` once for every host of the scenario."""
    if "card" in metafunc.fixturenames:
        paths = sorted(Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]).glob("*.card.json"))
        assert paths, "the scenario has no hosts"
        metafunc.parametrize("card", [Card.read(path) for path in paths], ids=lambda card: card.name, scope="session")
