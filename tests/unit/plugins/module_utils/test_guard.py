# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The loop: what it makes of what it sees and hears, and that nothing which goes wrong with one app ends it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _clock, _facts, _ledger, _lock, _reaction, _registry
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._ears import Commanded, Ear
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._exits import Crash
from ansible_collections.nodeops.pm2.plugins.module_utils._guard import Guard
from ansible_collections.nodeops.pm2.plugins.module_utils._guard_settings import Settings
from ansible_collections.nodeops.pm2.plugins.module_utils._herald import Herald
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import TROUBLES, Notice
from ansible_collections.nodeops.pm2.plugins.module_utils._prober import Probed
from ansible_collections.nodeops.pm2.plugins.module_utils._reaction import Deed

PUBLISHED = 1_795_428_900.0  # what the fixture writes into its ledgers
UP = _facts.ProcessFacts("shop-green", True, "online", "fork", (1,), 0, None, 60.0, {}, (1,), True, True, "", "")


class Mouth:
    """A herald that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Notice] = []
        self.ended: list[tuple[str, str]] = []
        self.done: list[str] = []
        self.well: list[bool] = []
        self.mute = False

    def tell(self, notice: Notice, *, secrets: Sequence[str] = ()) -> str:
        """Keep it; while it is ``mute`` there is no room for it."""
        assert secrets is not None
        if self.mute:
            raise OSError(28, "No space left on device")
        self.told.append(notice)
        return f"m{len(self.told)}"

    def kinds(self) -> list[str]:
        """What it was told of."""
        return [notice.kind for notice in self.told]

    def end(self, app: str, *kinds: str, done: str = "", live: str = "") -> None:
        """Keep it."""
        assert live
        assert (kinds in (("frozen",), ("guard_blind",))) is bool(done)
        self.ended += [(app, kind) for kind in kinds]

    def did(self, _app: str, done: str) -> None:
        """Keep it."""
        self.done.append(done)

    def lasts(self, _app: str) -> None:
        """Nothing of which it gets well is over."""
        self.ended = [one for one in self.ended if one[1] not in TROUBLES]

    def delivered(self, _identifier: str) -> Moment | None:
        """Nobody knows."""
        return None

    def settle(self) -> None:
        """There is nothing to."""

    def feel(self, *, good: bool, critical: bool) -> None:
        """Keep it."""
        assert not (good and critical)
        self.well.append(good)


class Night:
    """A guard on a host with one app, which is well, and a clock that runs a second with each turn."""

    def __init__(self, app: Any, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app, self.directory, self.mouth = app, directory, Mouth()
        self.facts: Any = UP
        self.answer: str | None = ""  # to the health question: why it is not good, or none at all
        self.hears: list[Any] = []
        self.done: list[str] = []
        self.deed: Deed | None = None
        self.steady, self.jump = 1000.0, 0.0
        (directory / "apps").mkdir(parents=True)
        _registry.register(directory, "shop", app.layout.root)
        herald: Any = self.mouth
        self.guard = Guard(Settings(directory=directory), herald, host="web1", clock=self.now)
        self.ask(self.guard, monkeypatch)
        monkeypatch.setattr("select.select", lambda *_: ([], [], []))
        monkeypatch.setattr(_facts, "read_facts", self.look)
        monkeypatch.setattr(Ear, "open", lambda _ear, _now: None)
        monkeypatch.setattr(Ear, "read", lambda _ear, _now: self.batch())
        monkeypatch.setattr(_reaction, "carry_out", self.act)

    def ask(self, guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stands in for whoever asks the apps."""
        asked: list[Probed] = []

        def ask(name: str, publishing: Any, *_: Any) -> None:
            asked.extend([] if self.answer is None else [Probed(name, publishing, self.answer)])

        monkeypatch.setattr(guard.prober, "ask", ask)
        monkeypatch.setattr(guard.prober, "answers", lambda: [asked.pop() for _ in list(asked)])

    def now(self) -> Moment:
        """The clock on the wall begins a minute after the release was published."""
        return Moment(PUBLISHED + 60 + self.steady - 1000 + self.jump, self.steady, "boot")

    def batch(self) -> list[Any]:
        """What is heard next: one thing, or some at once."""
        heard = self.hears.pop(0) if self.hears else []
        return heard if isinstance(heard, list) else [heard]

    def look(self, *_: Any) -> _facts.ProcessFacts:
        """The process as it is, or why it cannot be seen."""
        if isinstance(self.facts, Exception):
            raise self.facts
        facts = self.facts() if callable(self.facts) else self.facts
        assert isinstance(facts, _facts.ProcessFacts)
        here = str(self.app.layout.release(self.app.live()).path.resolve())
        return dataclasses.replace(facts, cwds=dict.fromkeys(facts.pids, here))

    def act(self, _layout: Any, sight: Any, decision: Any, *, by: str) -> Deed:
        """Stands in for what is done."""
        assert by == "guard@web1"
        self.done.append(f"{decision.action} {sight.live}")
        if self.deed:
            return self.deed
        return Deed("Rolled back to r1.", "r1 in blue", "r1") if decision.action == "roll_back" else Deed("Done.")

    def passes(self, turns: int = 1) -> None:
        """So many seconds."""
        for _ in range(turns):
            with contextlib.suppress(OSError):  # as the service does
                self.guard.turn()
            self.steady += 1.0


