# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What no sane release holds is met with a clear word, within bounds, and nothing of it gets out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nodeops.pm2.plugins.module_utils import _sandbox
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import LONGEST, LONGEST_WHOLE
from ansible_collections.nodeops.pm2.plugins.modules import release_check
from ansible_collections.nodeops.pm2.tests.unit.releases.conftest import packed
from ansible_collections.nodeops.pm2.tests.unit.releases.healthy import EXPRESS, Release

HOST_RULES = ["pm2_missing", "disk_space", "inodes", "root_owner", "path_too_long"]

Check = Callable[..., dict[str, Any]]


@pytest.fixture
def check(tmp_path: Path, node: str) -> Check:
    """The module on a release, to what it would print."""
    (tmp_path / "work").mkdir()

    def apply(release: Release | None = None, **options: Any) -> dict[str, Any]:
        given: dict[str, Any] = {
            "root": str(tmp_path / "root"),
            "pm2_home": str(tmp_path / "home"),
            "pm2_bin": "/nowhere/pm2",
            "node_bin": node,
            "entry": {"script": "server.js", "name": "shop-blue", "env": ["NODE_ENV", "PORT"]},
            "skip": HOST_RULES,
            "fail": False,
            **({"archive": str(packed(release, tmp_path / "a.tar.gz"))} if release else {}),
            **options,
        }
        validated = ArgumentSpecValidator(release_check.SPEC).validate(given).validated_parameters
        result = release_check.run(validated, tmpdir=str(tmp_path / "work"))  # a rule without end would be an error
        assert os.listdir(tmp_path / "work") == []
        json.dumps(result).encode()  # fit to be printed
        return result

    return apply


def with_files(**files: Any) -> Release:
    return Release({**EXPRESS.files, **files}, EXPRESS.entry)


def rules(result: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in result["findings"]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("throw new Error('hunter2')", "it ends with Error"),
        ("const kept = []; for (;;) kept.push(Buffer.alloc(10e6, 1))", "ERR_MEMORY_ALLOCATION_FAILED"),
        ("const kept = []; for (;;) kept.push(Array(100000).fill({x: 1}))", "too much memory"),
        ("for (;;) console.log('hunter2')", "did not end"),
        ("for (;;);", "did not end"),
        ("for (;;) try { require('fs').writeSync(1, 'hunter2'.repeat(9999)) } catch {}", "printed more"),
        ("require('child_process').spawn('sleep', ['60'])", "ERR_ACCESS_DENIED"),
        ("require('fs').readFileSync('/etc/passwd')", "ERR_ACCESS_DENIED"),
        ("process.exit(0)", "gave no answer"),
    ],
)  # fmt: skip
def test_an_ecosystem_file_that_misbehaves(check: Check, monkeypatch: pytest.MonkeyPatch, text: str, why: str) -> None:
    monkeypatch.setattr(_sandbox, "SECONDS", 1.0 if why == "did not end" else 20.0)
    result = check(with_files(**{"ecosystem.config.js": text}))
    (found,) = (one for one in result["findings"] if one["rule"] == "ecosystem_unreadable")
    assert why in found["message"]
    assert "hunter2" not in json.dumps(result)


