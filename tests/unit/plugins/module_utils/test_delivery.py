# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.outside import CHAT, TOKEN, Answer, Outside, too_many
from ansible_collections.nodeops.pm2.plugins.module_utils import _delivery
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Channel, Message, Receipt
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._lines import Line, Lines
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret
from ansible_collections.nodeops.pm2.plugins.module_utils._spool import TRYING, WAITING, Delivery, Entry, Spool
from ansible_collections.nodeops.pm2.plugins.module_utils._telegram import Telegram

AGAIN = "(Perhaps sent before: nobody confirmed it.)"
GOOD = Receipt("delivered")


def at(seconds: float) -> Moment:
    return Moment(1_000_000 + seconds, 1000 + seconds, "boot")


def text(number: int, severity: str = "WARNING") -> Message:
    when = f"2026-11-24T03:12:{number:02d}.000Z"
    return Message(f"m{number}", when, severity, "crash_loop", f"text {number}", f"short {number}", {})


@dataclass
class Scripted:
    """A channel that gives receipts one after the other, and then takes everything."""

    name: str = "chat"
    is_sms: bool = False
    receipts: list[Receipt] = field(default_factory=list)
    sent: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def send(self, message: Message, *, remarks: Sequence[str], timeout: float) -> Receipt:
        assert timeout > 0
        self.sent.append((message.id, tuple(remarks)))
        return self.receipts.pop(0) if self.receipts else GOOD

    @property
    def ids(self) -> list[str]:
        return [identifier for identifier, _remarks in self.sent]


class Desk:
    """A spool, its channels, and a clock that is moved by hand; everything else is read from disk at each turn."""

    def __init__(self, directory: Path, *channels: Channel) -> None:
        self.directory, self.channels, self.seconds = directory, list(channels), 0.0

    @property
    def spool(self) -> Spool:
        return Spool(self.directory / "spool")

    @property
    def lines(self) -> Lines:
        return Lines(self.directory / "lines.json")

    def put(self, *messages: Message, to: Sequence[str] = ("chat",)) -> None:
        for message in messages:
            self.spool.put(message, to, now=at(self.seconds))

    def turn(self, seconds: float = 0.0, *, budget: float = 60.0, timeout: float = 5.0) -> list[str]:
        """What is said after some time has passed."""
        self.seconds += seconds
        clock = lambda: at(self.seconds)  # noqa: E731 - a clock that stands still
        return _delivery.deliver(self.spool, self.lines, self.channels, clock=clock, timeout=timeout, budget=budget)

    @property
    def left(self) -> list[str]:
        return [entry.message.id for entry in self.spool.entries()[0] if not entry.done]


def test_the_gravest_goes_first_and_each_once(tmp_path: Path) -> None:
    chat, other = Scripted(), Scripted("other")
    desk = Desk(tmp_path, chat, other)
    desk.put(text(1), text(2, "INFO"), text(3, "CRITICAL"))
    desk.put(text(4), to=["chat", "other"])
    assert desk.turn() == []
    assert (chat.ids, other.ids) == (["m3", "m1", "m4", "m2"], ["m4"])
    assert desk.turn() == []
    assert len(chat.ids) == 4
    # It stays for a while, so that the same message is not taken again.
    desk.put(text(1))
    desk.turn(100)
    assert len(desk.spool.entries()[0]) == 4
    desk.turn(21)
    assert desk.spool.entries() == ([], [])
    assert len(chat.ids) == 4


def test_a_channel_that_is_down_is_left_alone_longer_and_longer(tmp_path: Path) -> None:
    down = Receipt("failed", "connection refused")
    chat = Scripted(receipts=[down] * 12)
    desk = Desk(tmp_path, chat)
    desk.put(text(1), text(2))
    assert desk.turn() == ["m1 by chat: failed, connection refused"]
    waits = []
    while len(chat.sent) < 13:
        before, count = desk.seconds, len(chat.sent)
        while len(chat.sent) == count:
            desk.turn(1)
        waits.append(desk.seconds - before)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert desk.left == []  # what waited behind the first one followed it at once
    assert [remarks for _id, remarks in chat.sent[-2:]] == [
        ("(Sent 24 min late: it could not be delivered before.)",),
        ("(Sent 24 min late: it could not be delivered before.)",),
    ]


