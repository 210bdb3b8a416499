# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks one HTTP question over TCP or a unix socket; every failure to answer is an answer too."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

BODY_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Target:
    """Where questions go: ``socket``, or ``host`` and ``port``, by TLS or not; ``prefix`` stands before every path."""

    host: str = ""
    port: int = 0
    socket: str = ""
    prefix: str = ""
    tls: bool = False


@dataclass(frozen=True)
class Question:
    """One request; a ``Host`` among ``headers`` replaces the one of the target."""

    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    data: str = ""

    @property
    def shown_path(self) -> str:
        """The path without its query, which may carry a token."""
        return self.path.partition("?")[0]


@dataclass(frozen=True)
class Answer:
    """What came back.

    :param status: HTTP status, 0 where none came.
    :param headers: by lower-case name.
    :param body: the first 64 KiB, decoded; ``cut`` tells that there was more.
    :param seconds: from the first byte sent to the last byte read, connecting included.
    :param error: why there is no complete answer; empty where there is one.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0
    error: str = ""
    cut: bool = False


def parse_target(text: str) -> Target:
    """Read ``127.0.0.1:3001``, ``http[s]://host[:port][/prefix]``, ``unix:/path`` or ``/path``."""
    if text.startswith(("/", "unix:/")):
        return Target(socket=text[text.index("/") :])
    with contextlib.suppress(ValueError):
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        if parts.scheme in ("", "http", "https") and parts.hostname and port and not parts.username:
            return Target(parts.hostname, port, prefix=parts.path.rstrip("/"), tls=parts.scheme == "https")
    raise DeployError(
        "This is not an address that can be asked.",
        expected="127.0.0.1:<port>, http[s]://<host>[:<port>], unix:/<path> or /<path>, without user name or password",
        seen=repr(text.rsplit("@", 1)[-1]),
        remedy="Correct the slot's address, or `through`. Credentials belong in the headers.",
    )


def ask(target: Target, question: Question, *, timeout: float = 5.0) -> Answer:
    """Ask once, on a fresh connection, without following redirects; never longer than ``timeout`` seconds.

    Raises :class:`DeployError` for a question that HTTP cannot carry; everything else is told in the answer.
    """
    began = time.monotonic()
    connection = _connection(target, question, timeout)
    try:
        answer = _exchange(connection, target.prefix, question, began + timeout)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, http.client.InvalidURL):
            raise _unspeakable(question, error) from error
        answer = Answer(error=_plain(error))
    except ValueError as error:
        raise _unspeakable(question, error) from error
    finally:
        connection.close()
    seconds = time.monotonic() - began
    late = seconds >= timeout
    error_text = f"no complete answer within {timeout:g} s" if late else answer.error
    return Answer(answer.status, answer.headers, answer.body, seconds, error_text, answer.cut)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _TlsConnection(http.client.HTTPConnection):
    """TLS for a name that need not be the address; on loopback, where nobody stands between, for any certificate."""

    def __init__(self, target: Target, name: str, timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self._name = name
        self._context = ssl.create_default_context()
        if _is_loopback(target.host):
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    def connect(self) -> None:
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _connection(target: Target, question: Question, timeout: float) -> http.client.HTTPConnection:
    if target.socket:
        return _UnixConnection(target.socket, timeout)
    if target.tls:
        named = next((value for name, value in question.headers.items() if name.lower() == "host"), target.host)
        return _TlsConnection(target, re.sub(r":\d+$", "", named), timeout)
    return http.client.HTTPConnection(target.host, target.port, timeout=timeout)


def _exchange(connection: http.client.HTTPConnection, prefix: str, question: Question, end: float) -> Answer:
    headers = {"user-agent": "nodeops.pm2", **{name.lower(): value for name, value in question.headers.items()}}
    headers["connection"] = "close"
    connection.connect()
    # A socket timeout is counted from byte to byte: one byte a second would hold us for ever.
    watchdog = threading.Timer(max(end - time.monotonic(), 0.0), _hang_up, [connection.sock])
    watchdog.daemon = True
    watchdog.start()
    try:
        data = question.data.encode() or None
        connection.request(question.method, prefix + question.path, body=data, headers=headers)
        return _read(connection.getresponse())
    finally:
        watchdog.cancel()


def _read(response: http.client.HTTPResponse) -> Answer:
    with response:
        raw = response.read(BODY_LIMIT + 1)
        cut = len(raw) > BODY_LIMIT
        torn = bool(response.length) and not cut
    headers = {name.lower(): value for name, value in response.getheaders()}
    body = raw[:BODY_LIMIT].decode(errors="replace")
    return Answer(response.status, headers, body, error="connection closed within the body" if torn else "", cut=cut)


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _plain(error: Exception) -> str:
    known = {
        ConnectionRefusedError: "connection refused",
        FileNotFoundError: "no such socket",
        http.client.RemoteDisconnected: "connection closed without an answer",
        http.client.IncompleteRead: "connection closed within the body",
        http.client.BadStatusLine: "what answered does not speak HTTP",
    }
    return known.get(type(error)) or str(error) or type(error).__name__


def _unspeakable(question: Question, error: Exception) -> DeployError:
    # The error of http.client quotes the offending text, which may be a header's secret value.
    return DeployError(
        "This request cannot be sent.",
        expected="an ASCII method and path, percent-encoded, and headers without line breaks",
        seen=type(error).__name__,
        where=f"{question.method} {question.shown_path}",
        remedy="Correct the method, path or headers.",
    )