def test_an_ecosystem_file_cannot_smuggle_a_secret_out(check: Check) -> None:
    config = "const secret = require('fs').readFileSync('.env', 'utf8'); module.exports = {apps: [{name: secret,"
    config += " script: secret, args: secret, namespace: secret, env: {[secret]: secret}}]}"
    result = check(with_files(**{"ecosystem.config.js": config, ".env": "API_KEY=hunter2-q7Wm2Zx9\nOTHER=7\n"}))
    assert {"ecosystem_differs", "env_committed"} <= rules(result)
    assert "hunter2" not in json.dumps(result)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"server.js": "import a from 'x';" + "import a import {b} require( var / " * 9000}, id="one line"),
        pytest.param({"server.js": "`${" * 100_000}, id="templates"),
        pytest.param({"server.js": "(" * 200_000 + "{" * 200_000}, id="brackets"),
        pytest.param({"server.js": "x" * (LONGEST + 1)}, id="a bundle"),
        pytest.param({"package.json": "[" * 100_000, "tsconfig.json": '{"a":' * 50_000}, id="deep JSON"),
        pytest.param({"process.json": '{"apps":' * 50_000}, id="a deep process.json"),
        pytest.param({"package-lock.json": '{"packages": {' + '"a": {},' * 400_000 + "}}"}, id="a huge lockfile"),
        pytest.param({"pnpm-lock.yaml": "a:\n  b: {" * 60_000}, id="a broken lockfile"),
        pytest.param({"deploy.sh": "npm run build;" * 30_000, "Makefile": "\t" + "'" * 300_000}, id="shell"),
        pytest.param({"Dockerfile": "RUN a \\\n" * 60_000}, id="a Dockerfile"),
        pytest.param({".env": "A=" + "y" * 400_000 + "\nB=1" * 20_000}, id="an env file"),
        pytest.param({".gitignore": "**/" * 2000 + "a\n" + "*" * 50_000, "src/server.ts": ""}, id="patterns"),
        pytest.param({f"p/{number}/package.json": {"exports": {"./*": "./*.js"}} for number in range(500)}, id="many"),
        pytest.param({"tsconfig.json": {"extends": "./tsconfig.json"}}, id="circular configs"),
        pytest.param({"package.json": {"scripts": {"a": "npm run b", "b": "npm run a"}}}, id="circular scripts"),
    ],
)  # fmt: skip
def test_what_is_gigantic_or_never_ends(check: Check, files: dict[str, Any]) -> None:
    check(with_files(**files), entry={"script": "server.js", "name": "shop", "env": ["NODE_ENV"]})
    if "src/server.ts" in files or "tsconfig.json" in files:
        check(with_files(**files), entry={"script": "src/server.ts", "loader": "tsx"})


def test_names_of_every_kind(check: Check, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    names = [
        b"sp ace.js",
        b"new\nline.js",
        b"caf\xe9.js",
        "snow☃.js".encode(),
        b"\x1b[31m.js",
        b"-rf",
        b"$(id).sh",
        b"%s",
    ]
    for name in names:
        (tree / os.fsdecode(name)).write_text(
            f"-----BEGIN {'PRIVATE'} KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 6
        )
        (tree / os.fsdecode(name)).chmod(0o666)
    (tree / "server.js").write_text("")
    result = check(path=str(tree))
    assert {"private_key_committed", "unsafe_modes"} <= rules(result)
    told = json.dumps(result, ensure_ascii=False)
    assert "\x1b" not in told
    assert "\\udce9" in told.replace("\\\\", "\\")
    (found,) = (one for one in result["findings"] if one["rule"] == "private_key_committed")
    assert len(found["evidence"]) == len(names)


def test_links_that_lead_in_circles_or_out(check: Check, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "src").mkdir(parents=True)
    (tmp_path / "secret.js").write_text("const hunter2 = 1;\nconst hunter2 = 2;\n")
    (tree / "server.js").write_text("require('./out'); require('./a'); require('./src/up/server.js')")
    for name, target in (
        ("a.js", "b.js"),
        ("b.js", "a.js"),
        ("out.js", "../secret.js"),
        ("src/up", ".."),
        ("here", "."),
    ):
        (tree / name).symlink_to(target)
    result = check(path=str(tree))
    assert "hunter2" not in json.dumps(result)
    assert [one["rule"] for one in result["findings"] if one["severity"] == "error"] == []


def test_a_file_that_is_mostly_hole(check: Check, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "server.js").write_text("")
    for name in ("dump.sql", "package-lock.json", "a.node", "src.js", ".env"):
        with (tree / name).open("wb") as stream:
            stream.truncate(2 << 30)
    assert LONGEST_WHOLE < 2 << 30
    check(path=str(tree))


def test_a_special_file_is_not_opened(check: Check, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "server.js").write_text("")
    os.mkfifo(tree / "ecosystem.config.js")
    os.mkfifo(tree / ".env")
    check(path=str(tree))


def test_a_directory_that_cannot_be_read_is_told(check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tmp_path / "tree"
    (tree / "private").mkdir(parents=True)
    (tree / "server.js").write_text("")
    real = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith("private"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    (found,) = (one for one in check(path=str(tree))["findings"] if one["rule"] == "not_read")
    assert found["evidence"] == [{"file": "private", "line": 0, "text": "Permission denied"}]


def test_an_archive_that_is_none(check: Check, tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"\x1f\x8b" + os.urandom(5000))
    with pytest.raises(DeployError, match="corrupt"):
        check(archive=str(tmp_path / "a.tar.gz"))