def test_what_a_channel_asks_for_is_obeyed_also_by_the_next_guard(tmp_path: Path) -> None:
    chat = Scripted(receipts=[Receipt("failed", "too many", 35)])
    desk = Desk(tmp_path, chat)
    desk.put(text(1), text(2))
    desk.turn()
    desk.turn(34)
    assert chat.ids == ["m1"]
    assert desk.lines.failing([chat]) == {"chat": "too many"}
    desk.turn(1)
    assert chat.ids == ["m1", "m1", "m2"]
    assert desk.lines.failing([chat]) == {}


def test_one_message_that_is_refused_holds_up_no_other(tmp_path: Path) -> None:
    chat = Scripted(receipts=[Receipt("refused", "status 400")])
    desk = Desk(tmp_path, chat)
    desk.put(text(1), text(2))
    assert desk.turn() == ["m1 by chat: refused, status 400"]
    assert (chat.ids, desk.left) == (["m1", "m2"], ["m1"])
    desk.turn(59)
    assert len(chat.ids) == 2
    desk.turn(1)
    assert (chat.ids[2:], desk.left) == (["m1"], [])


@pytest.mark.parametrize("first", [Receipt("unknown", "no complete answer within 5 s")])
def test_an_attempt_that_may_have_succeeded_is_made_again_and_says_so(tmp_path: Path, first: Receipt) -> None:
    chat = Scripted(receipts=[first, Receipt("failed", "down")])
    desk = Desk(tmp_path, chat)
    desk.put(text(1))
    for _turn in range(3):
        desk.turn(2)
    assert chat.sent == [("m1", ()), ("m1", (AGAIN,)), ("m1", (AGAIN,))]


def test_a_kill_between_sent_and_written_down_is_one_of_those(tmp_path: Path) -> None:
    class Killed(Scripted):
        def send(self, message: Message, *, remarks: Sequence[str], timeout: float) -> Receipt:
            super().send(message, remarks=remarks, timeout=timeout)
            raise KeyboardInterrupt

    killed, chat = Killed(), Scripted()
    desk = Desk(tmp_path, killed)
    desk.put(text(1))
    with pytest.raises(KeyboardInterrupt):
        desk.turn()
    desk.channels = [chat]
    desk.turn()
    assert (killed.sent, chat.sent) == ([("m1", ())], [("m1", (AGAIN,))])


def test_what_one_channel_has_is_not_sent_to_it_again_for_anothers_sake(tmp_path: Path) -> None:
    chat, other = Scripted(), Scripted("other", receipts=[Receipt("failed", "down")])
    desk = Desk(tmp_path, chat, other)
    desk.put(text(1), to=["chat", "other"])
    desk.turn()
    desk.turn(1)
    assert (chat.ids, other.ids) == (["m1"], ["m1", "m1"])


@pytest.mark.parametrize(("severity", "texts"), [("INFO", []), ("WARNING", ["m1"]), ("CRITICAL", ["m1"])])
def test_where_no_chat_can_be_reached_an_sms_goes_out(tmp_path: Path, severity: str, texts: list[str]) -> None:
    chat, sms = Scripted(receipts=[Receipt("failed", "down")] * 9), Scripted("sms", is_sms=True)
    desk = Desk(tmp_path, chat, sms)
    desk.put(text(1, severity))
    desk.turn()
    assert sms.ids == []
    for _turn in range(5):
        desk.turn(60)
    assert sms.ids == texts
    assert desk.left == ["m1"]  # the chat is still owed it


