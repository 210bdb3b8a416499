# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writing a verdict down: what was decided on a release, and on the one that was left for it."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _lock
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout


@dataclass(frozen=True)
class Verdict:
    """What was decided: one of :data:`_ledger.VERDICTS`, by whom and why."""

    release: str
    verdict: str
    slot: str
    by: str
    reason: str


def decide(layout: Layout, verdict: Verdict, *, left: str, freeze: str, check_mode: bool) -> bool:
    """Append what is new; says whether anything was.

    :param left: the release a rollback came from; rolled back, unless it is the older one: going forward again must
        not disqualify the release one comes from.
    :param freeze: why the app is frozen with it; ``''``: it is not.
    """
    entries = _ledger.read(layout.ledger)
    new = []
    if _ledger.verdict(entries, verdict.release) != verdict.verdict:
        new.append(_entry(verdict.verdict, verdict.release, verdict))
    if left and _ledger.is_step_back(entries, leaving=left, target=verdict.release):
        new.append(_entry("rolled_back", left, verdict))
    if freeze:
        new.append(_ledger.Entry(_ledger.now(), "frozen", verdict.release, by=verdict.by, reason=freeze))
    if not check_mode:
        for entry in new:
            _ledger.append(layout.ledger, entry)
        if freeze:
            _lock.freeze(layout.root, freeze, by=verdict.by)
    return bool(new)


def _entry(event: str, release: str, verdict: Verdict) -> _ledger.Entry:
    slot = verdict.slot if release == verdict.release else ""
    return _ledger.Entry(_ledger.now(), event, release, slot, verdict.by, verdict.reason)
