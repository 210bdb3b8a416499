# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The load generator counts what a user would notice: no more, no less."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ansible_collections.nodeops.pm2.demo.load import Client, Load, Target, release_of

BODY = b'{"release": "r1"}'
KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + BODY
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 17\r\n\r\n" + BODY
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + BODY[:5]
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n" + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n" + BODY + b"\r\n0\r\n\r\n"
REFUSAL = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def server(*connections: list[bytes]) -> Iterator[Target]:
    """Answers each request on the n-th connection by the next entry of the n-th list, then closes it."""

    def serve() -> None:
        for answers in connections:
            connection, _peer = listener.accept()
            with connection:
                for answer in answers:
                    if not connection.recv(4096):
                        break
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        target = Target("127.0.0.1", listener.getsockname()[1], "/")
        yield target
        thread.join(timeout=5)


def ask(target: Target, times: int) -> Client:
    client = Client(target, timeout=2.0)
    for _each in range(times):
        client.ask()
        time.sleep(0.02)  # lets the end of a connection arrive before the next request
    client.close()
    return client


@pytest.mark.parametrize(
    ("connections", "requests", "failed"),
    [
        pytest.param([[KEPT, KEPT, KEPT]], 3, 0, id="kept alive"),
        pytest.param([[KEPT, LAST], [KEPT]], 3, 0, id="closed as announced"),
        pytest.param([[KEPT], [KEPT]], 2, 0, id="closed while idle"),
        pytest.param([[HALF], [KEPT]], 2, 1, id="cut off in the body"),
        pytest.param([[b"HTTP/1.1 200"], [KEPT]], 2, 1, id="cut off in the head"),
        pytest.param([[b""], [KEPT]], 2, 1, id="closed instead of an answer"),
        pytest.param([[ENDLESS], [KEPT]], 2, 1, id="length unknown"),
        pytest.param([[CHUNKED, KEPT]], 2, 0, id="chunked"),
        pytest.param([[REFUSAL, KEPT]], 2, 1, id="wrong status"),
    ],
)
def test_counts_what_a_user_notices(connections: list[list[bytes]], requests: int, failed: int) -> None:
    with server(*connections) as target:
        client = ask(target, requests)
    assert client.failed == failed
    assert client.answered_by == ["r1"] * (requests - failed)
    assert len(client.sent) == requests - failed
    assert len(client.failures) == failed


def test_refused_connection_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = Target("127.0.0.1", listener.getsockname()[1], "/")
    client = Client(target, timeout=1.0)
    assert not client.ask()
    assert "ConnectionRefusedError" in client.failures[0]


@pytest.mark.parametrize(
    ("body", "release"),
    [
        (b'{"release": "a"}', "a"),
        (b'{"release": 7}', "7"),
        (b'{"other": 1}', "unknown"),
        (b"[]", "unknown"),
        (b"<html>", "unknown"),
        (b"", "unknown"),
        (b"\xff", "unknown"),
    ],
)
def test_release_of_an_answer(body: bytes, release: str) -> None:
    assert release_of(body) == release


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:8080/x?y=1", Target("127.0.0.1", 8080, "/x?y=1")),
        ("http://localhost", Target("localhost", 80, "/")),
        ("http://[::1]:81/", Target("::1", 81, "/")),
        ("http://127.8.8.8/", Target("127.8.8.8", 80, "/")),
    ],
)
def test_loopback_is_a_target(url: str, target: Target) -> None:
    assert Target.parse(url) == target


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "http://example.com/", "http://localhost.example.com/", "https://127.0.0.1/", "127.0.0.1:80"],
)
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"not loopback|not an http"):
        Load(url)


def fed(*clients: list[tuple[float, str]]) -> Load:
    load = Load("http://127.0.0.1:1/", clients=len(clients))
    for client, answers in zip(load._clients, clients):
        for sent, release in answers:
            client.sent.append(sent)
            client.answered_by.append(release)
    return load


def test_first_answer_after_a_moment_is_the_earliest_of_all_clients() -> None:
    load = fed([(1.0, "old"), (5.0, "new")], [(2.0, "old"), (4.0, "new")])
    assert [getattr(load.first_after(moment), "release", None) for moment in (0, 2, 2.5, 4.5, 6)] == [
        "old",
        "old",
        "new",
        "new",
        None,
    ]
    assert load.by_release(since=2.0, until=5.0) == {"old": 1, "new": 1}


def test_result_counts_by_release_in_the_order_they_appeared() -> None:
    load = fed([(1.0, "b"), (5.0, "a")], [(2.0, "b"), (4.0, "a")])
    releases = load.result().releases
    assert list(releases) == ["b", "a"]
    assert (releases["b"].answers, releases["b"].first, releases["b"].last) == (2, 1.0, 2.0)
    assert load.result().requests == 4


def test_clients_run_until_stopped() -> None:
    with server([KEPT] * 100_000) as target:
        with Load(f"http://127.0.0.1:{target.port}/", clients=1, seconds=30) as load:
            limit = time.monotonic() + 10
            while not load.first_after(0) and time.monotonic() < limit:
                time.sleep(0.01)
        result = load.result()
    assert result.requests >= 1
    assert result.failed == 0
    assert result.seconds < 10
    assert "0 failed" in str(result)


def test_time_and_rate_bound_a_load() -> None:
    with server([KEPT] * 100_000) as target:
        load = Load(f"http://127.0.0.1:{target.port}/", clients=1, rate=20, seconds=0.5)
        load.start()
        for thread in load._threads:
            thread.join(timeout=5)
            assert not thread.is_alive()
        result = load.wait()
    assert 1 <= result.requests <= 11
