# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The case that is open on an app: from the first sign to its end, as the incident's record tells it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from ansible_collections.nodeops.pm2.plugins.module_utils import _incident, _judgement, _ledger
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import CRITICAL
from ansible_collections.nodeops.pm2.plugins.module_utils._clock import Moment, elapsed
from ansible_collections.nodeops.pm2.plugins.module_utils._incident import Incident
from ansible_collections.nodeops.pm2.plugins.module_utils._judgement import Decision
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._log import find, most_telling
from ansible_collections.nodeops.pm2.plugins.module_utils._reaction import Deed
from ansible_collections.nodeops.pm2.plugins.module_utils._vigil import Vigil

_LOG = logging.getLogger("bluegreen")
# A process that was started again has to live so long before its case is closed: longer than a slow loop takes.
_QUIET = 30.0


@dataclass
class Case:
    """What is wrong with an app now.

    :param kind: of the decision that opened it.
    :param severity: of the gravest decision.
    :param incident: the record; one is kept of what is CRITICAL.
    :param told: what was seen, for messages.
    :param message: id of the first message that was sent of it.
    """

    layout: Layout
    kind: str
    severity: str
    incident: Incident
    since: Moment
    told: tuple[str, ...] = ()
    message: str = ""

    @classmethod
    def opened(cls, vigil: Vigil, decision: Decision, *, host: str, now: Moment, replaced: Case | None) -> Case:
        """A new case; one about the same trouble goes on in this one."""
        sight = vigil.sight
        incident = Incident(
            id=_incident.incident_id(_ledger.now(), decision.kind),
            app=vigil.name,
            host=host,
            release=sight.live,
            commit=sight.commit,
            kind=decision.kind,
            reason=decision.reason,
        )
        first = vigil.first_sign
        if replaced and "healthy" not in replaced.incident.times:
            same = _judgement.is_one_matter(replaced.kind, decision.kind)
            first = replaced.incident.times.get("first_seen") if same else first
        incident = _incident.reached(_incident.reached(incident, "first_seen", first or now), "detected", now)
        if replaced is not None:
            replaced.close(f"It became {decision.kind}.")
        return cls(vigil.layout, decision.kind, decision.severity, incident, now)

    def gather(self, vigil: Vigil, *, tail: Sequence[str]) -> None:
        """Keep the evidence, before anything is done that would wipe it out."""
        facts, app = vigil.facts, vigil.sight.app
        cause = most_telling(find([*vigil.said, *tail], vigil.watch.patterns))
        answer = f"Its last bad answer: {vigil.answer}" if vigil.answer else ""
        restarts = f"PM2 counts {facts.restarts} restarts, and calls it {facts.status}" if facts and facts.found else ""
        self.told = tuple(part for part in (cause.line if cause else "", answer, restarts, *vigil.said[-3:]) if part)
        evidence = _incident.evidence_of(
            findings=self.told,
            crashes=vigil.said,
            stderr=tail,
            process=asdict(facts) if facts else None,
            environment=vigil.environment,
            secrets=app.hidden() if app else (),
        )
        self.incident = replace(self.incident, evidence=evidence)
        self._write()

    def acted(self, decision: Decision, deed: Deed, *, now: Moment) -> None:
        """Something was done about it."""
        if decision.quench and not deed.failed:
            self.incident = _incident.reached(self.incident, "quenched", now)
        if deed.target:
            # The road ends with a good answer at the front door.
            for step in ("rolled_back", "healthy"):
                self.incident = _incident.reached(self.incident, step, now)
            self.incident = replace(self.incident, target=deed.target)
        if decision.action in (_judgement.QUENCH, _judgement.FREEZE) or deed.failed:
            self.incident = replace(self.incident, outcome=deed.done)
        self.since = now
        self._write()

    def is_over(self, now: Moment) -> bool:
        """Whether it has been quiet for long enough."""
        return elapsed(self.since, now) >= _QUIET

    def healthy(self, now: Moment) -> None:
        """It answers well again, for the time being."""
        if "healthy" not in self.incident.times:
            self.incident = _incident.reached(self.incident, "healthy", now)
            self._write()

    def relapsed(self, now: Moment) -> None:
        """It does not after all."""
        times = {step: moment for step, moment in self.incident.times.items() if step != "healthy"}
        self.incident, self.since = replace(self.incident, times=times), now

    def heard(self, delivered: Callable[[str], Moment | None]) -> bool:
        """Whether it is known when people heard of it; written down as soon as it is."""
        moment = delivered(self.message) if self.message else None
        if moment is not None:
            self.incident = _incident.reached(self.incident, "alerted", moment)
            self._write()
        return moment is not None or not self.message

    def close(self, outcome: str) -> None:
        """Write down how it ended."""
        self.incident = replace(self.incident, outcome=self.incident.outcome or outcome)
        self._write()

    def _write(self) -> None:
        if self.severity == CRITICAL:
            try:
                _incident.write(self.layout.root, self.incident)
            except OSError as error:  # whole at each step: a later one may find room
                _LOG.warning("The record of %s cannot be written: %s", self.incident.id, error)
