# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an interrupted run left, and what is to be done about it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _prune, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._state import State


@dataclass(frozen=True)
class Recovery:
    """What was found.

    :param unfinished: release directories without a manifest: removed.
    :param abandoned: releases that were staged or gated and never decided on: marked aborted.
    :param unconfirmed: the live release, where its deploy ended between publish and confirm: to be soaked to its
        verdict by whoever called; ``''`` where there is none.
    :param condemned: the live release, where it was found bad and its taking back was cut short: to be taken back by
        whoever called; ``''`` where there is none.
    """

    unfinished: tuple[str, ...]
    abandoned: tuple[str, ...]
    unconfirmed: str
    condemned: str = ""

    @property
    def any(self) -> bool:
        """Whether anything was found."""
        return bool(self.unfinished or self.abandoned or self.unconfirmed or self.condemned)

    def sentences(self) -> list[str]:
        """What was found and is done about it, for people."""
        said = [f"Removed {name}: its stage never ended." for name in self.unfinished]
        said += [f"Marked {name} aborted: its deploy was interrupted before publish." for name in self.abandoned]
        if self.unconfirmed:
            said.append(f"{self.unconfirmed} is live but was never confirmed: its soak is done now, and decides.")
        if self.condemned:
            said.append(f"{self.condemned} was found bad, and taking it back was cut short: that is done now.")
        return said


def of(layout: Layout) -> Recovery:
    """What is so on this host; reads only."""
    return decide(_state.read(layout, now=time.time()), _ledger.read(layout.ledger))


def decide(state: State, entries: Sequence[_ledger.Entry]) -> Recovery:
    """Conclude from what is so; pure."""
    open_ends = {"staged", "gated", "published"}
    return Recovery(
        unfinished=tuple(release.id for release in state.releases if not release.complete and release.id != state.live),
        abandoned=tuple(
            release.id
            for release in state.releases
            if release.complete and release.id != state.live and _ledger.verdict(entries, release.id) in open_ends
        ),
        unconfirmed=state.live if state.is_unconfirmed else "",
        condemned=state.live if state.live and _ledger.is_condemned(entries, state.live) else "",
    )


def carry_out(layout: Layout, recovery: Recovery, *, by: str) -> list[str]:
    """Tidy up; the caller holds the lock. Returns leftovers that were removed besides."""
    for name in recovery.unfinished:
        _prune.remove(layout.release(name).path)
    for name in recovery.abandoned:
        entry = _ledger.Entry(_ledger.now(), "aborted", name, by=by, reason="interrupted before publish")
        _ledger.append(layout.ledger, entry)
    return _prune.remove_leftovers(layout)
