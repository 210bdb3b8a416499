# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A deploy to come, and the modules that carry it out."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nodeops.pm2.plugins.module_utils import _inspection
from ansible_collections.nodeops.pm2.plugins.modules import deploy, release
from ansible_collections.nodeops.pm2.tests.unit.plugins.modules.acts import OWNER, Run

CLEAN: dict[str, Any] = {"findings": [], "passed_over": [], "counts": {}}


@pytest.fixture
def inspected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was inspected; the rules have tests of their own."""
    seen: list[str] = []

    def look(params: dict[str, Any], *, tmpdir: str, fail: bool) -> dict[str, Any]:
        assert Path(tmpdir).is_dir()
        assert fail is not params["lenient"]
        seen.append(params["archive"])
        return CLEAN

    monkeypatch.setattr(_inspection, "run", look)
    return seen


@pytest.fixture
def run(app: Any, tmp_path: Path) -> Run:
    """The modules in a world that is not real: with an archive it is a deploy, without one a release."""

    def act(state: str, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        module = deploy if "archive" in options else release
        given = {"root": str(app.layout.root), "state": state, "owner": asdict(OWNER), **options}
        validated = ArgumentSpecValidator(module.SPEC).validate(given)
        assert validated.error_messages == []
        params = validated.validated_parameters
        if module is release:
            return release.Release(params, check_mode=check_mode).do()
        return deploy.Deploy(params, check_mode=check_mode, tmpdir=str(tmp_path)).do()

    return act


@pytest.fixture
def r2(app: Any, tmp_path: Path) -> dict[str, Any]:
    """Options of a deploy of r2; r1 is live in blue."""
    app.deployed("r1", "blue")
    archive = tmp_path / "artifact.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo("server.js")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"1"))
    return {
        **{name: value for name, value in app.options(duration=20).items() if value is not None},
        "release": "r2",
        "archive": str(archive),
        "checksum": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "revision": "abc",
        "entry": {"script": "server.js"},
        "ecosystems": {"blue": "b", "green": "g"},
        "dependencies": "shipped",
    }
