# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Asks one HTTP question over TCP, TLS or a unix socket; every failure to answer is an answer too."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._tls import trusting_context, unquestioning_context

BODY_LIMIT = 64 * 1024

Witness = Callable[[int], "int | None"]


@dataclass(frozen=True)
class Target:
    """Where questions go: ``socket``, or ``host`` and ``port``; ``prefix`` stands before every path.

    :param tls: whether to speak TLS, with a certificate that this host trusts.
    :param any_certificate: whether any other will do as well: on loopback nobody stands between.
    """

    host: str = ""
    port: int = 0
    socket: str = ""
    prefix: str = ""
    tls: bool = False
    any_certificate: bool = False


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
    :param server: pid of the process that gave it, where it was asked for and can be told.
    :param sent: whether the question, or a part of it, went out, and may have been heard.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    seconds: float = 0.0
    error: str = ""
    cut: bool = False
    server: int | None = None
    sent: bool = True


def parse_target(text: str) -> Target:
    """Read ``127.0.0.1:3001``, ``http[s]://host[:port][/prefix]``, ``unix:/path`` or ``/path``."""
    if text.startswith(("/", "unix:/")):
        return Target(socket=text[text.index("/") :])
    with contextlib.suppress(ValueError):
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        if parts.scheme in ("", "http", "https") and parts.hostname and port and not parts.username:
            tls = parts.scheme == "https"
            lenient = tls and _is_loopback(parts.hostname)
            return Target(parts.hostname, port, prefix=parts.path.rstrip("/"), tls=tls, any_certificate=lenient)
    raise DeployError(
        "This is not an address that can be asked.",
        expected="127.0.0.1:<port>, http[s]://<host>[:<port>], unix:/<path> or /<path>, without user name or password",
        seen=repr(text.rsplit("@", 1)[-1]),
        remedy="Correct the slot's address, or `through`. Credentials belong in the headers.",
    )


def parse_url(text: str) -> tuple[Target, str]:
    """Read ``http://`` and ``https://`` addresses of services outside: where they go, and the path with its query.

    Neither a user name nor a fragment is taken; what is wrong with an address is told without its path, which may be a
    secret by itself.
    """
    with contextlib.suppress(ValueError):
        parts = urlsplit(text)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
        if parts.hostname and port and parts.username is None and not parts.fragment and text.isprintable():
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            return Target(host=parts.hostname, port=port, tls=parts.scheme == "https"), path
    raise DeployError(
        "This is not an address of a service.",
        expected="https://<host>[:<port>]/<path>, or http://, without user name, password and fragment",
        seen=f"{text.partition('://')[0][:10]}://..." if "://" in text else f"{len(text)} characters without ://",
        remedy="Correct the address. Credentials have options of their own.",
    )


def ask(target: Target, question: Question, *, timeout: float = 5.0, witness: Witness | None = None) -> Answer:
    """Ask once, on a fresh connection, without following redirects; never longer than ``timeout`` seconds.

    :param witness: tells who answered, by the port that the connection comes from, while it is still open.

    Raises :class:`DeployError` for a question that HTTP cannot carry; everything else is told in the answer.
    """
    began = time.monotonic()
    connection = _connection(target, question, timeout)
    try:
        answer = _exchange(connection, target.prefix, question, began + timeout, witness)
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
    return replace(answer, seconds=seconds, error=error_text, sent=connection.sent)


class _Connection(http.client.HTTPConnection):
    """A connection that remembers whether anything was sent."""

    sent = False

    def secure(self) -> None:
        """Nothing to do where it is not TLS."""


class _TlsConnection(_Connection):
    """TLS for a name that need not be the address: a front is asked on loopback, by the name of its site."""

    def __init__(self, target: Target, name: str, timeout: float) -> None:
        super().__init__(target.host, target.port, timeout=timeout)
        self._name = name
        self._context = unquestioning_context() if target.any_certificate else trusting_context()

    def secure(self) -> None:
        """Agree on the encryption, once the watchdog is awake: the other side may be slow in this, too."""
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name, do_handshake_on_connect=False)
        self.sock.do_handshake()


class _UnixConnection(_Connection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(target: Target, question: Question, timeout: float) -> _Connection:
    if target.socket:
        return _UnixConnection(target.socket, timeout)
    if target.tls:
        named = next((value for name, value in question.headers.items() if name.lower() == "host"), target.host)
        return _TlsConnection(target, re.sub(r":\d+$", "", named), timeout)
    return _Connection(target.host, target.port, timeout=timeout)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _exchange(connection: _Connection, prefix: str, question: Question, end: float, witness: Witness | None) -> Answer:
    headers = {"user-agent": "nodeops.pm2", **{name.lower(): value for name, value in question.headers.items()}}
    # Whoever is to be seen must not hang up first.
    headers["connection"] = "keep-alive" if witness else "close"
    connection.connect()
    port = connection.sock.getsockname()[1] if witness and connection.sock.family != socket.AF_UNIX else 0
    # A socket timeout is counted from byte to byte: one byte a second would hold us for ever.
    watchdog = threading.Timer(max(end - time.monotonic(), 0.0), _hang_up, [connection])
    watchdog.daemon = True
    watchdog.start()
    try:
        connection.secure()
        connection.sent = True
        data = question.data.encode() or None
        connection.request(question.method, prefix + question.path, body=data, headers=headers)
        answer = _read(connection.getresponse())
        return replace(answer, server=witness(port)) if witness and port else answer
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


def _hang_up(connection: _Connection) -> None:
    with contextlib.suppress(OSError, TypeError):  # it may be gone by now
        # The plain socket's own method: that of an encrypted one would take it from under the reader's feet.
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _plain(error: Exception) -> str:
    known = {
        ConnectionRefusedError: "connection refused",
        FileNotFoundError: "no such socket",
        http.client.RemoteDisconnected: "connection closed without an answer",
        http.client.IncompleteRead: "connection closed within the body",
        http.client.BadStatusLine: "what answered does not speak HTTP",
        socket.gaierror: "its name cannot be resolved",
    }
    untrusted = getattr(error, "verify_message", "")
    if untrusted:
        return f"its certificate is not trusted here: {untrusted}"
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
