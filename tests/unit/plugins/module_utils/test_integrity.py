# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the packages of a lockfile come from."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._integrity import Sources, of_npm, of_pnpm, of_yarn

URL = "https://registry.example/a/-/a-1.0.0.tgz"


@pytest.mark.parametrize(
    ("item", "found"),
    [
        ({"resolved": URL, "integrity": "sha512-x"}, Sources()),
        ({"integrity": "sha512-x"}, Sources()),
        ({"resolved": URL}, Sources(unhashed=["a"])),
        ({"version": "1.0.0"}, Sources(unhashed=["a"])),
        ({"resolved": URL.replace("s:", ":"), "integrity": "sha512-x"}, Sources(plain=["a"])),
        ({"resolved": URL.replace("s:", ":")}, Sources(plain_unhashed=["a"])),
        ({"resolved": "git+ssh://git@host/a.git#0123"}, Sources()),
        ({"resolved": "https://codeload.github.com/a/a/tar.gz/0123"}, Sources()),
        ({"resolved": "packages/a", "link": True}, Sources()),
        ({"resolved": "file:vendor/a.tgz"}, Sources()),
        ({"inBundle": True}, Sources()),
        ("odd", Sources()),
    ],
)
def test_of_npm(item: Any, found: Sources) -> None:
    assert of_npm({"": {"name": "shop"}, "packages/a": {}, "node_modules/a": item}) == found


def test_of_npm_names_nested_and_scoped_packages() -> None:
    assert of_npm({"node_modules/x/node_modules/@a/b": {}}).unhashed == ["@a/b"]


@pytest.mark.parametrize(
    ("wanted", "resolved", "exchanged"),
    [
        ("^1.0.0", "git+ssh://git@host/a.git#0123", [("a", "a repository")]),
        ("1.2.3", "https://codeload.github.com/a/a/tar.gz/0123", [("a", "a repository")]),
        ("~1.2", "file:vendor/a.tgz", [("a", "a file")]),
        ("^1.0.0", URL, []),
        ("github:a/a", "git+ssh://git@github.com/a/a.git#0123", []),
        ("file:vendor/a.tgz", "file:vendor/a.tgz", []),
    ],
)
def test_what_was_exchanged(wanted: str, resolved: str, exchanged: list[tuple[str, str]]) -> None:
    packages = {"": {"dependencies": {"a": wanted}}, "node_modules/a": {"resolved": resolved, "integrity": "x"}}
    assert of_npm(packages).exchanged == exchanged


@pytest.mark.parametrize(("others", "strange"), [(9, [("odd", "evil.example")]), (8, [])])
def test_few_that_come_from_elsewhere(others: int, strange: list[tuple[str, str]]) -> None:
    usual = {f"node_modules/p{number}": {"resolved": URL, "integrity": "x"} for number in range(others)}
    odd = {"node_modules/odd": {"resolved": "https://evil.example/odd.tgz", "integrity": "x"}}
    assert of_npm({**usual, **odd}).strange == strange


def test_of_pnpm() -> None:
    text = """\
lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a: {specifier: ^1.0.0, version: 1.0.0}
packages:
  a@1.0.0:
    resolution: {integrity: sha512-x}
    engines: {node: '>=18'}
  '@b/c@1.0.0':
    resolution: {tarball: http://registry.example/c.tgz}
  d@1.0.0:
    resolution: {integrity: sha512-x, tarball: http://registry.example/d.tgz}
  e@https://codeload.github.com/e/e/tar.gz/0123:
    resolution: {tarball: https://codeload.github.com/e/e/tar.gz/0123}
  f@1.0.0:
    resolution: {tarball: https://registry.example/f.tgz}
  g@file:g:
    resolution: {directory: g, type: directory}
"""
    assert of_pnpm(text) == Sources(plain_unhashed=["@b/c@1.0.0"], plain=["d@1.0.0"], unhashed=["f@1.0.0"])


def test_of_yarn() -> None:
    text = """\
# yarn lockfile v1

a@^1.0.0, a@^1.1.0:
  version "1.1.0"
  resolved "https://registry.example/a/-/a-1.1.0.tgz#0123456789abcdef"

"@b/c@^1.0.0":
  version "1.0.0"
  resolved "http://registry.example/c.tgz"
  integrity sha512-x

d@^1.0.0:
  version "1.0.0"
  resolved "https://registry.example/d.tgz"

e@^1.0.0:
  version "1.0.0"
  resolved "http://registry.example/e.tgz"
  dependencies:
    d "^1.0.0"
"""
    assert of_yarn(text) == Sources(plain=["@b/c"], unhashed=["d"], plain_unhashed=["e"])
    assert of_yarn("__metadata:\n" + text) == Sources()
