# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the guard remembers of one app between two looks, and the situation that follows from it. Nothing here acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ansible_collections.nodeops.pm2.plugins.module_utils import _process, _windows
from ansible_collections.nodeops.pm2.plugins.module_utils._alive import Baseline, judge_process
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._exits import Crash
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._guard_settings import Watch
from ansible_collections.nodeops.pm2.plugins.module_utils._judgement import LOST, STOPPED, Situation
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._log import Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Sight
from ansible_collections.nodeops.pm2.plugins.module_utils._watchlog import only_connection_refused

GUARD = "guard@"  # how the guard's own entries in the ledger begin
_STRANGE = frozenset({"wrong_release", "port_squatted"})
_GIVEN_UP = frozenset({"errored", "waiting restart"})
_SENTENCES = 20
_PATIENCE, _LASTING = 15.0, 3.0  # seconds


@dataclass
class Vigil:
    """One app, watched.

    :param sight: what is so on disk.
    :param born: when it was published, on the steady clock; ``None`` where nobody knows.
    :param crashes: of the live release's process, on the steady clock.
    :param said: the crashes and exceptions as sentences, the newest last.
    :param failed: bad answers in a row; ``answer`` is the last one, in words.
    :param proved: it has answered well since whatever happened to it last.
    :param facts: the process as it was last seen.
    :param environment: names of the variables that its process has.
    :param ended: its process has ended by itself, and PM2 does not start it again.
    :param findings: lines of its log that nobody has judged yet.
    :param daemon_gone: since when there is no PM2 daemon, on the steady clock.
    :param since: what happened before this is over and done with, on the steady clock.
    :param patient: until when, on the steady clock, somebody's command has time to take effect.
    :param absent: since when there is no process, on the steady clock.
    :param first_sign: when the present trouble was first seen.
    :param quenched: the publishing whose process the guard has stopped for good.
    """

    name: str
    layout: Layout
    watch: Watch
    sight: Sight = field(default_factory=Sight)
    born: float | None = None
    crashes: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    failed: int = 0
    answer: str = ""
    proved: bool = False
    facts: ProcessFacts | None = None
    environment: tuple[str, ...] = ()
    ended: bool = False
    findings: list[Finding] = field(default_factory=list)
    daemon_gone: float | None = None
    since: float = 0.0
    patient: float = 0.0
    absent: float | None = None
    first_sign: Moment | None = None
    quenched: tuple[str, float | None] | None = None

    @property
    def process(self) -> str:
        """PM2's name of the process that serves, ``''`` where nothing is live."""
        app, slot = self.sight.app, self.sight.slot
        return app.serving(slot).process if app and slot else ""

    @property
    def publishing(self) -> tuple[str, float | None]:
        """The live release, and when it became so: the same release published again is another matter."""
        return self.sight.live, self.sight.published

    @property
    def is_quenched(self) -> bool:
        """Whether what is live was stopped by the guard, and nobody has started it since."""
        return self.quenched == self.publishing and not (self.facts and self.facts.pids)

    @property
    def is_well(self) -> bool:
        """Whether the live release runs and answers; that it was not heard to fail is not enough."""
        return self.proved and self.daemon_gone is None and bool(self.facts and self.facts.pids)

    def see(self, sight: Sight, now: Moment) -> None:
        """Take in what is so on disk; another release begins with a clean slate.

        Its age is asked of the clock on the wall once, and then runs on the steady one: a wall clock that is set later
        moves no release out of its bake.
        """
        before, self.sight = self.publishing, sight
        if before != self.publishing:
            self.wipe()
            self.born = None if sight.published is None else now.steady - max(now.wall - sight.published, 0.0)

    def wipe(self, since: float | None = None) -> None:
        """Forget what was held against the release; what happened until ``since`` will not count any more."""
        self.since = self.since if since is None else since
        self.crashes, self.said, self.findings = [], [], []
        self.failed, self.answer, self.ended, self.facts, self.first_sign = 0, "", False, None, None
        self.environment, self.absent, self.proved = (), None, False

    def crashed(self, crash: Crash, now: Moment) -> None:
        """One of its processes has ended by itself."""
        self.crashes = _windows.still_needed([*self.crashes, now.steady], self.watch.windows, now=now.steady)
        self.ended = crash.final
        self.failed = 0  # one that has just been started anew cannot answer; what it owes counts from here
        self.proved = False
        self.note(str(crash), now)

    def is_older(self, at: float, now: Moment) -> bool:
        """Whether something is from before the release was published, of whatever was in its slot then.

        :param at: seconds since the epoch; 0 where nobody said when. A clock that is set while an event is on its way
            is all that could make this wrong.
        """
        return bool(at) and self.born is not None and now.steady - max(now.wall - at, 0.0) < self.born

    def note(self, sentence: str, now: Moment) -> None:
        """Something that was seen of it, for whoever has to be told."""
        self.said = [*self.said[-_SENTENCES:], sentence]
        self.first_sign = self.first_sign or now

    def commanded(self, now: Moment) -> None:
        """Somebody has had it stopped or started anew, which takes its time and is no failure."""
        self.failed, self.answer, self.patient = 0, "", now.steady + _PATIENCE
        self.proved = False

    def answered(self, reason: str, now: Moment) -> None:
        """A health question was answered well (``''``), or why it was not."""
        self.proved = not reason
        if reason and now.steady < self.patient:
            return
        self.failed, self.answer = (self.failed + 1, reason) if reason else (0, "")
        if reason:
            self.first_sign = self.first_sign or now

    def looked(self, facts: ProcessFacts, now: Moment) -> None:
        """The process was looked at."""
        self.facts = facts
        if facts.pids and self.absent is not None and now.steady - self.absent >= _LASTING:
            self.commanded(now)  # what it could not answer while it was not there is not held against it
        if facts.pids or now.steady < self.patient:
            self.absent = None
        elif self.absent is None:
            self.absent = now.steady
        if facts.pids and not self.environment:
            self.environment = tuple(_process.environment_names(facts.pids[0]))
        if facts.status == "online" and facts.pids:
            self.ended = False
        elif facts.found and facts.status in _GIVEN_UP and not facts.pids:
            self.ended = True

    def situation(self, now: Moment, *, tail: Sequence[str]) -> Situation:
        """All of it, as the rules take it.

        :param tail: the last lines of its error log.
        """
        sight, absent = self.sight, self._absent(now)
        restarting = self.absent is not None and now.steady - self.absent < _LASTING
        lines = [*tail, *self.said]
        going = sight.came_from if sight.overdue else sight.target
        return Situation(
            live=sight.live,
            age=now.steady - self.born if self.born is not None else None,
            crashes=_windows.exceeded(self.crashes, self.watch.windows, now=now.steady, since=self.since),
            ended=self.ended,
            absent="" if sight.holder else absent,  # whoever holds the lock may be making it anew
            failed_probes=0 if absent or restarting else self.failed,  # what is not there is another matter
            daemon_gone=self.daemon_gone is not None,
            stranger=self._stranger(),
            findings=tuple(self.findings),
            only_refused=only_connection_refused(lines, self.watch.patterns),
            overdue=sight.overdue,
            target=going,
            twin=sight.came_from,
            taken_back=any(by.startswith(GUARD) for by in sight.condemned_by),
            restored=sight.by.startswith(GUARD),
            forbidden=f"{going} is from before {sight.crossed}, whose migration it may not survive"
            if sight.crossed and going
            else "",
            frozen=sight.frozen,
            busy=sight.holder.describe(now.wall) if sight.holder else "",
        )

    def _absent(self, now: Moment) -> str:
        """Whether there is no process, without any having ended by itself; for longer than starting it anew takes."""
        facts, since = self.facts, self.absent
        if facts is None or since is None or now.steady - since < _LASTING or self.ended:
            return ""
        if any(at >= since - _LASTING for at in self.crashes):
            return ""  # it went by a crash, which is judged as one
        return LOST if not facts.found else STOPPED if facts.status == "stopped" else ""

    def _stranger(self) -> str:
        """What runs where the live release should, in words."""
        app, facts = self.sight.app, self.facts
        if app is None or facts is None or not facts.pids:
            return ""
        release = str(self.layout.release(self.sight.live).path.resolve())
        reasons = judge_process(facts, baseline=Baseline(restarts=facts.restarts), release_path=release, min_uptime=2.0)
        return next((reason.text for reason in reasons if reason.rule in _STRANGE and reason.fatal), "")
