# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where dependencies come from: by a lockfile that vouches for them, and from inside the release."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_lockfile import dependency_outside, lockfile_integrity

Find = Callable[..., list[Finding]]

HTTP = "http://registry.example/a.tgz"


def npm(**packages: Any) -> dict[str, Any]:
    return {
        "package-lock.json": {"packages": {"": {}, **{f"node_modules/{name}": item for name, item in packages.items()}}}
    }


@pytest.mark.parametrize(
    ("files", "severities", "said"),
    [
        (npm(a={"integrity": "x"}), [], ""),
        (npm(a={"resolved": HTTP}), [ERROR], "Fetched over plain HTTP and without a hash: a."),
        (npm(a={"resolved": HTTP, "integrity": "x"}), [WARNING], "Fetched over plain HTTP: a."),
        (npm(**{f"p{number}": {} for number in range(12)}), [WARNING], "p9 and 2 more."),
        (
            npm(**{f"p{number}": {"resolved": f"https://r{number == 9}.io", "integrity": "x"} for number in range(10)}),
            [WARNING],
            "Fetched from another host than the rest: p9 from rtrue.io.",
        ),
        ({"pnpm-lock.yaml": f"packages:\n  a@1:\n    resolution: {{tarball: {HTTP}}}\n"}, [ERROR], "a@1."),
        ({"yarn.lock": f'a@1:\n  resolved "{HTTP}"\n'}, [ERROR], "without a hash: a."),
        ({"bun.lock": "{}"}, [], ""),
        ({}, [], ""),
    ],
)  # fmt: skip
def test_lockfile_integrity(find: Find, files: Any, severities: list[str], said: str) -> None:
    found = find(lockfile_integrity, files)
    assert [item.severity for item in found] == severities
    assert all(said in item.message for item in found)


def test_a_version_that_the_lockfile_takes_from_a_repository(find: Find) -> None:
    package = {"dependencies": {"a": "^1.0.0"}}
    lock = {"packages": {"": package, "node_modules/a": {"resolved": "git+ssh://git@host/a.git#0123"}}}
    files = {"package.json": package, "package-lock.json": lock}
    (found,) = find(lockfile_integrity, files)
    assert (found.severity, found.message) == (
        ERROR,
        "Asked for by a version and taken from elsewhere: a from a repository.",
    )
    overridden = {**package, "overrides": {"a": "git+ssh://git@host/a.git"}}
    assert find(lockfile_integrity, {**files, "package.json": overridden}) == []


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("file:../shared", "which is outside the release"),
        ("link:../../x", "which is outside the release"),
        ("../shared", "which is outside the release"),
        ("/opt/shared", "which is outside the release"),
        ("~/shared", "which is outside the release"),
        ("file:/opt/shared", "which is outside the release"),
        ("file:vendor/b.tgz", "which is not in the release"),
        ("./missing", "which is not in the release"),
        ("workspace:*", "and the release has no such package"),
        ("workspace:@shop/other@^1.0.0", "and the release has no such package"),
        ("file:vendor/a.tgz", ""),
        ("link:packages/db", ""),
        ("workspace:@shop/db@^1.0.0", ""),
        ("^1.0.0", ""),
        ("npm:other@^1.0.0", ""),
        ("github:user/repo", ""),
        ("git+https://host/a/b.git", ""),
        ("https://host/a.tgz", ""),
        ("user/repo", ""),
        ("latest", ""),
    ],
)
def test_dependency_outside(find: Find, wanted: str, why: str) -> None:
    files = {
        "package.json": {"dependencies": {"it": wanted}},
        "vendor/a.tgz": "",
        "packages/db/package.json": {"name": "@shop/db"},
    }
    found = find(dependency_outside, files)
    assert [item.message for item in found] == [f"package.json takes it from {wanted}, {why}."] * bool(why)
    assert all((item.severity, item.evidence[0].line) == (ERROR, 3) for item in found)


def test_what_is_only_for_development_counts_where_it_is_installed(find: Find) -> None:
    files = {"package.json": {"devDependencies": {"it": "file:../x"}}}
    assert len(find(dependency_outside, files)) == 1
    assert find(dependency_outside, files, install_args=("--omit=dev",)) == []


def test_what_is_shipped_is_there(find: Find) -> None:
    files = {"package.json": {"dependencies": {"it": "workspace:*"}}, "node_modules/it/package.json": "{}"}
    assert find(dependency_outside, files) == []


def test_the_entrys_own_package_counts(find: Find) -> None:
    files = {"api/package.json": {"dependencies": {"it": "file:../shared"}}, "api/server.js": ""}
    assert len(find(dependency_outside, files, entry={"script": "api/server.js"})) == 1
    assert find(dependency_outside, {**files, "shared/package.json": {}}, entry={"script": "api/server.js"}) == []
