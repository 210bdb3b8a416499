# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep-alive HTTP clients that count what a user would notice while releases are switched. Loopback only.

On the command line ``python demo/load.py URL --clients 20 --seconds 10 --json OUT`` prints one line and exits 1 where a
request failed; SIGINT or SIGTERM ends it early, with the same report. From Python::

    with Load("http://127.0.0.1:8080/", clients=20) as load:
        switched = time.time()
        ...
    assert load.result().failed == 0
    assert load.first_after(switched).release == "20260101T000000-abc1234"

A request fails when its connection is refused, reset or ends before the answer is complete, when no answer comes in
time, or when the status is not 200. A connection the server closed while nothing was asked of it is no failure.
"""

from __future__ import annotations

import argparse
import contextlib
import http
import http.client
import ipaddress
import json
import select
import signal
import sys
import threading
import time
from array import array
from bisect import bisect_left
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

KEPT_FAILURES = 20
PAUSE_AFTER_FAILURE = 0.05
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer:
    """One answered request: when it was sent (seconds since the epoch), and by which release it was answered."""

    sent: float
    release: str


@dataclass(frozen=True)
class Seen:
    """What was seen of one release: number of answers, and when the first and the last of them were asked for."""

    answers: int
    first: float
    last: float


@dataclass(frozen=True)
class Result:
    """What the clients saw.

    :param requests: requests sent, failed ones included.
    :param failed: of those, the ones a user would have noticed.
    :param failures: the first of them, in words.
    :param releases: by release id (the answer's ``release`` field, ``unknown`` where it has none).
    :param slowest_ms: the longest anyone waited for an answer, in milliseconds.
    :param seconds: how long the load lasted.
    """

    requests: int
    failed: int
    failures: list[str]
    releases: dict[str, Seen]
    slowest_ms: float
    seconds: float

    def __str__(self) -> str:
        who = ", ".join(f"{release} {seen.answers}" for release, seen in self.releases.items())
        rate = self.requests / self.seconds if self.seconds else 0.0
        return (
            f"{self.requests} requests in {self.seconds:.1f} s ({rate:.0f}/s), {self.failed} failed, "
            f"slowest {self.slowest_ms:.0f} ms; answered by: {who or 'nobody'}"
        )


@dataclass(frozen=True)
class Target:
    """Where the clients connect to, and what they ask for."""

    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Target:
        """Read an ``http://`` URL; :class:`ValueError` where it does not lead to this machine itself."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"not an http:// URL: {url}")
        if not _is_loopback(parts.hostname):
            raise ValueError(f"{parts.hostname} is not loopback: this load is for the own machine only")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, parts.port or 80, path)


class Client:
    """One user with one keep-alive connection."""

    def __init__(self, target: Target, *, timeout: float) -> None:
        self._target = target
        self._connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout)
        self.sent = array("d")
        self.answered_by: list[str] = []
        self.failures: list[str] = []
        self.failed = 0
        self.slowest = 0.0

    def ask(self) -> bool:
        """Send one request and wait for its answer; ``False`` where it failed."""
        if self._was_closed_while_idle():
            self._connection.close()
        sent = time.time()
        begun = time.monotonic()
        try:
            self._connection.request("GET", self._target.path)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return self._fail(sent, f"{type(error).__name__}: {error}")
        self.slowest = max(self.slowest, time.monotonic() - begun)
        if response.status != http.HTTPStatus.OK:
            return self._fail(sent, f"status {response.status}: {body[:120]!r}")
        if response.getheader("Content-Length") is None and not response.chunked:
            return self._fail(sent, "answer of no stated length: it cannot be told from one that was cut off")
        self.answered_by.append(release_of(body))
        self.sent.append(sent)
        return True

    def close(self) -> None:
        self._connection.close()

    def _was_closed_while_idle(self) -> bool:
        # Nothing was asked, so whatever can be read is the server's goodbye.
        connected = self._connection.sock
        return connected is not None and bool(select.select([connected], [], [], 0)[0])

    def _fail(self, sent: float, why: str) -> bool:
        self.failed += 1
        if len(self.failures) < KEPT_FAILURES:
            self.failures.append(f"{sent:.3f} {why}")
        return False


