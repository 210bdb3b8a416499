# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The kernel's tables of sockets, and which socket a connection to an address ends at."""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

_TCP_LISTEN, _TCP_ESTABLISHED = "0A", "01"
_UNIX_LISTEN_FLAG = 0x10000
_UNIX_OPEN = ("02", "03")  # waiting to be accepted, as TCP calls established, and connected


@dataclass(frozen=True)
class Socket:
    """One bound socket: its local address, whether it listens, whether it is connected, its inode, and its peer."""

    local: str
    listening: bool
    connected: bool
    inode: str
    remote: str = ""


def parse_tcp(lines: Iterable[str]) -> Iterator[Socket]:
    """The sockets of /proc/net/tcp or tcp6, heading apart; their local address as ``ip:port``."""
    for line in lines:
        fields = line.split()
        local, remote = _address(fields[1]), _address(fields[2])
        yield Socket(local, fields[3] == _TCP_LISTEN, fields[3] == _TCP_ESTABLISHED, fields[9], remote)


def parse_unix(lines: Iterable[str]) -> Iterator[Socket]:
    """The sockets with a path of /proc/net/unix, heading apart; their local address as ``unix:path``."""
    for line in lines:
        fields = line.split(None, 7)
        if len(fields) == 8:
            listening = bool(int(fields[3], 16) & _UNIX_LISTEN_FLAG)
            yield Socket(f"unix:{fields[7]}", listening, fields[5] in _UNIX_OPEN, fields[6])


def _address(field: str) -> str:
    host, port = field.split(":")
    # Every 32 bit word of the address is written in the machine's byte order.
    packed = b"".join(int(host[i : i + 8], 16).to_bytes(4, sys.byteorder) for i in range(0, len(host), 8))
    return f"{ipaddress.ip_address(packed)}:{int(port, 16)}"


def takes(local: str, address: str) -> bool:
    """Whether a socket bound to ``local`` is one that a connection to ``address`` ends at."""
    if local.startswith("unix:") or address.startswith("unix:"):
        return local == address
    local_host, _colon, local_port = local.rpartition(":")
    host, _colon, port = address.rpartition(":")
    if local_port != port:
        return False
    bound = _host(local_host)
    if host == "localhost":
        return bound.is_unspecified or bound.is_loopback
    wanted = _host(host.strip("[]"))
    if bound.is_unspecified:
        # [::] takes IPv4 too, unless its owner said otherwise, which /proc does not tell.
        return bound.version == 6 or wanted.version == 4
    return bound == wanted or (wanted.is_unspecified and bound.version == wanted.version)


def port_field(address: str) -> str:
    """The port of a TCP address as /proc/net/tcp writes it, with its colon."""
    match = re.fullmatch(r"\S+:(\d{1,5})", address)
    if not match:
        raise DeployError(
            "This is not an address.",
            expected="an address like 127.0.0.1:3001 or unix:/run/app/blue.sock",
            seen=repr(address),
        )
    return f":{int(match.group(1)):04X}"


def _host(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(text)
    return getattr(parsed, "ipv4_mapped", None) or parsed
