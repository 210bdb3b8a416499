# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a compiled addon of Node.js was compiled for, by its first bytes and the names in it. Pure."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

# e_machine of ELF by what the kernel calls the machine.
_MACHINES = {
    "x86_64": 62, "amd64": 62, "aarch64": 183, "arm64": 183, "armv7l": 40, "armv6l": 40, "i686": 3, "i386": 3,
    "ppc64le": 21, "s390x": 22, "riscv64": 243, "loongarch64": 258,
}  # fmt: skip
# NODE_MODULE_VERSION by major version of Node.js.
_ABIS = {16: 93, 17: 102, 18: 108, 19: 111, 20: 115, 21: 120, 22: 127, 23: 131, 24: 137, 25: 141}
_NAPI = re.compile(rb"napi_(register_module|module_register|create_function|define_class)")
_ABI = re.compile(rb"node_register_module_v(\d{2,3})")
_ABI_IN_NAME = re.compile(r"(?:node-v|abi)(\d{2,3})(?=[-./])")


@dataclass(frozen=True)
class Native:
    """What is known of one file.

    :param system: ``linux``, ``macos``, ``windows``, empty where it is something else.
    :param machine: as ELF numbers it; 0 where it is no ELF.
    :param libc: ``glibc``, ``musl`` or empty.
    :param abi: of Node.js; 0 where it is made for all, or where that cannot be told.
    """

    system: str
    machine: int = 0
    libc: str = ""
    abi: int = 0


def describe(path: str, content: bytes) -> Native:
    """What the addon with this content was made for."""
    if content[:4] in (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xce\xfa\xed\xfe"):
        return Native("macos")
    if content[:2] == b"MZ":
        return Native("windows")
    if content[:4] != b"\x7fELF" or len(content) < 20:
        return Native("")
    (machine,) = struct.unpack_from("<H" if content[5] == 1 else ">H", content, 18)
    libc = "musl" if b"libc.musl-" in content else "glibc" if b"libc.so.6" in content else ""
    return Native("linux", machine, libc, _abi(path, content))


def unfit(native: Native, *, machine: str, libc: str, node: str) -> str:
    """Why the addon cannot be loaded on a host; empty where it can, or where that cannot be told."""
    if native.system != "linux":
        return f"made for {native.system}" if native.system else ""
    wanted = _MACHINES.get(machine)
    if wanted and native.machine != wanted:
        names = sorted(name for name, number in _MACHINES.items() if number == native.machine)
        return f"made for {names[-1] if names else 'another machine'}, and the host is {machine}"
    if native.libc and libc and native.libc != libc:
        return f"made for {native.libc}, and the host has {libc}"
    major = node.partition(".")[0]
    abi = _ABIS.get(int(major)) if major.isdigit() else None
    if native.abi and abi and native.abi != abi:
        made = next((str(number) for number, known in _ABIS.items() if known == native.abi), "another version")
        return f"made for Node.js {made} (ABI {native.abi}), and the host has {node} (ABI {abi})"
    return ""


def _abi(path: str, content: bytes) -> int:
    if _NAPI.search(content) or ".napi." in path or "/napi-v" in path:
        return 0
    found = _ABI.search(content)
    named = _ABI_IN_NAME.search(path)
    return int(found[1]) if found else int(named[1]) if named else 0
