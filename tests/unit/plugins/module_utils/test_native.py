# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Addons of Node.js by their first bytes and their names."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._native import Native, describe, unfit


def elf(machine: int = 62, *words: bytes, big: bool = False) -> bytes:
    head = b"\x7fELF\x02" + (b"\x02" if big else b"\x01") + bytes(10)
    return head + struct.pack(">HH" if big else "<HH", 3, machine) + bytes(40) + b"\0".join(words)


@pytest.mark.parametrize(
    ("path", "content", "known"),
    [
        ("a.node", elf(62, b"libc.so.6", b"napi_register_module_v1"), Native("linux", 62, "glibc", 0)),
        (
            "a.node",
            elf(183, b"libc.musl-aarch64.so.1", b"node_register_module_v115"),
            Native("linux", 183, "musl", 115),
        ),
        ("a.node", elf(22, big=True), Native("linux", 22)),
        ("lib/binding/node-v108-linux-x64/a.node", elf(), Native("linux", 62, "", 108)),
        ("build/node.abi127.node", elf(), Native("linux", 62, "", 127)),
        ("lib/binding/napi-v6-linux/a.node", elf(62, b"node_register_module_v108"), Native("linux", 62)),
        ("a.node", b"\xcf\xfa\xed\xfe" + bytes(40), Native("macos")),
        ("a.node", b"MZ" + bytes(40), Native("windows")),
        ("a.node", b"#!/bin/sh", Native("")),
        ("a.node", b"\x7fELF", Native("")),
        ("a.node", b"", Native("")),
    ],
)
def test_describe(path: str, content: bytes, known: Native) -> None:
    assert describe(path, content) == known


@pytest.mark.parametrize(
    ("native", "why"),
    [
        (Native("linux", 62, "glibc", 0), ""),
        (Native("linux", 62, "", 137), ""),
        (Native(""), ""),
        (Native("macos"), "made for macos"),
        (Native("linux", 183), "made for arm64, and the host is x86_64"),
        (Native("linux", 999), "made for another machine, and the host is x86_64"),
        (Native("linux", 62, "musl"), "made for musl, and the host has glibc"),
        (Native("linux", 62, "glibc", 115), "made for Node.js 20 (ABI 115), and the host has 24.19.0 (ABI 137)"),
    ],
)
def test_unfit(native: Native, why: str) -> None:
    assert unfit(native, machine="x86_64", libc="glibc", node="24.19.0") == why


def test_what_is_not_known_of_the_host_is_not_held_against_an_addon() -> None:
    native = Native("linux", 183, "musl", 115)
    assert unfit(native, machine="sparc", libc="", node="") == ""
    assert unfit(native, machine="aarch64", libc="musl", node="99.0.0") == ""
