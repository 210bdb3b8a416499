# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module from its options to its answer, on a real archive."""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nodeops.pm2.plugins.doc_fragments import inspection
from ansible_collections.nodeops.pm2.plugins.module_utils import _options, _rules
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.modules import release_check

HOST_RULES = ["node_missing", "pm2_missing", "disk_space", "inodes", "root_owner", "path_too_long"]
INCIDENT = {
    "package.json": json.dumps({"type": "module", "main": "dist/server.js"}),
    "src/server.ts": "export {}\n",
    "dist/server.js": "exports.a = 1\n",
}
HEALTHY = {"package.json": json.dumps({"type": "module"}), "server.js": "import 'node:http'\n"}


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    def write(files: dict[str, str], times: dict[str, int] | None = None) -> Path:
        path = tmp_path / "a.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, text in files.items():
                info = tarfile.TarInfo(name)
                info.size, info.mtime = len(text), (times or {}).get(name, 0)
                archive.addfile(info, io.BytesIO(text.encode()))
        return path

    return write


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    work = tmp_path / "work"
    work.mkdir()

    def apply(**options: Any) -> dict[str, Any]:
        given = {
            "root": str(tmp_path / "root"),
            "pm2_home": str(tmp_path / "home"),
            "node_bin": "/nowhere/node",
            "pm2_bin": "/nowhere/pm2",
            "entry": {"script": "server.js"},
            "skip": HOST_RULES,
            **options,
        }
        validated = ArgumentSpecValidator(release_check.SPEC).validate(given)
        assert validated.error_messages == []
        try:
            return release_check.run(validated.validated_parameters, tmpdir=str(work))
        finally:
            assert os.listdir(work) == []

    return apply


def test_a_healthy_release(check: Callable[..., Any], pack: Callable[..., Path]) -> None:
    result = check(archive=str(pack(HEALTHY)))
    assert (result["changed"], result["findings"], result["passed_over"]) == (False, [], sorted(HOST_RULES))
    assert result["counts"] == {"error": 0, "warning": 0, "skipped": len(HOST_RULES)}


def test_the_incident_is_refused_in_words_and_in_facts(check: Callable[..., Any], pack: Callable[..., Path]) -> None:
    entry = {"script": "src/server.ts", "loader": "tsx"}
    skip = [*HOST_RULES, "loader_missing"]
    with pytest.raises(
        DeployError, match=r"package.json:1(.|\n)*dist/server.js:1(.|\n)*\[stale_build_output\]"
    ) as caught:
        check(archive=str(pack(INCIDENT)), entry=entry, skip=skip)
    assert [item["rule"] for item in caught.value.facts["findings"]] == ["stale_build_output"]
    found = check(archive=str(pack(INCIDENT)), entry=entry, skip=skip, fail=False)
    assert found["counts"]["error"] == 1
    assert check(archive=str(pack(INCIDENT)), entry=entry, skip=[*skip, "stale_build_output"])["findings"] == []


def test_the_times_in_the_archive_count(check: Callable[..., Any], pack: Callable[..., Path]) -> None:
    files = {"src/server.ts": "", "dist/server.js": "x()"}
    archive = pack(files, {"src/server.ts": 1000, "dist/server.js": 990})
    found = check(archive=str(archive), entry={"script": "dist/server.js"}, fail=False)["findings"]
    assert [item["rule"] for item in found] == ["stale_compiled_entry"]


def test_an_unpacked_release(check: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with pytest.raises(DeployError, match=r"no server\.js in the release"):
        check(path=str(tmp_path / "tree"))
    with pytest.raises(DeployError, match="no release to check"):
        check(path=str(tmp_path / "none"))


def test_an_unknown_rule_is_refused_before_anything_else(check: Callable[..., Any]) -> None:
    with pytest.raises(DeployError, match="disk_spaces"):
        check(archive="/nowhere/a.tar.gz", skip=["disk_spaces"])


def test_a_corrupt_archive_is_its_own_failure(check: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(DeployError, match="corrupt"):
        check(archive=str(path))


def test_an_ecosystem_file_in_the_archive_is_evaluated(
    check: Callable[..., Any], pack: Callable[..., Path], node: str
) -> None:
    config = "const {name} = require('./package.json'); module.exports = {apps: [{name, script: 'dist/old.js'}]}"
    package = json.dumps({"name": "shop"})
    archive = pack({"package.json": package, "server.js": "", "ecosystem.config.js": config})
    entry = {"script": "server.js", "name": "shop-blue", "max_restarts": 3, "min_uptime": 10_000, "env": ["NODE_ENV"]}
    slots = [{"name": "blue", "process": "shop-blue", "address": "127.0.0.1:3001"}]
    found = check(archive=str(archive), entry=entry, slots=slots, node_bin=node, fail=False)["findings"]
    assert [(one["rule"], one["severity"]) for one in found] == [
        ("ecosystem_differs", "error"),
        ("ecosystem_limits", "warning"),
    ]
    assert "runs dist/old.js, and the deploy runs server.js" in found[0]["message"]


def test_the_health_path_is_looked_for(check: Callable[..., Any], pack: Callable[..., Path]) -> None:
    archive = str(pack(HEALTHY))
    assert check(archive=archive)["counts"]["warning"] == 0
    assert [one["rule"] for one in check(archive=archive, health_path="/ready")["findings"]] == ["health_route_missing"]


def test_options_and_their_documentation_are_the_same() -> None:
    own = yaml.safe_load(release_check.DOCUMENTATION)["options"]
    shared = yaml.safe_load(inspection.ModuleDocFragment.DOCUMENTATION)["options"]
    documented = {**own, **shared, "entry": {**own["entry"], **shared["entry"]}}
    fragments = {*_options.ROOT, *_options.PM2}
    assert set(release_check.SPEC) - fragments == set(documented)
    for name, spec in (*release_check.SPEC.items(), *release_check.SPEC["entry"]["options"].items()):
        described = documented.get(name) or documented["entry"]["suboptions"].get(name, {})
        if name not in fragments:
            assert described.get("default") == spec.get("default"), name


def test_the_documentation_names_every_rule_and_no_other() -> None:
    sentences = [
        one for one in yaml.safe_load(release_check.DOCUMENTATION)["description"] if one.startswith("Rules on ")
    ]
    named = [name for sentence in sentences for name in re.findall(r"V\((\w+)\)", sentence)]
    assert sorted(named) == sorted(item.id for item in _rules.RULES)