def test_one_chat_of_two_is_enough(tmp_path: Path) -> None:
    chat, other = Scripted(receipts=[Receipt("failed", "down")] * 9), Scripted("other")
    sms = Scripted("sms", is_sms=True)
    desk = Desk(tmp_path, chat, other, sms)
    desk.put(text(1), to=["chat", "other"])
    for _turn in range(5):
        desk.turn(60)
    assert sms.ids == []


def test_a_channel_that_is_gone_from_the_settings_holds_nothing_up(tmp_path: Path) -> None:
    chat = Scripted()
    desk = Desk(tmp_path, chat)
    desk.put(text(1), to=["chat", "gone"])
    desk.put(text(2), to=["gone"])
    desk.turn()
    assert (sorted(chat.ids), desk.left) == (["m1", "m2"], [])


def test_without_any_channel_everything_waits(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.put(text(1))
    desk.turn(1000)
    chat = Scripted()
    desk.channels = [chat]
    desk.turn()
    assert chat.ids == ["m1"]


def test_no_attempt_is_begun_beyond_the_budget(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Scripted())

    class Slow(Scripted):
        def send(self, message: Message, *, remarks: Sequence[str], timeout: float) -> Receipt:
            desk.seconds += 5
            return super().send(message, remarks=remarks, timeout=timeout)

    slow = Slow()
    desk.channels = [slow]
    desk.put(*(text(number) for number in range(9)))
    desk.turn(budget=12)
    assert len(slow.ids) == 3
    desk.turn()
    assert sorted(slow.ids) == [f"m{number}" for number in range(9)]


def test_files_that_cannot_be_read_are_told_and_hold_nothing_up(tmp_path: Path) -> None:
    chat = Scripted()
    desk = Desk(tmp_path, chat)
    desk.put(text(1))
    (tmp_path / "spool" / "0.json").write_text("{")
    (tmp_path / "lines.json").write_text('{"chat": {"tried": 1}}')
    assert desk.turn() == [f"{tmp_path}/spool/0.json is no message; it is passed over."]
    assert chat.ids == ["m1"]


@pytest.mark.parametrize(
    ("line", "receipt", "then"),
    [
        (Line(3, at(0), 8, "old"), GOOD, Line(tried=at(9), good=at(9))),
        (Line(), Receipt("failed", "x"), Line(1, at(9), 1, "x")),
        (Line(3, at(0), 8, "old", at(0)), Receipt("unknown", "x"), Line(4, at(9), 8, "x", at(0))),
        (Line(40, at(0), 300), Receipt("failed", "x"), Line(41, at(9), 300, "x")),
        (Line(), Receipt("failed", "x", 5000), Line(1, at(9), 5000, "x")),
        (Line(), Receipt("refused", "x"), Line(text="x")),
        (Line(), Receipt("refused", "x", 7), Line(1, at(9), 7, "x")),
    ],
)
def test_how_a_channel_is_after_an_attempt(line: Line, receipt: Receipt, then: Line) -> None:
    assert _delivery.after(line, receipt, now=at(9)) == then


@pytest.mark.parametrize(
    ("delivery", "line", "due"),
    [
        (Delivery(), Line(), True),
        (Delivery(TRYING, 1, tried=at(0)), Line(), True),
        (Delivery("delivered"), Line(), False),
        (Delivery(WAITING, tried=at(0), wait=9), Line(), True),
        (Delivery(WAITING, tried=at(0), wait=9.5), Line(), False),
        (Delivery(), Line(1, at(8), 2), False),
        (Delivery(), Line(1, at(8), 1), True),
        # The wall clock was put back by a day and the host was booted: nobody waits for that.
        (Delivery(), Line(1, Moment(1_000_000 + 86400, 5, "last boot"), 2), False),
        (Delivery(), Line(1, Moment(1_000_000 - 86400, 5, "last boot"), 300), True),
    ],
)
def test_what_is_due(delivery: Delivery, line: Line, due: bool) -> None:
    assert _delivery.is_due(delivery, line, now=at(9)) is due


def test_remarks_are_about_the_delivery() -> None:
    entry = Entry(text(1), at(0), {})
    assert _delivery.remarks_on(entry, Delivery(), now=at(60)) == []
    assert _delivery.remarks_on(entry, Delivery(doubtful=True), now=at(600)) == [
        "(Sent 10 min late: it could not be delivered before.)",
        AGAIN,
    ]


def told(outside: Outside) -> Counter[str]:
    """How often each text arrived."""
    return Counter(body["text"].splitlines()[0] for body in outside.taken("telegram"))


def without_a_double(outside: Outside) -> bool:
    """Whether no message came twice without saying so."""
    plain = Counter(body["text"] for body in outside.taken("telegram") if AGAIN not in body["text"])
    return set(plain.values()) <= {1}


def test_an_endpoint_in_every_kind_of_trouble_loses_and_doubles_nothing(tmp_path: Path, outside: Outside) -> None:
    desk = Desk(tmp_path, Telegram(Secret(TOKEN), CHAT, base_url=outside.url))
    trouble = [Answer(502), too_many(3), Answer(400, {"ok": False, "description": "Bad Request: odd"}), Answer(401)]
    outside.script("telegram", *trouble, Answer(close="early"), Answer(delay=1, close="never"))
    desk.put(*(text(number) for number in range(6)), to=["telegram"])
    turns = 0
    while desk.left:
        desk.turn(5, timeout=0.3)
        turns += 1
        assert turns < 100
    # Two attempts had an unknown fate, one that was not heard and one that was; only what was heard came twice.
    assert sorted(told(outside).values()) == [1, 1, 1, 1, 1, 2]
    assert without_a_double(outside)


CHILD = """
import sys
from pathlib import Path
from ansible_collections.nodeops.pm2.plugins.module_utils import _clock
from ansible_collections.nodeops.pm2.plugins.module_utils._delivery import deliver
from ansible_collections.nodeops.pm2.plugins.module_utils._lines import Lines
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret
from ansible_collections.nodeops.pm2.plugins.module_utils._spool import Spool
from ansible_collections.nodeops.pm2.plugins.module_utils._telegram import Telegram
url, token, chat, directory = sys.argv[1:]
channel = Telegram(Secret(token), chat, base_url=url)
print("ready", flush=True)
deliver(Spool(Path(directory, "spool")), Lines(Path(directory, "lines.json")), [channel], clock=_clock.now)
"""


@pytest.fixture
def delays() -> Iterator[float]:
    """Seconds after which a deliverer is killed, other ones each time."""
    return itertools.cycle(0.011 * number for number in range(1, 12))


def test_kill_9_at_any_moment_loses_nothing_and_doubles_only_what_says_so(
    tmp_path: Path, outside: Outside, delays: Iterator[float]
) -> None:
    desk = Desk(tmp_path)
    desk.put(*(text(number) for number in range(20)), to=["telegram"])
    outside.script("telegram", *[Answer(delay=0.004, close="never")] * 200)
    kills = 0
    while desk.left:
        argv = [sys.executable, "-c", CHILD, outside.url, TOKEN, CHAT, str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        child = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE)
        assert child.stdout
        child.stdout.readline()
        time.sleep(next(delays))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        kills += 1
        assert kills < 60
    assert set(told(outside)) == {f"text {number}" for number in range(20)}
    assert without_a_double(outside)
    assert kills > 2


def test_what_is_on_disk_is_plain_json(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Scripted(receipts=[Receipt("failed", "down")]))
    desk.put(text(1))
    desk.turn()
    [path] = (tmp_path / "spool").iterdir()
    assert json.loads(path.read_text())["deliveries"]["chat"]["text"] == "down"
    assert json.loads((tmp_path / "lines.json").read_text())["chat"]["failures"] == 1
    assert (tmp_path / "lines.json").stat().st_mode & 0o777 == 0o600
    assert replace(desk.lines.of("chat"), tried=None) == Line(1, None, 1, "down")
