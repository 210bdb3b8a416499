# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _tls
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import (
    BODY_LIMIT,
    Question,
    Target,
    ask,
    parse_target,
    parse_url,
)


@contextlib.contextmanager
def serve(reply: Callable[[socket.socket], None], path: Path | None = None) -> Iterator[tuple[Target, list[bytes]]]:
    """One connection on loopback, or on the unix socket ``path``; yields where, and the request's bytes."""
    listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    listener.bind(str(path) if path else ("127.0.0.1", 0))
    listener.listen()
    listener.settimeout(5)
    asked: list[bytes] = []

    def once() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                asked.append(connection.recv(65536))
                reply(connection)

    thread = threading.Thread(target=once)
    thread.start()
    try:
        yield Target(socket=str(path)) if path else Target("127.0.0.1", listener.getsockname()[1]), asked
    finally:
        thread.join()
        listener.close()


def sends(*parts: bytes) -> Callable[[socket.socket], None]:
    def reply(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return reply


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Slot: green\r\n\r\nok"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("127.0.0.1:3001", Target("127.0.0.1", 3001)),
        ("http://127.0.0.1:8080", Target("127.0.0.1", 8080)),
        ("https://127.0.0.1/shop/", Target("127.0.0.1", 443, prefix="/shop", tls=True, any_certificate=True)),
        ("https://shop.example.com:8443", Target("shop.example.com", 8443, tls=True)),
        ("http://shop.example/api/", Target("shop.example", 80, prefix="/api")),
        ("http://[::1]:8080", Target("::1", 8080)),
        ("unix:/run/shop/green.sock", Target(socket="/run/shop/green.sock")),
        ("/var/www/shop/current/.release/listen.sock", Target(socket="/var/www/shop/current/.release/listen.sock")),
    ],
)
def test_an_address_is_read(text: str, target: Target) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    "text", ["", "3001", "127.0.0.1", "ftp://shop.example", "http://", "127.0.0.1:99999", "unix:green.sock", "a:b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(DeployError, match="not an address"):
        parse_target(text)


def test_credentials_in_a_url_are_refused_and_not_shown() -> None:
    with pytest.raises(DeployError) as raised:
        parse_target("http://deploy:hunter2@127.0.0.1:80")
    assert "hunter2" not in str(raised.value)


def test_an_answer_has_status_headers_body_and_time() -> None:
    with serve(sends(OK)) as (target, _):
        answer = ask(target, Question("/health"))
    assert (answer.status, answer.body, answer.headers["x-slot"], answer.error) == (200, "ok", "green", "")
    assert 0 < answer.seconds < 5


def test_a_unix_socket_is_asked_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "listen.sock").symlink_to(tmp_path / "green.sock")
    with serve(sends(OK), tmp_path / "green.sock"):
        assert ask(Target(socket=str(tmp_path / "listen.sock")), Question()).status == 200


def test_the_request_carries_what_was_asked_for() -> None:
    question = Question("/a?b=1", "POST", {"Host": "shop.example", "X-Key": "1", "Connection": "keep-alive"}, "päck")
    with serve(sends(OK)) as (target, asked):
        ask(Target(target.host, target.port, prefix="/api"), question)
    head, _, body = asked[0].decode().partition("\r\n\r\n")
    lines = head.lower().splitlines()
    assert lines[0] == "post /api/a?b=1 http/1.1"
    assert [line for line in lines if line.startswith("host:")] == ["host: shop.example"]
    assert "x-key: 1" in lines
    assert "connection: close" in lines
    assert body in ("päck", "")  # the body may come in a packet of its own


def test_a_redirect_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n"
    with serve(sends(moved)) as (target, asked):
        answer = ask(target, Question())
    assert (answer.status, answer.headers["location"], len(asked)) == (302, "/login", 1)


@pytest.mark.parametrize(("size", "cut"), [(BODY_LIMIT, False), (BODY_LIMIT + 1, True)])
def test_a_long_body_is_cut(size: int, cut: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    with serve(sends(head, b"x" * size)) as (target, _):
        answer = ask(target, Question())
    assert (len(answer.body), answer.cut, answer.error) == (BODY_LIMIT, cut, "")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", "connection closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "what answered does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "connection closed within the body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", "connection closed within the body"),
    ],
)
def test_half_an_answer_is_none(reply: bytes, error: str) -> None:
    with serve(sends(reply)) as (target, _):
        assert ask(target, Question()).error == error


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"], ids=["headers", "body"])
def test_a_trickle_of_bytes_does_not_hold_us(head: bytes) -> None:
    def trickle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(head)
            for byte in b"HTTP/1.1 200 OK\r\n" * 9:
                connection.sendall(bytes([byte]))
                time.sleep(0.03)

    began = time.monotonic()
    with serve(trickle) as (target, _):
        answer = ask(target, Question(), timeout=0.3)
    assert answer.error == "no complete answer within 0.3 s"
    assert time.monotonic() - began < 3


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert ask(Target("127.0.0.1", unused.getsockname()[1]), Question()).error == "connection refused"
    assert ask(Target(socket=str(tmp_path / "no.sock")), Question()).error == "no such socket"


@pytest.mark.parametrize(
    "question",
    [Question("/a b"), Question("/ü"), Question(headers={"X-Key": "secret\r\nX: y"}), Question(method="G\nT")],
)
def test_what_http_cannot_carry_is_refused_without_showing_secrets(question: Question) -> None:
    with serve(sends(OK)) as (target, _), pytest.raises(DeployError) as raised:
        ask(target, question)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("unix", "server"), [(False, 7), (True, None)])
