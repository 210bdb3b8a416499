# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Backends that nobody here wrote, as their authors published them: none of them is refused.

They are fetched when they are first asked for, by npm, with the lockfile that npm makes for them; nothing of theirs is
kept but in ``.cache``. Run them by ``make corpus``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _check, _ecosystem_file, _pack, _rules
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry, Host, Program, Subject
from ansible_collections.nodeops.pm2.tests.unit.plugins.module_utils.conftest import SLOTS
from ansible_collections.nodeops.pm2.tests.unit.releases.conftest import DEPLOYED

PROJECT = Path(__file__).parents[3]
CACHE = PROJECT / ".cache/releases"
AT_A_TIME = 3
LOCK = ("install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")

pytestmark = pytest.mark.npm


@dataclass(frozen=True)
class Backend:
    """A published package.

    :param what: what it is an example of.
    :param node: of the host, where the newest would not do.
    """

    package: str
    script: str
    what: str
    node: str = "24.19.0"
    health: str = ""

    @property
    def artifact(self) -> Path:
        return CACHE / (self.package.replace("/", "+") + ".tar.gz")


BACKENDS = (
    Backend("json-server@0.17.4", "lib/cli/bin.js", "Express"),
    Backend("json-server@1.0.0-beta.3", "lib/bin.js", "an ES module"),
    Backend("cors-anywhere@0.4.4", "server.js", "CommonJS without a dependency but two"),
    Backend("http-server@14.1.1", "bin/http-server", "a script without a suffix"),
    Backend("peer@1.0.2", "dist/bin/peerjs.js", "a dual package, bundled"),
    Backend("fastify-cli@7.4.0", "cli.js", "Fastify"),
    Backend("homebridge-config-ui-x@4.72.0", "dist/bin/standalone.js", "Nest, built", node="22.12.0"),
    Backend("egg@3.31.0", "index.js", "Koa"),
    Backend("probot@13.4.5", "bin/probot.js", "TypeScript built as an ES module", health="/ping"),
    Backend("redis-commander@0.9.0", "bin/redis-commander.js", "an ecosystem file of its own"),
    Backend("node-red@4.0.9", "red.js", "Express behind packages of its own"),
    Backend("@scalar/mock-server@0.3.25", "dist/index.js", "Hono"),
    Backend("hubot@11.6.0", "bin/Hubot.mjs", "an ES module by its suffix"),
    Backend("@actual-app/sync-server@25.6.0", "build/bin/actual-server.js", "Babel's output"),
)


@pytest.fixture(scope="module", autouse=True)
def _fetched(node: str) -> None:
    """All of them at once, where they are not there yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    missing = [backend for backend in BACKENDS if not backend.artifact.exists()]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(lambda backend: fetch(backend, Path(node).parent), missing))


def fetch(backend: Backend, programs: Path) -> None:
    """Pack what the package's user would have in git: what was published, and a lockfile."""
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=CACHE) as scratch:
        tree = Path(scratch, "package")
        packed = npm(programs, "pack", "--silent", backend.package, cwd=Path(scratch)).strip().splitlines()[-1]
        with tarfile.open(Path(scratch, packed)) as archive:
            archive.extractall(scratch, filter="data")
        manifest = tree / "package.json"
        published = json.loads(manifest.read_text(encoding="utf-8"))
        published.pop("devDependencies", None)  # what only its authors need
        manifest.write_text(json.dumps(published, indent=2), encoding="utf-8")
        if not (tree / "npm-shrinkwrap.json").exists():
            npm(programs, *LOCK, cwd=tree)
        made = Path(scratch, "artifact")
        with tarfile.open(made, "w:gz") as archive:
            archive.add(tree, arcname=".")
        made.replace(backend.artifact)


def npm(programs: Path, *arguments: str, cwd: Path) -> str:
    """What npm prints."""
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    program = shutil.which("npm", path=environment["PATH"])
    ended = subprocess.run(
        [str(program), *arguments], cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return ended.stdout


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: f"{backend.package}, {backend.what}")
def test_it_is_not_refused(backend: Backend, tmp_path: Path, node: str, node_version: str) -> None:
    tree = _pack.pack(backend.artifact, tmp_path)
    assert backend.script in tree.files
    ecosystems = _ecosystem_file.read_all(tree, [""], node=node, version=node_version)
    subject = Subject(
        tree,
        Entry(backend.script, **DEPLOYED),
        Host(node=Program(backend.node)),
        slots=SLOTS,
        health_path=backend.health,
        ecosystems=ecosystems,
        install_args=("--omit=dev",),
    )
    found = _check.run(subject, _rules.RULES)
    assert [str(item) for item in found if item.severity == ERROR] == []
    assert all(not file.error for file in ecosystems)
