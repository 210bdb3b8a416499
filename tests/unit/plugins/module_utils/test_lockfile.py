# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which lockfile counts, what it names, and what the key of an installation depends on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _lockfile
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._lockfile import Lockfile, Runtime

NPM = json.dumps(
    {
        "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {"tiny": "file:vendor/tiny.tgz"}},
            "node_modules/tiny": {"resolved": "file:vendor/tiny.tgz"},
            "node_modules/b": {"resolved": "packages/b", "link": True},
            "packages/b": {},
            "packages/b/node_modules/ms": {},
            "vendor/lib": {},
            "../outside": {},
        },
    }
)
PNPM = """\
lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      b:
        specifier: workspace:*
        version: link:packages/b
      tiny:
        specifier: file:vendor/tiny.tgz

  '@scope/a':
    dependencies: {}

  packages/b: {}

packages:

  tiny@file:vendor/tiny.tgz:
    resolution: {integrity: sha512-x==, tarball: file:vendor/tiny.tgz}
"""
YARN = """\
# yarn lockfile v1


"tiny@file:./vendor/tiny.tgz":
  version "1.0.0"
  resolved "file:./vendor/tiny.tgz#89079df7"
"""
BERRY = """\
__metadata:
  version: 8

"a@workspace:packages/a":
  version: 0.0.0-use.local
  resolution: "a@workspace:packages/a"

"p@portal:vendor/p::locator=root%40workspace%3A.":
  resolution: "p@portal:vendor/p::locator=root%40workspace%3A."

"root@workspace:.":
  resolution: "root@workspace:."

"tiny@file:vendor/tiny.tgz::locator=root%40workspace%3A.":
  resolution: "tiny@file:vendor/tiny.tgz#vendor/tiny.tgz::hash=fb20ef&locator=root%40workspace%3A."
"""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"package.json": "{}"}, None),
        ({"package-lock.json": NPM}, ("package-lock.json", "npm")),
        ({"package-lock.json": NPM, "npm-shrinkwrap.json": NPM}, ("npm-shrinkwrap.json", "npm")),
        ({"pnpm-lock.yaml": PNPM}, ("pnpm-lock.yaml", "pnpm")),
        ({"yarn.lock": YARN}, ("yarn.lock", "yarn")),
        ({"yarn.lock": BERRY}, ("yarn.lock", "berry")),
        (
            {"yarn.lock": YARN, "package-lock.json": NPM, "package.json": '{"packageManager": "yarn@1.22.22"}'},
            ("yarn.lock", "yarn"),
        ),
    ],
)
def test_find(tmp_path: Path, files: dict[str, str], expected: tuple[str, str] | None) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = _lockfile.find(tmp_path)
    assert (found and (found.name, found.manager)) == expected


@pytest.mark.parametrize("package_manager", ["", "bun@1"])
def test_lockfiles_that_contradict_each_other_are_refused(package_manager: str) -> None:
    with pytest.raises(DeployError, match=r"package-lock\.json, yarn\.lock"):
        _lockfile.choose(["yarn.lock", "package-lock.json"], package_manager)


@pytest.mark.parametrize(
    ("manager", "text", "packages"),
    [
        ("npm", NPM, ["packages/b", "vendor/lib"]),
        ("npm", '{"lockfileVersion": 1, "dependencies": {}}', []),
        ("npm", "not JSON", []),
        ("npm", "[]", []),
        ("pnpm", PNPM, ["@scope/a", "packages/b"]),
        ("pnpm", "lockfileVersion: '9.0'\n", []),
        ("yarn", YARN, []),
        ("berry", BERRY, ["packages/a", "vendor/p"]),
    ],
)
def test_packages(manager: str, text: str, packages: list[str]) -> None:
    assert _lockfile.packages(Lockfile("", manager, text)) == packages


@pytest.mark.parametrize("text", [NPM, PNPM, YARN, BERRY])
def test_local_dependencies(text: str) -> None:
    assert _lockfile.local_dependencies(Lockfile("", "", text)) == ["vendor/tiny.tgz"]


@pytest.mark.parametrize(
    ("workspaces", "patterns"),
    [
        (["packages/*", "!packages/old"], ["packages/*"]),
        ({"packages": ["a", "b"], "nohoist": ["c"]}, ["a", "b"]),
        ({"nohoist": ["c"]}, []),
        (None, []),
    ],
)
def test_workspace_patterns(workspaces: Any, patterns: list[str]) -> None:
    assert _lockfile.workspace_patterns({"workspaces": workspaces}) == patterns


def test_what_the_package_manager_is_given() -> None:
    manifest = {"name": "a", "version": "1.0.0", "scripts": {"prepare": "tsc"}, "dependencies": {"ms": "2"}}
    assert json.loads(_lockfile.for_install(manifest, root=True)) == {"name": "a", "dependencies": {"ms": "2"}}
    member = {"name": "a", "version": "1.0.0", "dependencies": {"ms": "2"}}
    assert json.loads(_lockfile.for_install(manifest, root=False)) == member


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ({}, False),
        ({"dependencies": {}}, False),
        ({"devDependencies": {"tsx": "4"}}, False),
        ({"dependencies": {"tsx": "4"}}, True),
        ({"optionalDependencies": {"fsevents": "2"}}, True),
    ],
)
def test_has_dependencies(manifest: dict[str, Any], expected: bool) -> None:
    assert _lockfile.has_dependencies(manifest) is expected


@pytest.mark.parametrize("text", ["{", "[]", "\xff"])
def test_an_unreadable_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "package.json").write_text(text, encoding="latin-1")
    with pytest.raises(DeployError, match=str(tmp_path / "package.json")):
        _lockfile.read_manifest(tmp_path / "package.json")


def test_a_manifest_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "a"}', encoding="utf-8-sig")
    assert _lockfile.read_manifest(tmp_path / "package.json") == {"name": "a"}


RUNTIME = Runtime("v24.0.0", "linux", "x64", "glibc")
GIVEN: dict[str, Any] = {
    "files": {"package.json": b"{}", "package-lock.json": b"{}"},
    "manager": "npm",
    "runtime": RUNTIME,
    "install_args": ["--omit=dev"],
}


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"package.json": b"{ }", "package-lock.json": b"{}"}},
        {"files": {"package.json": b"{}"}},
        {"files": {"package.json": b"{}", "package-lock.json": b"{}", ".npmrc": b""}},
        {"manager": "pnpm"},
        {"runtime": Runtime("v24.0.1", "linux", "x64", "glibc")},
        {"runtime": Runtime("v24.0.0", "darwin", "x64", "glibc")},
        {"runtime": Runtime("v24.0.0", "linux", "arm64", "glibc")},
        {"runtime": Runtime("v24.0.0", "linux", "x64", "musl")},
        {"install_args": []},
    ],
)
def test_everything_an_installation_depends_on_changes_its_key(change: dict[str, Any]) -> None:
    assert _lockfile.store_key(**{**GIVEN, **change}) != _lockfile.store_key(**GIVEN)


def test_the_key_does_not_depend_on_order() -> None:
    backwards = dict(reversed(list(GIVEN["files"].items())))
    key = _lockfile.store_key(**{**GIVEN, "files": backwards})
    assert key == _lockfile.store_key(**GIVEN)
    assert len(key) == 24
    assert int(key, 16)