@pytest.fixture
def night(app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    app.deployed("r1", "blue")
    app.deployed("r2", "green")
    night = Night(app, tmp_path / "guard", monkeypatch)
    yield night
    night.guard.close()


def crash() -> Crash:
    return Crash("shop-green", "0", 1, "", 2.0, False, PUBLISHED + 60)


def test_a_quiet_night(night: Night) -> None:
    night.passes(30)
    assert (night.mouth.told, night.done) == ([], [])
    assert night.mouth.well[-1]


def test_three_crashes_are_told_and_rolled_back_once(night: Night) -> None:
    night.passes()
    night.hears = [crash() for _ in range(3)]
    night.passes(3)
    assert night.done == ["roll_back r2"]
    assert night.mouth.kinds() == ["crash_loop", "rolled_back"]
    first = night.mouth.told[0]
    assert (first.severity, first.release, first.host, first.live) == ("CRITICAL", "r2", "web1", "r2 in green")
    assert first.look.startswith("bluegreen ")
    assert night.mouth.done == ["Rolled back to r1."]
    night.passes(12)
    assert ("shop", "crash_loop") in night.mouth.ended


class Chat:
    """Somebody who is told; the messages are read from the spool."""

    name, is_sms = "chat", False


class Readers(Night):
    """A night as those see it who get the messages."""

    def __init__(self, app: Any, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(app, directory, monkeypatch)
        chats: Any = [Chat()]
        self.herald = Herald(directory, chats, least="INFO")
        self.sent: list[str] = []
        monkeypatch.setattr(self.herald._spool, "put", lambda message, *_, **__: self.sent.append(message.text))
        monkeypatch.setattr(_clock, "now", self.now)
        monkeypatch.setattr(_ledger, "now", lambda: self.now().utc)
        self.start(monkeypatch)

    def start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have a guard run that knows of no earlier one but what lies on disk."""
        self.guard = Guard(Settings(directory=self.directory), self.herald, host="web1", clock=self.now)
        self.ask(self.guard, monkeypatch)

    def titles(self) -> list[str]:
        """The first lines of what was sent, without the app and the host."""
        return [text.splitlines()[0].replace(" shop on web1:", "") for text in self.sent]

    def crashes(self, *, final: bool = False) -> None:
        """What serves crashes three times at once; ``final``: and PM2 gives up."""
        process = self.guard.apps["shop"].vigil.process
        one = dataclasses.replace(crash(), process=process, at=0.0)
        self.hears = [[one, one, dataclasses.replace(one, final=final)]]
        self.facts = STOPPED if final else self.facts

    def act(self, layout: Any, sight: Any, decision: Any, *, by: str) -> Deed:
        """What was done is so afterwards."""
        deed = super().act(layout, sight, decision, by=by)
        if deed.target:
            entry = _ledger.Entry(self.now().utc, "published", deed.target, by=by)
            _ledger.append(layout.ledger, entry)
            self.app.go_live(deed.target)
            self.facts = UP
        if deed.frozen:
            _lock.freeze(layout.root, decision.reason)
        return deed


@pytest.fixture
def readers(app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Readers]:
    app.deployed("r1", "blue")
    app.deployed("r2", "green")
    readers = Readers(app, tmp_path / "guard", monkeypatch)
    readers.passes(8)
    yield readers
    readers.guard.close()


BACK = Deed("Rolled back to r1.", "r1 in blue", "r1")
ICE = Deed("Its process was stopped, and the app was frozen for a person to look at.", "r1 in blue", frozen=True)
FROZEN = "CRITICAL frozen until somebody has looked"


def test_nothing_is_over_during_an_outage_and_it_is_when_the_app_answers_again(readers: Readers) -> None:
    readers.deed = BACK
    readers.crashes(final=True)
    readers.passes(12)
    readers.deed = ICE
    readers.crashes(final=True)
    readers.passes(600)
    assert readers.done == ["roll_back r2", "freeze r1"]
    titles = ["CRITICAL crash loop", "WARNING rolled back", "CRITICAL crash loop", FROZEN]
    assert readers.titles() == titles
    assert "Done: It is being rolled back now; what came of it is told in the next message.\n" in readers.sent[0]
    assert "Do next: nothing more is done by itself; find out why" in readers.sent[3]
    _lock.unfreeze(readers.app.layout.root)
    readers.app.note("unfrozen:")
    readers.facts, readers.answer = UP, None
    readers.passes(100)
    assert readers.titles() == [*titles, "RESOLVED frozen until somebody has looked"], "not to fail is not to answer"
    readers.answer = ""
    readers.passes(100)
    assert readers.titles()[5:] == ["RESOLVED crash loop", "RESOLVED crash loop"]
    assert "Release: r2\n" in readers.sent[5]
    assert f"Done: {BACK.done} {ICE.done}\nLive now: r1 in blue\n" in readers.sent[5]
    assert f"Done: {ICE.done}\nLive now: r1 in blue\n" in readers.sent[6]
    assert not any("It is being" in text for text in readers.sent[4:])


@pytest.mark.parametrize("lifted", [False, True])
def test_what_answers_and_is_frozen_is_not_over(readers: Readers, lifted: bool) -> None:
    readers.crashes()
    readers.deed = dataclasses.replace(ICE, failed=True)
    readers.passes(3)
    assert readers.titles() == ["CRITICAL crash loop", FROZEN]
    if lifted:
        _lock.unfreeze(readers.app.layout.root)
    readers.passes(100)
    assert ("RESOLVED crash loop" in readers.titles()) is lifted
    assert f"Done: {ICE.done}\n" in readers.sent[-1]


def test_what_is_started_again_is_over_when_it_has_been_well_for_a_while(readers: Readers) -> None:
    vigil = readers.guard.apps["shop"].vigil
    assert vigil.born is not None
    vigil.born -= 7200.0
    readers.deed, readers.answer = Deed("It was started again.", "r2 in green"), "status 503"
    readers.passes(30)
    assert readers.titles() == ["CRITICAL no good answer"]
    assert "you hear when it is well again" in readers.sent[0]
    readers.answer = ""
    readers.passes(45)
    assert readers.titles() == ["CRITICAL no good answer"], "one that hangs now and then has to live for a while"
    readers.passes(45)
    assert readers.titles()[1:] == ["RESOLVED no good answer"]
    assert "Done: It was started again.\n" in readers.sent[1]


def test_what_is_stopped_for_good_is_told_and_over_when_somebody_has_helped(readers: Readers) -> None:
    vigil = readers.guard.apps["shop"].vigil
    assert vigil.born is not None
    vigil.born -= 7200.0  # longer ago than the bake
    readers.crashes(final=True)
    readers.deed = Deed("Its process was stopped, so that it does not loop.", "r2 in green")
    readers.passes(100)
    assert readers.titles() == ["CRITICAL crash loop", "CRITICAL it was stopped, and nothing answers now"]
    readers.facts = UP
    readers.passes(100)
    assert readers.titles()[2:] == ["RESOLVED crash loop"]
    assert "Done: Its process was stopped, so that it does not loop." in readers.sent[2]


def test_a_crash_soon_after_takes_back_that_it_is_over(readers: Readers) -> None:
    readers.deed = BACK
    readers.crashes()
    readers.passes(20)
    vigil = readers.guard.apps["shop"].vigil
    for _ in range(5):
        readers.hears = [dataclasses.replace(crash(), process=vigil.process, at=0.0)]
        readers.passes(25)
        vigil.crashes = []  # as if they were too few for every window
    assert readers.titles() == ["CRITICAL crash loop", "WARNING rolled back"]
    readers.passes(100)
    assert readers.titles()[2:] == ["RESOLVED crash loop"]


def test_a_guard_that_is_started_anew_tells_the_end_of_what_another_has_told(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers.deed = BACK
    readers.crashes()
    readers.passes(2)
    readers.guard.close()
    readers.start(monkeypatch)
    readers.passes(60)
    assert readers.titles() == ["CRITICAL crash loop", "WARNING rolled back", "RESOLVED crash loop"]
    assert f"Done: {BACK.done}\nLive now: r1 in blue\n" in readers.sent[2]


def test_a_loop_that_ends_while_the_process_is_looked_at_is_still_a_loop(night: Night) -> None:
    night.passes()
    night.hears = [crash() for _ in range(2)]
    night.passes(2)

    def gives_up() -> _facts.ProcessFacts:
        night.facts = UP
        night.hears.append(dataclasses.replace(crash(), final=True))
        return dataclasses.replace(UP, status="errored", pids=(), restarts=3)

    night.facts = gives_up
    night.passes(10)
    assert (night.mouth.kinds(), night.done) == (["crash_loop", "rolled_back"], ["roll_back r2"])


def test_a_release_that_crashes_before_anybody_has_seen_it_live_is_heard(night: Night) -> None:
    night.app.go_live("r1")
    night.passes()
    night.app.go_live("r2")
    night.steady -= 0.9  # it was looked at just now
    night.hears = [crash()]
    night.passes()
    (watched,) = night.guard.apps.values()
    assert (watched.vigil.process, len(watched.vigil.crashes)) == ("shop-green", 1)


def test_what_a_slot_did_before_it_went_live_is_not_held_against_it(night: Night) -> None:
    night.app.go_live("r1")
    night.passes()
    night.app.go_live("r2")
    night.steady -= 0.9
    night.hears = [[dataclasses.replace(crash(), at=PUBLISHED - 30) for _ in range(3)]]
    night.passes(5)
    (watched,) = night.guard.apps.values()
    assert (watched.vigil.process, watched.vigil.crashes, night.done) == ("shop-green", [], [])


STOPPED = dataclasses.replace(UP, status="stopped", pids=(), listener_pids=(), listener_seen=False)


def test_what_could_not_be_done_is_tried_again_less_and_less_often(night: Night) -> None:
    night.passes()
    night.deed = Deed("It could not be done: the lock is held.", "r2 in green", failed=True)
    night.hears = [[dataclasses.replace(crash(), final=True) for _ in range(3)]]
    night.facts = dataclasses.replace(STOPPED, status="errored")
    night.passes(60)
    assert 3 <= len(night.done) <= 5
    assert set(night.done) == {"roll_back r2"}


def test_what_was_stopped_for_good_and_is_started_by_somebody_is_watched_again(night: Night) -> None:
    night.jump = 7200.0  # longer ago than the bake, so that it is stopped and not rolled back
    night.passes()
    night.hears = [[dataclasses.replace(crash(), at=0.0) for _ in range(3)]]
    night.passes(2)
    assert night.done == ["quench r2"]
    night.facts = STOPPED
    night.passes(60)
    assert night.done == ["quench r2"]
    night.facts = UP
    night.passes(20)
    night.hears = [[dataclasses.replace(crash(), at=0.0) for _ in range(3)]]
    night.passes(2)
    assert night.done == ["quench r2", "quench r2"]


def test_what_the_host_refuses_for_one_app_keeps_nothing_from_another(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _registry.register(night.directory, "blog", tmp_path / "blog")
    look = night.guard._look

    def refuse(watched: Any, now: Moment) -> bool:
        if watched.vigil.name == "blog":
            raise OSError(28, "No space left on device")
        return look(watched, now)

    monkeypatch.setattr(night.guard, "_look", refuse)
    night.passes()
    night.hears = [[crash() for _ in range(3)]]
    night.passes(3)
    assert night.done == ["roll_back r2"]
    with pytest.raises(OSError, match="No space left"):
        night.guard.turn()


def test_a_disk_that_takes_no_message_keeps_nothing_from_being_done(night: Night) -> None:
    night.passes()
    night.app.note("staged:r3")
    night.mouth.mute = True
    night.hears = [[dataclasses.replace(crash(), process="shop-blue"), *(crash() for _ in range(3))]]
    night.passes(3)
    assert night.done == ["roll_back r2"]
    night.mouth.mute = False
    night.passes(3)
    assert "deploy_started" in night.mouth.kinds()


def test_restarts_by_hand_and_crashes_in_other_slots_are_nobodys_alarm(night: Night) -> None:
    night.passes()
    night.hears = [Commanded("shop-green") for _ in range(9)]
    night.hears += [dataclasses.replace(crash(), process="shop-blue") for _ in range(9)]
    night.passes(20)
    assert (night.mouth.told, night.done) == ([], [])


@pytest.mark.parametrize("jump", [-86400.0, 3600.0])
def test_a_clock_that_jumps_wakes_nobody(night: Night, jump: float) -> None:
    night.passes(5)
    night.jump = jump
    night.passes(30)
    assert (night.mouth.told, night.done) == ([], [])


def test_a_deploy_is_told_and_what_the_guard_did_itself_is_not_told_twice(night: Night) -> None:
    night.passes()
    for event, by in (("staged", "ann"), ("bad", "ann"), ("gated", "ann"), ("bad", "guard@web1"), ("frozen", "bob")):
        _ledger.append(night.app.layout.ledger, _ledger.Entry(_ledger.now(), event, "r3", by=by, reason="why"))
    night.passes(2)
    assert night.mouth.kinds() == ["deploy_started", "deploy_refused", "frozen"]
    assert night.mouth.told[1].seen == ("why", "by ann")
    assert {notice.live for notice in night.mouth.told} == {"r2 in green"}
    assert ("shop", "frozen") not in night.mouth.ended
    night.app.note("unfrozen:")
    night.passes(2)
    assert ("shop", "frozen") in night.mouth.ended


@pytest.mark.parametrize("name", ["shop", "new"])
def test_what_was_refused_before_anything_was_touched_is_told_once(night: Night, name: str) -> None:
    night.passes()
    (night.directory / "refused").mkdir()
    _registry.note_refusal(night.directory, name, "r3", by="ann@laptop", reason="The release was refused.\nstale dist/")
    night.passes(20)
    (told,) = night.mouth.told
    assert (told.kind, told.severity, told.app, told.release) == ("deploy_refused", "WARNING", name, "r3")
    assert told.seen == ("The release was refused.\nstale dist/", "by ann@laptop")
    assert told.live == ("r2 in green" if name == "shop" else "")


def test_what_happened_while_it_was_away_is_told_and_nothing_twice(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.passes()
    night.app.note("staged:r3")
    night.passes(2)
    night.app.note("aborted:r3")
    for expected in (["deploy_aborted"], []):
        herald: Any = Mouth()
        night.guard = Guard(Settings(directory=night.directory), herald, host="web1", clock=night.now)
        night.ask(night.guard, monkeypatch)
        night.passes(2)
        assert herald.kinds() == expected


@pytest.mark.parametrize(
    "error",
    [
        DeployError("PM2's daemon did not answer."),
        PermissionError(13, "Permission denied", "rpc.sock"),
        KeyError("pm2_env"),  # as another major version might have it
        TypeError("string indices must be integers"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_pm2_that_cannot_be_understood_is_told_once_and_the_watch_goes_on(night: Night, error: Exception) -> None:
    night.passes(7)
    night.facts = error
    night.passes(20)
    assert night.mouth.kinds() == ["guard_blind"]
    assert night.mouth.told[0].severity == "WARNING"
    night.hears = [crash() for _ in range(3)]
    night.passes(3)
    assert night.done == ["roll_back r2"], "PM2's events are still heard"
    night.facts = UP
    night.passes(10)
    assert ("shop", "guard_blind") in night.mouth.ended


NOT_THERE = dataclasses.replace(UP, found=False, pids=(), listener_pids=(), listener_seen=False)


def test_whoever_brings_the_daemon_back_has_time_to_start_what_it_served(night: Night) -> None:
    night.passes()
    (ear,) = night.guard.ears.values()
    ear.gone = night.steady
    night.passes(3)
    assert (night.mouth.kinds(), night.done) == (["daemon_gone"], []), "it is left to its service at first"
    ear.gone, night.facts = None, NOT_THERE
    night.passes(12)
    night.facts = UP
    night.passes(3)
    assert (night.mouth.kinds(), night.done) == (["daemon_gone"], [])


@pytest.mark.parametrize(
    ("keeper", "waits"),
    [
        ("pm2-deploy.service", True),
        (None, True),
        ("", False),
        ("ssh.service", False),
        ("bluegreen-guard.service", False),
    ],
)
def test_a_daemon_that_nobody_keeps_is_started_at_once(night: Night, keeper: str | None, waits: bool) -> None:
    night.passes()
    (ear,) = night.guard.ears.values()
    ear.gone, ear.keeper = night.steady, keeper
    night.passes(20)
    assert (night.done[:1], "75 s" in night.mouth.told[0].done) == ([] if waits else ["keep_trying r2"], waits)
    night.passes(60)
    assert night.done[0] == "keep_trying r2", "in the end somebody has to"


def test_what_a_daemon_that_is_back_does_not_serve_is_started_in_the_end(night: Night) -> None:
    night.passes()
    (ear,) = night.guard.ears.values()
    ear.gone = night.steady
    night.passes(2)
    ear.gone, night.facts = None, NOT_THERE
    night.passes(25)
    assert night.done[0] == "keep_trying r2"


def test_a_bus_that_cannot_be_understood_is_told_once(night: Night) -> None:
    night.passes()
    (ear,) = night.guard.ears.values()
    ear.problem = "PM2's bus speaks a protocol that is not known here."
    night.passes(10)
    assert night.mouth.kinds() == ["guard_blind"]
    assert not night.mouth.well[-1], "the chain is not whole"
    ear.problem = ""
    night.passes()
    assert ("shop", "guard_blind") in night.mouth.ended


def test_an_app_that_cannot_be_read_is_told_and_the_others_are_watched(night: Night, tmp_path: Path) -> None:
    night.passes()
    other = tmp_path / "blog"
    (other / "ledger.jsonl").mkdir(parents=True)
    (other / "current").symlink_to("releases/no such name")
    _registry.register(night.directory, "blog", other)
    night.passes(12)
    assert [(one.app, one.kind) for one in night.mouth.told] == [("blog", "guard_blind")]
    night.hears = [crash() for _ in range(3)]
    night.passes(3)
    assert night.done == ["roll_back r2"]


def test_an_app_that_was_never_deployed_is_waited_for(night: Night, tmp_path: Path) -> None:
    _registry.register(night.directory, "new", tmp_path / "not there")
    night.passes(12)
    assert (sorted(night.guard.apps), night.mouth.told) == (["new", "shop"], [])


def test_settings_of_an_app_that_make_no_sense_are_told_and_the_hosts_are_used(night: Night) -> None:
    night.app.put("r3", "blue", guard={"windows": "3 in 60"})
    night.app.note("published:r3", "good:r3")
    night.app.go_live("r3")
    night.passes(3)
    (blind,) = (one for one in night.mouth.told if one.kind == "guard_blind")
    assert "windows is '3 in 60'" in blind.seen[0]
    assert night.guard.apps["shop"].vigil.watch == night.guard.settings.watch


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"shop": "many"}'])
def test_spoilt_memory_does_not_keep_it_from_watching(night: Night, spoilt: str) -> None:
    (night.directory / "heard.json").write_text(spoilt, encoding="utf-8")
    night.hears = [crash() for _ in range(3)]
    night.passes(5)
    assert night.done == ["roll_back r2"]


def test_memory_that_cannot_be_read_does_not_either(night: Night) -> None:
    (night.directory / "heard.json").mkdir()
    night.passes(3)
    assert night.guard.apps.keys() == {"shop"}


def test_an_app_that_is_taken_off_the_list_is_watched_no_more(night: Night) -> None:
    night.passes()
    (night.directory / "apps" / "shop.json").unlink()
    night.passes(7)
    assert night.guard.apps == {}
    night.hears = [crash() for _ in range(3)]
    night.passes(3)
    assert night.mouth.told == []
