# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The artifact as a whole: rights, size, addons, what could not be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_artifact import (
    artifact_grew,
    native_module_foreign,
    not_read,
    unsafe_modes,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry, Host, Program, Subject
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

Find = Callable[..., list[Finding]]

MAC = "\xcf\xfa\xed\xfe"
LINUX = "\x7fELF\x02\x01" + "\0" * 10 + "\x03\0\x3e\0" + "\0" * 40


class Packed(Tree):
    """A tree that is not yet as it will run."""

    @property
    def staged(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("mode", "severity", "said"),
    [
        (0o644, "", ""),
        (0o775, "", ""),
        (0o666, ERROR, "1 files may be written by everybody"),
        (0o4755, ERROR, "1 files are setuid or setgid"),
        (0o2755, ERROR, "1 files are setuid or setgid"),
    ],
)
def test_unsafe_modes(tmp_path: Path, mode: int, severity: str, said: str) -> None:
    (tmp_path / "a.js").write_text("")
    (tmp_path / "a.js").chmod(mode)
    found = unsafe_modes(Subject(Tree(tmp_path), Entry("a.js")))
    assert [item.severity for item in found] == [severity] * bool(severity)
    assert all(said in item.message for item in found)
    packed = unsafe_modes(Subject(Packed(tmp_path), Entry("a.js")))
    assert [item.severity for item in packed] == [WARNING if mode == 0o666 else severity] * bool(severity)


@pytest.mark.parametrize(
    ("last_mib", "mib", "hit"), [(0, 100, False), (1, 3, False), (1, 22, True), (30, 60, False), (30, 91, True)]
)
def test_artifact_grew(find: Find, tmp_path: Path, last_mib: int, mib: int, hit: bool) -> None:
    with (tmp_path / "dump.sql").open("wb") as stream:
        stream.truncate(mib << 20)
    found = find(artifact_grew, {"a.js": ""}, host={"live_bytes": last_mib << 20})
    assert [item.message for item in found] == [f"The release has {mib} MiB, and the live one {last_mib} MiB."] * hit
    assert all(item.evidence[0].file == "dump.sql" for item in found)


def addons(tmp_path: Path, files: dict[str, str], **host: Any) -> list[Finding]:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    known = Host(**{"machine": "x86_64", "libc": "glibc", "node": Program("24.19.0"), **host})
    return native_module_foreign(Subject(Tree(tmp_path), Entry("a.js"), known))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"build/Release/a.node": MAC}, "The addon of the release cannot be loaded here: it was made for macos."),
        (
            {"node_modules/x/package.json": "{}", "node_modules/x/build/Release/x.node": MAC},
            "The addon of x cannot be loaded here: it was made for macos.",
        ),
        (
            {"node_modules/@a/b/package.json": "{}", "node_modules/@a/b/b.node": LINUX + "node_register_module_v115"},
            "The addon of @a/b cannot be loaded here: it was made for Node.js 20 (ABI 115)",
        ),
    ],
)
def test_addons_for_elsewhere(tmp_path: Path, files: dict[str, str], said: str) -> None:
    (found,) = addons(tmp_path, files)
    assert found.severity == ERROR
    assert found.message.startswith(said)


@pytest.mark.parametrize(
    "files",
    [
        {"build/Release/a.node": LINUX},
        {"node_modules/x/prebuilds/darwin-arm64/x.node": MAC},
        {"node_modules/x/package.json": "{}", "node_modules/x/mac/x.node": MAC, "node_modules/x/linux/x.node": LINUX},
        {
            "node_modules/@img/sharp-mac/package.json": '{"os": ["darwin"]}',
            "node_modules/@img/sharp-mac/lib/s.node": MAC,
        },
        {"build/Release/obj.target/a.node": MAC},
        {"a.node": "text"},
        {"a.js": ""},
    ],
)
def test_addons_that_will_do(tmp_path: Path, files: dict[str, str]) -> None:
    assert addons(tmp_path, files) == []


def test_not_read(find: Find, tree_of: Callable[..., Tree]) -> None:
    assert find(not_read, {"a.js": ""}) == []
    tree = tree_of({"a.js": ""})
    tree.unread["private"] = "Permission denied"
    (found,) = not_read(Subject(tree, Entry("a.js")))
    assert str(found.evidence[0]) == "private: Permission denied"
