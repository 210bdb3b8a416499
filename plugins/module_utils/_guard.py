# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard: looks, listens and asks, decides by rules that stand elsewhere, and does what a deploy could do.

One thread watches every app of the host. What can take long, asking an app and telling people, has threads of its own.
"""

from __future__ import annotations

import logging
import select
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _clock,
    _facts,
    _judgement,
    _notice,
    _outcome,
    _reaction,
    _registry,
    _watchlog,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._bus import Thrown
from ansible_collections.nodeops.pm2.plugins.module_utils._case import Case
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import CRITICAL, WARNING
from ansible_collections.nodeops.pm2.plugins.module_utils._chronicle import Chronicle
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment
from ansible_collections.nodeops.pm2.plugins.module_utils._ears import Commanded, Ear, Heard
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import Deferred, DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._guard_settings import Settings
from ansible_collections.nodeops.pm2.plugins.module_utils._herald import Herald
from ansible_collections.nodeops.pm2.plugins.module_utils._prober import Prober
from ansible_collections.nodeops.pm2.plugins.module_utils._vigil import GUARD
from ansible_collections.nodeops.pm2.plugins.module_utils._watched import Attempts, Watched

LOOK = 1.0  # seconds between two looks at the disk
_TURN = 0.25  # seconds that a turn waits at most
_FORGOTTEN = 100.0  # seconds: the spool does not keep for longer what was delivered
_LOG = logging.getLogger("bluegreen")


class Guard:
    """The loop. ``clock`` is a parameter so that tests can move it."""

    def __init__(
        self, settings: Settings, herald: Herald, *, host: str, clock: Callable[[], Moment] = _clock.now
    ) -> None:
        self.settings = settings
        self.herald = herald
        self.host = host
        self.by = f"{GUARD}{host}"
        self.apps: dict[str, Watched] = {}
        self.ears: dict[Path, Ear] = {}
        self.unheard: list[Case] = []
        self.logs = _watchlog.Logs()
        self.prober = Prober()
        self.acting = 0.0  # since when something is being done, on the steady clock; 0 where nothing is
        self._clock = clock
        self._apps_at = 0.0
        self._stirred: set[str] = set()
        self.chronicle = Chronicle(settings.directory / "heard.json", herald, host=host)

    def turn(self) -> None:
        """Wait for something to happen, not for long, and deal with it."""
        sources = [ear.fileno() for ear in self.ears.values() if ear.fileno() >= 0]
        select.select([*sources, self.prober.fileno()], [], [], _TURN)
        now = self._clock()
        deferred = Deferred()  # what the host refuses for one app keeps nothing else from being done
        with deferred:
            self._find_apps(now)
        with deferred:
            self._stirred.update(self._listen(now), self._take_answers(now))
        for name, watched in self.apps.items():
            with deferred:
                self._attend(name, watched)
        with deferred:
            self._follow_logs()
        self._feel()
        with deferred:
            self._follow_ledgers()
        with deferred:
            self.herald.settle()
        with deferred:
            self.unheard = [case for case in self.unheard if not self._is_heard(case, now)]
        deferred.tell()

    def _attend(self, name: str, watched: Watched) -> None:
        """Look at one app where it is time, and judge it where anything is new."""
        now = self._clock()  # whatever was done about another app has taken its time
        if self._look(watched, now):
            # The end of a process is told before it is seen: what was seen is not judged without it.
            self._stirred.update({name}, self._listen(now))
        if name in self._stirred:
            self._stirred.remove(name)
            self._judge(watched)

    def close(self) -> None:
        """Listen no more."""
        for ear in self.ears.values():
            ear.close()

    # What there is.

    def _find_apps(self, now: Moment) -> None:
        if now.steady < self._apps_at:
            return
        self._apps_at = now.steady + 5 * LOOK
        roots = _registry.apps(self.settings.directory)
        for name in set(self.apps) - set(roots):
            del self.apps[name]
        for name, root in roots.items():
            if name not in self.apps or self.apps[name].vigil.layout.root != root:
                self.apps[name] = Watched(name, root, self.settings)

    def _look(self, watched: Watched, now: Moment) -> bool:
        """Look at the disk and at the process, where it is time; says whether it was."""
        if now.steady < watched.look_at:
            return False
        watched.look_at = now.steady + LOOK
        self._look_at_disk(watched, now)
        vigil = watched.vigil
        app, slot = vigil.sight.app, vigil.sight.slot
        if app is None or slot is None:
            self._tell_of_blindness(watched, vigil.sight.problem)
            return False
        ear = self.ears.setdefault(app.pm2.home, Ear(app.pm2.home))
        ear.open(now.steady)
        if vigil.daemon_gone is not None and ear.gone is None:
            vigil.commanded(now)  # whoever brought the daemon back starts what it served, too, and is not run into
        vigil.daemon_gone = ear.gone
        self._tell_of_blindness(watched, ear.problem, watched.hidden)
        if now.steady >= watched.ask_at:
            watched.ask_at = now.steady + vigil.watch.interval
            if not vigil.is_quenched:
                self.prober.ask(vigil.name, vigil.publishing, app, app.serving(slot))
            self._look_at_process(watched, now)  # also of what the guard has stopped: somebody may start it again
        return True

    def _look_at_disk(self, watched: Watched, now: Moment) -> None:
        vigil = watched.vigil
        before = vigil.sight.app
        vigil.see(watched.eyes.look(now=now), now)
        if vigil.sight.app is not None and vigil.sight.app != before:
            self._adjust(watched)

    @staticmethod
    def _look_at_process(watched: Watched, now: Moment) -> None:
        """Where there is a daemon to ask; without one it is known what is wrong."""
        vigil = watched.vigil
        app, slot = vigil.sight.app, vigil.sight.slot
        if app is None or slot is None or vigil.daemon_gone is not None:
            return
        try:
            vigil.looked(_facts.read_facts(app.pm2, app.serving(slot)), now)
            watched.hidden = ""
        except (DeployError, OSError) as error:
            watched.hidden = str(error)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            watched.hidden = f"What PM2 says at {app.pm2.home} cannot be understood, as of another version: {error!r}."

    def _tell_of_blindness(self, watched: Watched, *problems: str) -> None:
        """What cannot be watched is told once, and that it can again; all the rest goes on."""
        seen = tuple(filter(None, problems))
        if seen and seen != watched.blind:
            self._tell(watched, "guard_blind", WARNING, seen=seen, done="It goes on with what it can watch.")
        elif watched.blind and not seen:
            done, live = "It can watch everything again.", watched.vigil.sight.place
            self.herald.end(watched.vigil.name, "guard_blind", done=done, live=live)
        watched.blind = seen

    def _adjust(self, watched: Watched) -> None:
        """Watch it as it wants to be watched; settings that make no sense are told of, and the host's are used."""
        problem = watched.adjust(self.settings.watch)
        if problem:
            self._tell(watched, "guard_blind", WARNING, seen=(problem,), done="The host's settings are used instead.")

    # What happens.

    def _listen(self, now: Moment) -> Iterator[str]:
        """Take in what the daemons say; the names of the apps that it is about."""
        for home, ear in self.ears.items():
            ear.open(now.steady)
            was_gone = ear.gone
            yield from self._hear_all(home, ear.read(now.steady), now)
            for thrown in ear.survived(now.steady):
                for watched in self._serving(home, thrown.process):
                    done = "Nothing: it lives on, in a state that nobody has thought of."
                    self._tell(watched, "survived", CRITICAL, seen=(thrown.message,), done=done)
            if ear.gone is not None and was_gone is None:
                for watched in self._at(home):
                    watched.vigil.daemon_gone = ear.gone
                    watched.vigil.first_sign = None  # whatever went before, this is another matter
                    watched.vigil.note("PM2's daemon is gone", now)
                    yield watched.vigil.name

    def _hear_all(self, home: Path, batch: Sequence[Heard], now: Moment) -> Iterator[str]:
        if not all(isinstance(heard, Commanded) for heard in batch):
            for watched in self._at(home):  # another release may be live since somebody looked
                self._look_at_disk(watched, now)
        for heard in batch:
            yield from self._hear(home, heard, now)

    def _hear(self, home: Path, heard: Heard, now: Moment) -> Iterator[str]:
        for watched in self._serving(home, heard.process):
            if isinstance(heard, Commanded):
                watched.vigil.commanded(now)
            elif watched.vigil.is_older(heard.at, now):
                continue
            elif isinstance(heard, Thrown):
                watched.vigil.note(heard.message, now)
            else:
                watched.vigil.crashed(heard, now)
                yield watched.vigil.name

    def _serving(self, home: Path, process: str) -> list[Watched]:
        """The app whose live process that is: what an idle slot does is the deploy's affair."""
        return [one for one in self._at(home) if one.vigil.process == process]

    def _at(self, home: Path) -> list[Watched]:
        """The apps that run under one PM2."""
        return [one for one in self.apps.values() if one.home == home]

    def _take_answers(self, now: Moment) -> Iterator[str]:
        for probed in self.prober.answers():
            watched = self.apps.get(probed.app)
            if watched and probed.publishing == watched.vigil.publishing:
                watched.vigil.answered(probed.reason, now)
                yield probed.app

    def _follow_logs(self) -> None:
        wanted = {}
        for watched in self.apps.values():
            vigil = watched.vigil
            if vigil.process:
                path = vigil.layout.root / "logs" / f"{vigil.process}-error.log"
                wanted[vigil.process] = _watchlog.Watched(path, vigil.watch.patterns)
        self.logs.watch(wanted)
        for process, finding in self.logs.look():
            for watched in self.apps.values():
                if watched.vigil.process == process:
                    watched.vigil.findings.append(finding)

    # What is done.

    def _judge(self, watched: Watched) -> None:
        now, vigil = self._clock(), watched.vigil
        if vigil.is_quenched or not vigil.sight.live:
            return
        tail = self.logs.tail(vigil.process)
        decision = _judgement.decide(vigil.situation(now, tail=tail), vigil.watch.policy)
        vigil.findings = []
        if decision.action == _judgement.NOTHING:
            self._rest(watched, now)
            return
        if decision.kind.startswith("log_"):
            self._tell_line(watched, decision)
            return
        self.herald.lasts(vigil.name)
        if watched.case is None or watched.case.kind != decision.kind:
            self._open(watched, decision, now, tail=tail)
        else:
            watched.case.relapsed(now)
        if decision.action != _judgement.ALERT and self._is_time(watched, decision, now):
            self._act(watched, decision)

    def _tell_line(self, watched: Watched, decision: _judgement.Decision) -> None:
        """A line of its log and nothing else; while something is the matter, it is part of that."""
        if watched.case is None:
            self._tell(watched, decision.kind, decision.severity, seen=(decision.reason,), done="Nothing.")

    def _open(self, watched: Watched, decision: _judgement.Decision, now: Moment, *, tail: Sequence[str]) -> None:
        """Something new is the matter: keep the evidence, and tell at once."""
        vigil = watched.vigil
        _LOG.warning("%s: %s", vigil.name, decision.reason)
        self._look_at_process(watched, now)
        case = Case.opened(vigil, decision, host=self.host, now=now, replaced=watched.case)
        case.gather(vigil, tail=tail)
        watched.case = case
        self.unheard.append(case)
        grace = self._grace(watched) if vigil.daemon_gone is not None else 0.0
        done, seen = _outcome.promise(decision, grace=grace), (decision.reason, *case.told)
        case.message = self._tell(watched, decision.kind, decision.severity, seen=seen, done=done)

    def _is_time(self, watched: Watched, decision: _judgement.Decision, now: Moment) -> bool:
        """Whether to act now: a start is tried less and less often, and others may bring a daemon back."""
        gone = watched.vigil.daemon_gone
        if gone is not None and now.steady - gone < self._grace(watched):
            return False
        if not watched.failures.may_be_made(now.steady):
            return False
        return decision.action != _judgement.KEEP_TRYING or watched.starts.may_be_made(now.steady)

    def _grace(self, watched: Watched) -> float:
        """Seconds that PM2's service has to bring the daemon back; none for a daemon that nobody keeps."""
        ear = self.ears.get(watched.home) if watched.home else None
        return self.settings.daemon_grace if ear is not None and ear.is_kept else 0.0

    def _act(self, watched: Watched, decision: _judgement.Decision) -> None:
        vigil, case = watched.vigil, watched.case
        self.acting = self._clock().steady
        try:
            deed = _reaction.carry_out(vigil.layout, vigil.sight, decision, by=self.by)
        finally:
            self.acting = 0.0
        now = self._clock()
        _LOG.warning("%s: %s %s", vigil.name, decision.reason, deed.done)
        if decision.action == _judgement.KEEP_TRYING:
            watched.starts.made(now.steady)
        if deed.failed:
            watched.failures.made(now.steady)
        else:
            watched.failures = Attempts()
        if decision.quench and (deed.frozen or not deed.failed):
            vigil.quenched = vigil.publishing
        # Before it is written down and told, for which there may be no room: it is not to be done again for that.
        vigil.wipe(since=now.steady)
        watched.look_at = 0.0
        if case is not None:
            case.acted(decision, deed, now=now)
        if deed.frozen or not deed.failed:
            self.herald.did(vigil.name, deed.done.split("\n", 1)[0])
        came = _outcome.of(decision, deed, app=vigil.name)
        if came:
            notice = watched.notice(self.host, came.kind, came.severity, seen=(decision.reason,), done=deed.done)
            told = replace(notice, live=deed.live, todo=came.todo)
            self.herald.tell(told, secrets=watched.secrets())
        if deed.target:
            self._close(watched, outcome=deed.done)

    def _rest(self, watched: Watched, now: Moment) -> None:
        """Nothing that calls for an act; what is the matter is over when the app has answered well for long enough."""
        vigil, case = watched.vigil, watched.case
        if not vigil.is_well:
            self.herald.lasts(vigil.name)
            return
        vigil.first_sign = vigil.first_sign if vigil.crashes else None
        if case is not None:
            case.healthy(now)
        if case is not None and case.is_over(now):
            watched.starts = Attempts()
            self._close(watched, outcome="It is well again.")
        # One that is frozen is not as it should be, however well it answers.
        if watched.case is None and not vigil.sight.frozen:
            self.herald.end(vigil.name, *_notice.TROUBLES, live=vigil.sight.place)

    def _close(self, watched: Watched, *, outcome: str) -> None:
        """The record of what befell that release has its end; people hear of it when the app is well."""
        self.logs.forget(watched.vigil.process)
        watched.vigil.first_sign = None
        if watched.case is not None:
            watched.case.close(outcome)
            watched.case = None

    # What is told.

    def _is_heard(self, case: Case, now: Moment) -> bool:
        """Whether there is no need to ask any more when people heard of a case."""
        return case.heard(self.herald.delivered) or _clock.elapsed(case.since, now) > _FORGOTTEN

    def _tell(self, watched: Watched, kind: str, severity: str, *, seen: tuple[str, ...], done: str) -> str:
        return self.herald.tell(
            watched.notice(self.host, kind, severity, seen=seen, done=done), secrets=watched.secrets()
        )

    def _follow_ledgers(self) -> None:
        """Tell what others do to the apps, and what was refused before an app was touched, its ledger included."""
        for watched in self.apps.values():
            vigil = watched.vigil
            if vigil.sight.problem:
                continue  # what cannot be read is not empty
            self.chronicle.follow(vigil.name, watched.eyes.entries, sight=vigil.sight, secrets=watched.secrets)
        for app, refused in _registry.take_refusals(self.settings.directory):
            known = self.apps.get(app)
            sight = known.vigil.sight if known and not known.vigil.sight.problem else None
            self.chronicle.tell(app, [refused], sight=sight, secrets=known.secrets if known else tuple)

    def _feel(self) -> None:
        """How all is, for the heartbeat."""
        critical = any(one.case is not None and one.case.severity == CRITICAL for one in self.apps.values())
        deaf = any(ear.gone is not None or ear.problem for ear in self.ears.values())
        well = all(one.case is None and one.vigil.failed == 0 for one in self.apps.values())
        self.herald.feel(good=well and not deaf and bool(self.apps), critical=critical)
