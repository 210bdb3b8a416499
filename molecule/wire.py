# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What browsers speak besides plain requests: WebSockets, server-sent events, TLS for a name that no DNS knows."""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from urllib.parse import urlsplit

TIMEOUT = 10.0


@dataclass(frozen=True)
class Tls:
    """How to speak TLS: whom to trust, and the name that the certificate has to bear."""

    context: ssl.SSLContext
    name: str


@dataclass(frozen=True)
class Answer:
    """What came back, redirects not followed."""

    status: int
    headers: Message
    body: str


def get(url: str, headers: Mapping[str, str] | None = None, *, tls: Tls | None = None) -> Answer:
    """Ask once."""
    with _asked(url, headers or {}, tls) as answer:
        return Answer(answer.status, answer.headers, answer.read().decode())


@contextlib.contextmanager
def events(url: str) -> Iterator[Iterator[str]]:
    """The data of server-sent events as they arrive; an event that is held back is a timeout."""
    with _asked(url, {"Accept": "text/event-stream"}, None) as answer:
        yield (line.decode().strip()[len("data: ") :] for line in iter(answer.readline, b"") if line.strip())


class WebSocket:
    """A WebSocket at ``/`` that sends short texts and gets them back."""

    def __init__(self, host: str, port: int, *, tls: Tls | None = None) -> None:
        self.host, self.port, self._since = host, port, time.monotonic()
        self._socket = connect(host, port, tls)
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13"
        name = tls.name if tls else host
        self._socket.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\n{upgrade}\r\n\r\n".encode())
        self._stream = self._socket.makefile("rb")
        status = self._stream.readline().decode()
        assert " 101 " in status, status
        while self._stream.readline().strip():
            pass

    def echo(self, payload: bytes) -> bytes:
        """Send up to 125 bytes, and wait for what comes back."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self._socket.sendall(bytes([0x81, 0x80 | len(payload)]) + mask + masked)
        head = self._stream.read(2)
        assert head, f"{self.host}:{self.port} ended a WebSocket after {time.monotonic() - self._since:.1f} s"
        return self._stream.read(head[1])

    def close(self) -> None:
        """Go without a word."""
        self._stream.close()
        self._socket.close()

    def __enter__(self) -> WebSocket:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def connect(host: str, port: int, tls: Tls | None) -> socket.socket:
    """A connection, with TLS where it is wanted."""
    plain = socket.create_connection((host, port), timeout=TIMEOUT)
    return tls.context.wrap_socket(plain, server_hostname=tls.name) if tls else plain


@contextlib.contextmanager
def _asked(url: str, headers: Mapping[str, str], tls: Tls | None) -> Iterator[http.client.HTTPResponse]:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if tls else 80)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    connection.sock = connect(host, port, tls)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=dict(headers))
        yield connection.getresponse()
    finally:
        connection.close()
