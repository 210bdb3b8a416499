# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The store, with a package manager that is a few lines of the test's own: it needs neither Node.js nor a network."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _command,
    _dependencies,
    _inputs,
    _lockfile,
    _package_manager,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

# Stands for Node.js: describes itself, and is told to run npm's script, which is the rest of it.
FAKE_NODE = """\
#!{python}
import json, os, pathlib, sys
if sys.argv[1] == "-e":
    print(json.dumps(dict(version="v24.0.0", platform="linux", arch="x64", libc="glibc")))
    sys.exit()
here = pathlib.Path.cwd()
log = pathlib.Path({log!r})
with log.open("a") as stream:
    stream.write(json.dumps([sys.argv[1:], sorted(str(p.relative_to(here)) for p in here.rglob("*"))]) + "\\n")
if "patch-package" in sys.argv[1]:
    (here / "node_modules/ms/index.js").write_text("patched")
    sys.exit()
if "--fail" in sys.argv:
    print("//registry.example/:_authToken=hunter2 https://me:hunter2@registry.example/ms", file=sys.stderr)
    sys.exit(7)
made = here / "node_modules/ms/index.js"
made.parent.mkdir(parents=True)
made.write_text("ms")
if (here / "patches").is_dir():
    (here / "node_modules/patch-package").mkdir()
    (here / "node_modules/patch-package/index.js").write_text("")
if "--race" in sys.argv:
    winner = here.parent / here.name.split(".")[1]
    winner.mkdir()
    (winner / ".complete").write_text(json.dumps(dict(key=winner.name)))
    (winner / "node_modules").mkdir()
    (winner / "node_modules/winner.js").write_text("")
"""
MANIFEST = {"name": "app", "version": "1.0.0", "scripts": {"prepare": "tsc"}, "dependencies": {"ms": "2.0.0"}}