class Load:
    """Clients that ask, each in a thread of its own, until they are stopped.

    :param url: an ``http://`` URL on loopback.
    :param clients: number of connections.
    :param rate: requests per second, all clients together; 0: as fast as they can.
    :param seconds: they stop by themselves after this time.
    :param timeout: seconds to wait for one answer.
    """

    def __init__(
        self, url: str, *, clients: int = 20, rate: float = 0.0, seconds: float = 600.0, timeout: float = 10.0
    ) -> None:
        self._clients = [Client(Target.parse(url), timeout=timeout) for _each in range(clients)]
        self._interval = clients / rate if rate else 0.0
        self._seconds = seconds
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._begun = self._ended = 0.0

    def start(self) -> None:
        """Let the clients begin."""
        self._begun = time.monotonic()
        for number, client in enumerate(self._clients):
            delay = self._interval * number / len(self._clients)
            self._threads.append(threading.Thread(target=self._drive, args=(client, delay), daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> Result:
        """Let every client finish its request, and report."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._ended = self._ended or time.monotonic()
        return self.result()

    def wait(self) -> Result:
        """Wait until the time is over, or :meth:`interrupt` is called, and report."""
        self._stop.wait(max(0.0, self._begun + self._seconds - time.monotonic()))
        return self.stop()

    def interrupt(self) -> None:
        """End the load early; safe in a signal handler."""
        self._stop.set()

    def __enter__(self) -> Load:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def result(self) -> Result:
        """What has been seen so far."""
        failures = sorted(line for client in self._clients for line in client.failures)
        failed = sum(client.failed for client in self._clients)
        return Result(
            requests=failed + sum(len(client.sent) for client in self._clients),
            failed=failed,
            failures=failures[:KEPT_FAILURES],
            releases=self._releases(),
            slowest_ms=round(1000 * max((client.slowest for client in self._clients), default=0.0), 1),
            seconds=round((self._ended or time.monotonic()) - self._begun, 3),
        )

    def first_after(self, moment: float) -> Answer | None:
        """The first answered request that was sent at ``moment`` (seconds since the epoch) or later."""
        found: list[Answer] = []
        for client in self._clients:
            index = bisect_left(client.sent, moment)
            if index < len(client.sent):
                found.append(Answer(client.sent[index], client.answered_by[index]))
        return min(found, key=lambda answer: answer.sent, default=None)

    def by_release(self, *, since: float, until: float) -> dict[str, int]:
        """Number of answers by release, of the requests sent from ``since`` up to but not at ``until``."""
        count: Counter[str] = Counter()
        for client in self._clients:
            count.update(client.answered_by[bisect_left(client.sent, since) : bisect_left(client.sent, until)])
        return dict(count)

    def _releases(self) -> dict[str, Seen]:
        seen: dict[str, Seen] = {}
        for client in self._clients:
            for sent, release in zip(client.sent, client.answered_by):
                known = seen.get(release, Seen(0, sent, sent))
                seen[release] = Seen(known.answers + 1, min(known.first, sent), max(known.last, sent))
        return dict(sorted(seen.items(), key=lambda item: item[1].first))

    def _drive(self, client: Client, delay: float) -> None:
        due = self._begun + delay
        end = self._begun + self._seconds
        while not self._stop.wait(max(0.0, due - time.monotonic())) and time.monotonic() < end:
            answered = client.ask()
            # A client that is late does not catch up: a burst would measure the client.
            due = max(due + self._interval, time.monotonic())
            due += 0.0 if answered else PAUSE_AFTER_FAILURE
        client.close()


def release_of(body: bytes) -> str:
    """The ``release`` field of a JSON answer, ``unknown`` where there is none."""
    try:
        release = json.loads(body)["release"]
    except (ValueError, LookupError, TypeError):
        return UNKNOWN
    return sys.intern(str(release))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def main() -> int:
    """Command line: run for a time, print one line, exit 1 where a request failed."""
    parser = argparse.ArgumentParser(description="Keep-alive HTTP load on this machine itself.")
    parser.add_argument("url", help="http://127.0.0.1:PORT/PATH; its JSON answer names the release")
    parser.add_argument("--clients", type=int, default=20, help="connections (default: 20)")
    parser.add_argument("--seconds", type=float, default=10.0, help="duration (default: 10)")
    parser.add_argument("--rate", type=float, default=0.0, help="requests per second in all (default: unlimited)")
    parser.add_argument("--json", type=Path, help="write the result here, too")
    options = parser.parse_args()
    try:
        load = Load(options.url, clients=options.clients, rate=options.rate, seconds=options.seconds)
    except ValueError as error:
        parser.error(str(error))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: load.interrupt())
    load.start()
    result = load.wait()
    print(result)
    for failure in result.failures:
        print(f"  {failure}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    return 1 if result.failed else 0


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
