# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Health questions beside the loop, to a process that answers, hangs, or is not there."""

from __future__ import annotations

import dataclasses
import select
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _app, _prober
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._prober import Probed, Prober, question

PUBLISHING = ("r1", 1.0)


class Process(ThreadingHTTPServer):
    """Answers with :attr:`status`, once :attr:`free` is set."""

    daemon_threads = True
    status = 200

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def slot(self) -> Slot:
        return Slot("blue", "shop-blue", f"127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        process = self.server
        assert isinstance(process, Process)
        process.asked.append(f"{self.headers['host']} {self.path}")
        process.free.wait(30)
        self.send_response(process.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def process() -> Iterator[Process]:
    with Process() as process:
        threading.Thread(target=process.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield process
        process.free.set()
        process.shutdown()


@pytest.fixture
def asked(app: Any) -> _app.App:
    return _app.of(app.options(health={"path": "/health", "timeout": 0.5}, host="shop.example"))


def answers(prober: Prober) -> list[Probed]:
    """The next ones."""
    found: list[Probed] = []
    while not found:
        assert select.select([prober.fileno()], [], [], 10)[0], "nobody was woken"
        found = prober.answers()
    return found


def test_the_process_itself_is_asked_by_the_name_of_its_site(process: Process, asked: _app.App) -> None:
    assert question(asked, process.slot) == ""
    assert process.asked == ["shop.example /health"]
    process.status = 503
    assert "503" in question(asked, process.slot)


def test_what_is_not_there_or_hangs_is_no_good_answer(process: Process, asked: _app.App) -> None:
    process.free.clear()
    assert "0.5 s" in question(asked, process.slot)
    assert "refused" in question(asked, Slot("green", "shop-green", "127.0.0.1:1"))
    assert "not an address" in question(asked, Slot("green", "shop-green", "nowhere"))


def test_an_answer_wakes_the_loop_and_tells_of_what_it_was_asked(process: Process, asked: _app.App) -> None:
    prober = Prober()
    assert prober.answers() == []
    prober.ask("shop", PUBLISHING, asked, process.slot)
    assert answers(prober) == [Probed("shop", PUBLISHING, "")]
    assert prober.answers() == []
    assert select.select([prober.fileno()], [], [], 0)[0] == []


def test_one_that_hangs_is_asked_once_and_holds_up_nobody(process: Process, asked: _app.App) -> None:
    patient = dataclasses.replace(asked, proof={**asked.proof, "health": {**asked.proof["health"], "timeout": 20}})
    prober = Prober()
    process.free.clear()
    for _ in range(3):
        prober.ask("hangs", PUBLISHING, patient, process.slot)
    prober.ask("gone", PUBLISHING, asked, Slot("blue", "gone-blue", "127.0.0.1:1"))
    (first,) = answers(prober)
    assert first.app == "gone"
    process.free.set()
    assert answers(prober) == [Probed("hangs", PUBLISHING, "")]
    assert len(process.asked) == 1
    prober.ask("hangs", PUBLISHING, patient, process.slot)
    assert len(answers(prober)) == 1, "it is asked again once it has answered"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_question_that_breaks_is_a_bad_answer_and_not_the_last_one(
    process: Process, asked: _app.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    prober = Prober()
    with monkeypatch.context() as broken:
        broken.setattr(_prober, "question", lambda *_: 1 / 0)
        prober.ask("shop", PUBLISHING, asked, process.slot)
        assert answers(prober) == [Probed("shop", PUBLISHING, "the question could not be asked")]
    prober.ask("shop", PUBLISHING, asked, process.slot)
    assert answers(prober) == [Probed("shop", PUBLISHING, "")]