def test_who_answered_is_looked_up_while_the_connection_is_open(tmp_path: Path, unix: bool, server: int | None) -> None:
    ports: list[int] = []

    def witness(port: int) -> int:
        ports.append(port)
        return 7

    with serve(sends(OK), tmp_path / "s" if unix else None) as (target, asked):
        answer = ask(target, Question(), witness=witness)
    assert (answer.server, answer.status, answer.error) == (server, 200, "")
    assert b"connection: keep-alive" in asked[0].lower()
    assert len(ports) == (0 if unix else 1)


@pytest.mark.parametrize(
    ("text", "target", "path"),
    [
        ("https://api.telegram.org", Target("api.telegram.org", 443, tls=True), "/"),
        ("http://127.0.0.1:8080/a/b?c=d", Target("127.0.0.1", 8080), "/a/b?c=d"),
        ("https://[::1]:8443/x", Target("::1", 8443, tls=True), "/x"),
    ],
)
def test_the_address_of_a_service_is_read(text: str, target: Target, path: str) -> None:
    assert parse_url(text) == (target, path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "hunter2:hunter2",
        "api.example.com/hunter2",
        "ftp://example.com/hunter2",
        "https:///hunter2",
        "https://app:hunter2@example.com/",
        "https://hunter2@example.com/",
        "https://example.com/#hunter2",
        "https://example.com:99999/hunter2",
        "https://example.com/hunter2\n",
    ],
)
def test_what_is_no_address_of_a_service_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(DeployError, match="not an address") as raised:
        parse_url(text)
    assert "hunter2" not in str(raised.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for 127.0.0.1 in one file, made for this run."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is needed to make a certificate")
    made = tmp_path_factory.mktemp("tls") / "127.0.0.1.pem"
    options = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=loopback"]
    options += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "-", "-out", "-"]
    made.write_bytes(subprocess.run([openssl, "req", *options], capture_output=True, check=True).stdout)
    return made


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    _tls.trusting_context.cache_clear()
    yield
    _tls.trusting_context.cache_clear()


@contextlib.contextmanager
def encrypted(certificate: Path, reply: Callable[[socket.socket], None]) -> Iterator[Target]:
    """One TLS connection on loopback."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def once() -> None:
            with contextlib.suppress(OSError):
                plain, _ = listener.accept()
                with plain, context.wrap_socket(plain, server_side=True) as connection:
                    connection.settimeout(5)
                    connection.recv(65536)
                    reply(connection)

        thread = threading.Thread(target=once)
        thread.start()
        yield Target("127.0.0.1", listener.getsockname()[1], tls=True)
        thread.join()


@pytest.mark.usefixtures("trusted")
def test_tls_is_spoken(certificate: Path) -> None:
    with encrypted(certificate, sends(OK)) as target:
        answer = ask(target, Question())
    assert (answer.status, answer.body, answer.error, answer.sent) == (200, "ok", "", True)


def test_a_certificate_that_is_not_trusted_is_told_and_nothing_is_sent(certificate: Path) -> None:
    with encrypted(certificate, sends(OK)) as target:
        answer = ask(target, Question())
    assert answer.error.startswith("its certificate is not trusted here: self")
    assert not answer.sent


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_told(certificate: Path) -> None:
    with encrypted(certificate, sends(OK)) as target:
        answer = ask(replace(target, host="localhost"), Question())
    assert "not trusted here: Hostname mismatch" in answer.error


@pytest.mark.usefixtures("trusted")
def test_an_encrypted_drip_ends_in_time(certificate: Path) -> None:
    def drip(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b"x" * 90:
                connection.sendall(bytes([byte]))
                time.sleep(0.05)

    with encrypted(certificate, drip) as target:
        answer = ask(target, Question(), timeout=0.5)
    assert answer.error == "no complete answer within 0.5 s"


def test_a_handshake_that_never_ends_is_given_up() -> None:
    with serve(lambda _connection: time.sleep(1)) as (target, _):
        answer = ask(replace(target, tls=True), Question(), timeout=0.3)
    assert answer.error == "no complete answer within 0.3 s"
    assert not answer.sent


def test_nobody_heard_what_was_never_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answer = ask(Target("127.0.0.1", port), Question())
    assert (answer.error, answer.sent) == ("connection refused", False)


def test_a_name_that_cannot_be_resolved_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    answer = ask(Target("chat.example", 80), Question())
    assert (answer.error, answer.sent) == ("its name cannot be resolved", False)


def test_where_python_looks_in_vain_the_systems_bundle_is_found(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    monkeypatch.setattr(_tls, "_BUNDLES", ("/nowhere", str(certificate)))
    _tls.trusting_context.cache_clear()
    assert len(_tls.trusting_context().get_ca_certs()) == 1
    _tls.trusting_context.cache_clear()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "[::1]"])
def test_on_loopback_any_certificate_of_a_front_will_do(host: str) -> None:
    assert parse_target(f"https://{host}:8443").any_certificate
    assert not parse_target("https://shop.test").any_certificate
    assert not parse_target(f"http://{host}:8080").any_certificate


def test_the_name_on_the_certificate_is_that_of_the_site(certificate: Path) -> None:
    with encrypted(certificate, sends(OK)) as target:
        found = ask(replace(target, any_certificate=True), Question(headers={"Host": "shop.test:443"}))
    assert (found.status, found.error) == (200, "")


def test_what_does_not_speak_tls_is_told() -> None:
    with serve(sends(OK)) as (target, _asked):
        answer = ask(Target(target.host, target.port, tls=True), Question())
    assert answer.status == 0
    assert answer.error
