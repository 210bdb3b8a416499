# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._sockets import (
    Socket,
    parse_tcp,
    parse_unix,
    port_field,
    takes,
)

REST = "00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"   0: 0100007F:0BB9 00000000:0000 0A {REST}", Socket("127.0.0.1:3001", True, False, "4711")),
        (f"   1: 0100007F:0BB9 0100007F:C35A 01 {REST}", Socket("127.0.0.1:3001", False, True, "4711")),
        (f"   2: 0100007F:0BB9 0100007F:C35A 06 {REST}", Socket("127.0.0.1:3001", False, False, "4711")),
        (f"   3: {'0' * 32}:1F90 {'0' * 32}:0000 0A {REST}", Socket(":::8080", True, False, "4711")),
        (f"   4: {'0' * 24}01000000:1F90 {'0' * 32}:0000 0A {REST}", Socket("::1:8080", True, False, "4711")),
        (
            f"   5: 0000000000000000FFFF00000100007F:1F90 {'0' * 32}:0000 01 {REST}",
            Socket("::ffff:7f00:1:8080", False, True, "4711"),
        ),
    ],
)
def test_tcp_lines(line: str, expected: Socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.byteorder", "little")
    [entry] = parse_tcp([line])
    # Newer Python writes a mapped address with dots.
    assert entry.local.replace("::ffff:127.0.0.1", "::ffff:7f00:1") == expected.local
    assert (entry.listening, entry.connected, entry.inode) == (expected.listening, expected.connected, expected.inode)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "0000: 00000002 00000000 00010000 0001 01 11 /run/a b.sock",
            [Socket("unix:/run/a b.sock", True, False, "11")],
        ),
        ("0000: 00000003 00000000 00000000 0001 03 12 /run/a.sock", [Socket("unix:/run/a.sock", False, True, "12")]),
        ("0000: 00000003 00000000 00000000 0001 02     0 /run/a.sock", [Socket("unix:/run/a.sock", False, True, "0")]),
        ("0000: 00000003 00000000 00000000 0001 03 13", []),
    ],
)
def test_unix_lines(line: str, expected: list[Socket]) -> None:
    assert list(parse_unix([line])) == expected


@pytest.mark.parametrize(
    ("local", "address", "expected"),
    [
        ("127.0.0.1:3001", "127.0.0.1:3001", True),
        ("127.0.0.1:3001", "127.0.0.1:3002", False),
        ("127.0.0.1:13001", "127.0.0.1:3001", False),
        ("127.0.0.2:3001", "127.0.0.1:3001", False),
        ("0.0.0.0:3001", "127.0.0.1:3001", True),
        (":::3001", "127.0.0.1:3001", True),
        ("::ffff:127.0.0.1:3001", "127.0.0.1:3001", True),
        ("::1:3001", "127.0.0.1:3001", False),
        ("::1:3001", "[::1]:3001", True),
        ("0.0.0.0:3001", "[::1]:3001", False),
        ("127.0.0.1:3001", "localhost:3001", True),
        ("::1:3001", "localhost:3001", True),
        ("10.0.0.5:3001", "localhost:3001", False),
        ("10.0.0.5:3001", "0.0.0.0:3001", True),
        ("unix:/run/a.sock", "unix:/run/a.sock", True),
        ("unix:/run/a.sock", "unix:/run/b.sock", False),
        ("127.0.0.1:3001", "unix:/run/b.sock", False),
    ],
)
def test_who_takes_a_connection(local: str, address: str, expected: bool) -> None:
    assert takes(local, address) is expected


def test_a_port_as_the_kernel_writes_it() -> None:
    assert port_field("127.0.0.1:3001") == ":0BB9"


@pytest.mark.parametrize("address", ["", "3001", "127.0.0.1:", "127.0.0.1:http", "unix:"])
def test_no_address(address: str) -> None:
    with pytest.raises(DeployError, match="not an address"):
        port_field(address)