class Host:
    """A root with releases in it, and the fake Node.js."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.deps = root / "deps"
        self.log = root / "log"
        self.node = root / "node/bin/node"
        self.node.parent.mkdir(parents=True)
        self.node.write_text(FAKE_NODE.format(python=sys.executable, log=str(self.log)))
        self.node.chmod(0o755)
        self.npm = root / "node/lib/node_modules/npm/bin/npm-cli.js"
        self.npm.parent.mkdir(parents=True)
        self.npm.write_text("")

    def release(self, name: str, files: dict[str, str] | None = None, **manifest: Any) -> Path:
        tree = self.root / name
        tree.mkdir()
        wanted = {"package.json": json.dumps({**MANIFEST, **manifest}), "package-lock.json": "{}", **(files or {})}
        for path, text in wanted.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        return tree

    def install(self, release: Path, *args: str) -> _dependencies.Installed:
        return _dependencies.install(release, self.deps, node=str(self.node), install_args=args, timeout=60)

    def runs(self) -> list[Any]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_second_release_installs_nothing(host: Host) -> None:
    first = host.install(host.release("r1"), "--omit=dev")
    second = host.install(host.release("r2", version="1.0.1", scripts={}), "--omit=dev")
    assert (first.reused, second.reused) == (False, True)
    assert (first.key, first.files, first.skipped) == (second.key, second.files, second.skipped)
    (argv, seen), *more = host.runs()
    assert more == []
    assert argv == [str(host.npm), "ci", "--no-audit", "--no-fund", "--no-update-notifier", "--omit=dev"]
    assert seen == ["package-lock.json", "package.json"]
    shared = [host.root / name / "node_modules/ms/index.js" for name in ("r1", "r2")]
    assert shared[0].samefile(shared[1])
    assert not shared[0].stat().st_mode & 0o222


def test_an_entry_is_whole_and_carries_no_scripts(host: Host) -> None:
    key = host.install(host.release("r1")).key
    assert os.listdir(host.deps) == [key]
    facts = json.loads((host.deps / key / ".complete").read_text())
    assert (facts["key"], facts["version"], facts["files"]) == (key, "v24.0.0", 1)
    assert "scripts" not in json.loads((host.deps / key / "package.json").read_text())
    assert "prepare" in (host.root / "r1/package.json").read_text()


@pytest.mark.parametrize(
    ("files", "manifest"),
    [
        ({}, {"dependencies": {"ms": "2.1.0"}}),
        ({"package-lock.json": '{"lockfileVersion": 3}'}, {}),
        ({".npmrc": "legacy-peer-deps=true"}, {}),
        ({"patches/ms.patch": ""}, {}),
    ],
)
def test_another_input_is_another_entry(host: Host, files: dict[str, str], manifest: dict[str, Any]) -> None:
    assert host.install(host.release("r1")).key != host.install(host.release("r2", files, **manifest)).key


def test_other_arguments_are_another_entry(host: Host) -> None:
    assert host.install(host.release("r1")).key != host.install(host.release("r2"), "--omit=dev").key


def test_patches_are_applied_in_the_store(host: Host) -> None:
    host.install(host.release("r1", {"patches/ms+2.0.0.patch": "a patch"}))
    assert (host.root / "r1/node_modules/ms/index.js").read_text() == "patched"


@pytest.mark.parametrize("manifest", [{"dependencies": {}}, {"dependencies": {}, "devDependencies": {"tsx": "4"}}])
def test_a_release_without_dependencies_is_left_alone(host: Host, manifest: dict[str, Any]) -> None:
    release = host.release("r1", **manifest)
    (release / "package-lock.json").unlink()
    done = host.install(release)
    assert (done.skipped, done.key) == (True, "")
    assert not host.deps.exists()
    assert host.runs() == []


def test_dependencies_without_a_lockfile_are_refused(host: Host) -> None:
    release = host.release("r1")
    (release / "package-lock.json").unlink()
    with pytest.raises(DeployError, match=r"npm-shrinkwrap\.json or package-lock\.json or pnpm-lock\.yaml"):
        host.install(release)


def test_shipped_modules_are_refused_before_anything_is_installed(host: Host) -> None:
    with pytest.raises(DeployError, match="ships node_modules"):
        host.install(host.release("r1", {"node_modules/ms/index.js": ""}))
    assert host.runs() == []


def test_a_failure_is_shown_without_its_secrets_and_leaves_nothing(host: Host) -> None:
    release = host.release("r1")
    with pytest.raises(DeployError) as caught:
        host.install(release, "--fail")
    assert "exit code 7" in str(caught.value)
    assert str(release) in str(caught.value)
    assert "//registry.example/:_authToken=***" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert os.listdir(host.deps) == []
    assert not (release / "node_modules").exists()


def test_an_unfinished_entry_is_never_used(host: Host) -> None:
    key = host.install(host.release("r1")).key
    (host.deps / key / ".complete").unlink()
    (host.deps / key / "node_modules/half").write_text("")
    done = host.install(host.release("r2"))
    assert (done.key, done.reused, done.files) == (key, False, 1)
    assert os.listdir(host.deps) == [key]


def test_an_entry_under_another_name_is_no_entry(host: Host) -> None:
    key = host.install(host.release("r1")).key
    (host.deps / key).rename(host.deps / "renamed")
    assert not _dependencies.is_complete(host.deps / "renamed")


def test_the_loser_of_a_race_uses_what_the_winner_made(host: Host) -> None:
    host.install(host.release("r1"), "--race")
    assert os.listdir(host.root / "r1/node_modules") == ["winner.js"]
    assert len(os.listdir(host.deps)) == 1


def collected(tree: Path) -> dict[str, bytes]:
    lockfile = _lockfile.find(tree)
    assert lockfile is not None
    return _inputs.collect(tree, lockfile)


def test_what_of_a_workspace_counts(host: Host) -> None:
    lock = {
        "packages": {
            "": {"dependencies": {"lib": "file:vendor/lib"}},
            "packages/b": {},
            "vendor/lib": {},
            "node_modules/t": {"resolved": "file:vendor/t.tgz"},
        }
    }
    files = {
        "package-lock.json": json.dumps(lock),
        "packages/b/package.json": '{"version": "1.0.0", "bin": {"b": "./cli.js"}, "scripts": {"install": "exit 1"}}',
        "packages/b/cli.js": "source",
        "packages/b/index.js": "source",
        "packages/b/node_modules/x/package.json": "{}",
        "test/fixtures/package.json": "{}",
        "vendor/t.tgz": "tarball",
        "vendor/lib/package.json": "{}",
        "vendor/lib/index.js": "source of what npm links to",
        ".npmrc": "a=b",
        "patches/t+1.patch": "patch",
        "src/server.ts": "source",
    }
    found = collected(host.release("r1", files))
    assert sorted(found) == sorted(
        [
            "package.json",
            "package-lock.json",
            "packages/b/package.json",
            "packages/b/cli.js",
            "vendor/lib/package.json",
            "vendor/t.tgz",
            ".npmrc",
            "patches/t+1.patch",
        ]
    )
    assert json.loads(found["packages/b/package.json"]) == {"version": "1.0.0", "bin": {"b": "./cli.js"}}
    assert found["packages/b/cli.js"] == b""  # only its being there counts
    assert found["vendor/t.tgz"] == b"tarball"


def test_a_copied_local_dependency_counts_as_a_whole(host: Host) -> None:
    files = {
        "yarn.lock": '"lib@file:vendor/lib":\n  version "1.0.0"\n',
        "vendor/lib/package.json": '{"scripts": {"install": "node-gyp rebuild"}}',
        "vendor/lib/index.js": "source",
        "vendor/lib/node_modules/x.js": "",
        "packages/a/package.json": "{}",
        "packages/a/index.js": "",
        "packages/a/node_modules/x/package.json": "{}",
    }
    tree = host.release("r1", files, workspaces=["packages/**"])
    (tree / "package-lock.json").unlink()
    found = collected(tree)
    assert sorted(found) == [
        "package.json",
        "packages/a/package.json",
        "vendor/lib/index.js",
        "vendor/lib/package.json",
        "yarn.lock",
    ]
    assert b"node-gyp" in found["vendor/lib/package.json"]


def test_nothing_outside_the_release_is_read(host: Host) -> None:
    (host.root / "secret").write_text("")
    lock = {"packages": {"../outside": {}, "node_modules/s": {"resolved": "file:../secret"}}}
    tree = host.release("r1", {"package-lock.json": json.dumps(lock)}, bin="../secret")
    assert sorted(collected(tree)) == ["package-lock.json", "package.json"]


def program(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("manager", "expected"),
    [
        ("pnpm", ["{bin}/pnpm", "install", "--frozen-lockfile"]),
        ("yarn", ["{bin}/yarn", "install", "--frozen-lockfile", "--non-interactive", "--prod"]),
        ("berry", ["{bin}/yarn", "install", "--immutable", "--prod"]),
    ],
)
def test_the_other_package_managers_are_looked_for_beside_node(host: Host, manager: str, expected: list[str]) -> None:
    for name in ("pnpm", "yarn"):
        program(host.node.parent / name)
    node = _package_manager.locate(str(host.node))
    argv = _package_manager.command(_lockfile.Lockfile("", manager, ""), node, ["--prod"], tree=host.root)
    assert argv[: len(expected)] == [part.format(bin=host.node.parent) for part in expected]
    assert argv[-1] == "--prod"


def test_a_yarn_that_the_release_brings_is_run_by_node(host: Host) -> None:
    (host.root / ".yarnrc.yml").write_text("nodeLinker: node-modules\nyarnPath: .yarn/releases/yarn-4.cjs\n")
    node = _package_manager.locate(str(host.node))
    argv = _package_manager.command(_lockfile.Lockfile("", "berry", ""), node, [], tree=host.root)
    assert argv == [str(host.node), ".yarn/releases/yarn-4.cjs", "install", "--immutable"]


def test_npm_is_found_behind_a_linked_node(host: Host, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/node").symlink_to(host.node)
    node = _package_manager.locate(str(tmp_path / "bin/node"))
    argv = _package_manager.command(_lockfile.Lockfile("", "npm", ""), node, [], tree=host.root)
    assert argv[:2] == [str(tmp_path / "bin/node"), str(host.npm)]


def test_a_missing_package_manager_is_named(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_command, "SYSTEM_PATH", str(host.root))
    with pytest.raises(DeployError, match="npm install --global pnpm"):
        host.install(host.release("r1", {"pnpm-lock.yaml": ""}, packageManager="pnpm@10"))


def test_a_missing_node_is_named(host: Host) -> None:
    host.node.unlink()
    with pytest.raises(DeployError, match=str(host.node)):
        host.install(host.release("r1"))


def test_a_node_that_does_not_describe_itself(host: Host) -> None:
    host.node.write_text("#!/bin/sh\necho broken >&2\n")
    with pytest.raises(DeployError, match="broken"):
        host.install(host.release("r1"))


@pytest.mark.parametrize(
    ("stdout", "stderr", "expected"),
    [
        ("a\n\n", "b\n", "a\nb"),
        ("", "".join(f"{number}\n" for number in range(9)), "0\n1\n...\n7\n8"),
        ("npmAuthToken: x y", "_password=x", "npmAuthToken: *** y\n_password=***"),
    ],
)
def test_excerpt(stdout: str, stderr: str, expected: str) -> None:
    assert _package_manager.excerpt(stdout, stderr, lines=4) == expected


def tarball(path: Path, files: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size, info.mode = len(text), 0o755
            archive.addfile(info, io.BytesIO(text.encode()))


@pytest.mark.skipif(not all(map(shutil.which, ("node", "npm"))), reason="needs a Node.js with its npm")
def test_the_real_npm_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # npm's cache and settings are the test's own
    node = shutil.which("node")
    assert node is not None
    for name in ("r1", "r2"):
        tree = tmp_path / name
        tarball(
            tree / "vendor/tiny.tgz",
            {
                "package.json": '{"name": "tiny", "version": "1.0.0", "bin": "cli.js"}',
                "cli.js": "#!/usr/bin/env node\n",
            },
        )
        manifest = {"name": "app", "workspaces": ["b"], "scripts": {"postinstall": "exit 1"}}
        (tree / "package.json").write_text(json.dumps({**manifest, "dependencies": {"tiny": "file:vendor/tiny.tgz"}}))
        (tree / "b").mkdir()
        (tree / "b/package.json").write_text('{"name": "b", "version": "1.0.0", "bin": "cli.js"}')
        (tree / "b/cli.js").write_text("")
        lock = {
            "lockfileVersion": 3,
            "requires": True,
            "packages": {
                "": {"name": "app", "workspaces": ["b"], "dependencies": {"tiny": "file:vendor/tiny.tgz"}},
                "b": {"version": "1.0.0", "bin": {"b": "cli.js"}},
                "node_modules/b": {"resolved": "b", "link": True},
                "node_modules/tiny": {
                    "version": "1.0.0",
                    "resolved": "file:vendor/tiny.tgz",
                    "bin": {"tiny": "cli.js"},
                },
            },
        }
        (tree / "package-lock.json").write_text(json.dumps(lock))
    done = [
        _dependencies.install(tmp_path / name, tmp_path / "deps", node=node, install_args=["--offline"], timeout=120)
        for name in ("r1", "r2")
    ]
    assert [installed.reused for installed in done] == [False, True]
    modules = tmp_path / "r2/node_modules"
    assert sorted(os.listdir(modules / ".bin")) == ["b", "tiny"]
    assert (modules / ".bin/tiny").resolve() == modules / "tiny/cli.js"
    assert (modules / ".bin/b").resolve() == tmp_path / "r2/b/cli.js"
    assert stat.S_IMODE((modules / "tiny/cli.js").stat().st_mode) == 0o555
