# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backends that nobody here wrote are deployed as they are: json-server by its own CLI, cors-anywhere as packed."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import variants
from ansible_collections.nodeops.pm2.molecule.conftest import PROJECT, App, Card

NPM = PROJECT / ".venv/node/bin"
LOCK = ("install", "--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved")


@dataclass(frozen=True)
class Backend:
    """A backend from npm.

    :param make: fills a directory with what its user would have in git, but for the lockfile.
    :param path: a path that it answers.
    :param says: a part of that answer.
    :param options: of the role, without their prefix.
    """

    make: Callable[[Path], object]
    path: str
    says: str
    options: dict[str, Any]


def json_server(directory: Path) -> None:
    """A project that has json-server among its dependencies, and a file for it to serve."""
    package = {"name": "catalogue", "private": True, "dependencies": {"json-server": "0.17.4"}}
    (directory / "package.json").write_text(json.dumps(package), encoding="utf-8")
    (directory / "db.json").write_text(json.dumps({"products": [{"id": 1, "name": "a lamp"}]}), encoding="utf-8")


def cors_anywhere(directory: Path) -> None:
    """The package itself, unpacked."""
    packed = npm("pack", "--silent", "cors-anywhere@0.4.4", cwd=directory.parent).strip()
    with tarfile.open(directory.parent / packed) as archive:
        for member in archive:
            member.name = member.name.removeprefix("package/")
            archive.extract(member, directory, filter="data")


BACKENDS = {
    "alpha": Backend(
        json_server,
        path="/products",
        says="a lamp",
        options={
            "script": "node_modules/.bin/json-server",
            "args": ["db.json", "--host", "127.0.0.1", "--port", "{port}"],
            "health": {"path": "/products", "body": "a lamp"},
        },
    ),
    "beta": Backend(
        cors_anywhere,
        path="/",
        says="This API enables cross-origin requests to anywhere.",
        options={
            "script": "server.js",
            "env": {"HOST": "127.0.0.1"},
            "health": {"path": "/", "body": "cross-origin"},
            "smoke": [{"path": "/http://127.0.0.1:1/", "status": [400], "body": "Missing required request header"}],
        },
    ),
}


def npm(*arguments: str, cwd: Path) -> str:
    """What npm prints."""
    environment = {**os.environ, "PATH": f"{NPM}:{os.environ['PATH']}"}
    ended = subprocess.run(
        [NPM / "npm", *arguments], cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return ended.stdout


@pytest.fixture(scope="module")
def backend(card: Card) -> Backend:
    return BACKENDS[card.name]


@pytest.fixture(scope="module")
def app(card: Card, backend: Backend) -> App:
    """It, on the host, deployed from a checkout with one commit."""
    checkout = card.directory / "source"
    checkout.mkdir()
    backend.make(checkout)
    npm(*LOCK, cwd=checkout)
    variants.commit(checkout, "As it is")
    return App(card, {**backend.options, "source": str(checkout)})


def test_it_is_deployed(app: App, backend: Backend) -> None:
    app.play("deploy", release="r1")
    app.serves("r1", "blue")
    assert backend.says in app.text(backend.path)


def test_it_is_deployed_again(app: App, backend: Backend) -> None:
    with app.asked(backend.path):
        app.play("deploy", release="r2", env={**app.options.get("env", {}), "TURN": "2"})
    app.serves("r2", "green")
    assert backend.says in app.text(backend.path)
    assert len(os.listdir(app.layout.deps)) == 1, "the same lockfile, so that nothing was to be installed"


def test_it_is_rolled_back(app: App, backend: Backend) -> None:
    with app.asked(backend.path):
        app.rollback()
    app.serves("r1", "blue")
    assert backend.says in app.text(backend.path)
