# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Looks at everything that drift is concluded from. Changes nothing, starts nothing; asks the front door once."""

from __future__ import annotations

import json

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _app,
    _axon,
    _boot,
    _drift,
    _drift_disk,
    _facts,
    _kept,
    _ledger,
    _meant,
    _probe,
    _process,
    _proof,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._drift_seen import Difference, Front, Owner, Seen
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts
from ansible_collections.nodeops.pm2.plugins.module_utils._kept import Kept
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2


def look(layout: Layout) -> tuple[Difference, ...]:
    """All that is not as the live release was declared when it was proved; nothing where nothing was ever published."""
    return tuple(_drift.differences(see(layout)))


def see(layout: Layout) -> Seen:
    """What there is to compare. Of a release that does not say how it is run, only its files are looked at."""
    entries = _ledger.read(layout.ledger)
    disk, last = _drift_disk.read_disk(layout), _ledger.meant_live(entries)
    tree = layout.release(disk.live) if disk.live else None
    app = _app.recorded(tree) if tree else None
    started = app.slot_of(tree) if app and tree else None
    if app is None or tree is None or started is None:
        return Seen(Kept(""), last, disk, ())
    slot = app.serving(started)
    declared = _meant.read(tree, slot=started.name).process(slot.process)
    facts = _facts.read_facts(app.pm2, slot)
    return Seen(
        declared=declared or Kept(slot.process),
        release=last,
        disk=disk,
        processes=[one.process for one in app.slots],
        memory=_in_memory(app.pm2) if declared else None,
        dump=_kept.read_dump(app.pm2.home / "dump.pm2") if declared else None,
        front=_ask(app, {*disk.releases, *(entry.release for entry in entries)}) if app.front else None,
        owner=_owner(facts, slot.address),
        unaware=_boot.unaware(app.pm2.home, layout.root),
    )


def _in_memory(pm2: Pm2) -> list[Kept]:
    """All that PM2 keeps; nothing when no daemon runs, and none is started."""
    try:
        return _kept.in_memory(_axon.call(pm2.socket, "getMonitorData"))
    except _axon.NotListening:
        return []


def _ask(app: _app.App, known: set[str]) -> Front:
    """What the front door says to the question that the gate asked.

    :param known: ids of releases. An answer that names another one under ``release`` speaks of something else.
    """
    question = _proof.probe_of(dict(app.proof["health"]), host=app.proof["host"]).question
    answer = _probe.ask(_probe.parse_target(app.front), question, timeout=app.proof["health"]["timeout"])
    named = release_in(answer.body)
    return Front(f"{app.front}{question.shown_path}", answer.status, named if named in known else "", answer.error)


def release_in(body: str) -> str:
    """What a body that is a JSON object calls ``release``; empty where there is no such thing."""
    try:
        found = json.loads(body)
    except ValueError:
        return ""
    return str(found.get("release") or "") if isinstance(found, dict) else ""


def _owner(facts: ProcessFacts, address: str) -> Owner:
    stranger = ""
    if facts.listener_seen and not facts.listener_is_ours:
        shown = [f"pid {pid} ({_process.command(pid)})" for pid in facts.listener_pids]
        stranger = ", ".join(shown) or "a process of another user"
    # In cluster mode the daemon listens, which is at home nowhere: it is the workers that count.
    return Owner(address, facts.listener_pids, stranger, () if stranger else tuple(dict.fromkeys(facts.cwds.values())))
