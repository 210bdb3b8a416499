# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What has to be known to run, prove, watch and leave a release; written into it, so that nobody has to be asked.

A rollback, a take-back and the guard act on a release as its own deploy described it: its ports are in its ecosystem
files, and its health route is the one it had, whatever today's inventory says of the next one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _envfile, _options, _proof
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, read_link, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import ReleaseTree, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2
from ansible_collections.nodeops.pm2.plugins.module_utils._scrub import values_to_hide

SPEC: dict[str, Any] = {
    "app": {"type": "str", "default": ""},
    "slots": {"type": "list", "elements": "dict", "default": [], "options": _options.SLOT_OPTIONS},
    "pm2_home": {"type": "path", "default": ""},
    "pm2_bin": {"type": "str", "default": "pm2"},
    "node_bin": {"type": "str", "default": "node"},
    "front": {"type": "str", "default": ""},
    **_proof.SPEC,
    "stop_timeout": {"type": "float", "default": 30.0},
    "drain_timeout": {"type": "float", "default": 30.0},
    "standby": {"type": "float", "default": 0.0},
    "keep": {"type": "int", "default": 5},
    "confirm_timeout": {"type": "float", "default": 600.0},
    "reversible": {"type": "bool", "default": True},
    "secret_files": {"type": "list", "elements": "path", "default": [], "no_log": False},  # names, not contents
    "guard": {"type": "dict", "default": {}},
}
_DEFAULTS = {name: option.get("default") for name, option in SPEC.items()}


@dataclass(frozen=True)
class App:
    """How one release is run, reached, proved and left. Times are seconds.

    :param name: of the app.
    :param slots: where it can run: two equal ones behind an edge; without one the main slot, then the spare.
    :param front: where a user comes in.
    :param proof: options of :data:`_proof.SPEC`; its ``duration`` is the soak of a deploy.
    :param stop_timeout: that a process may take to stop or to start.
    :param drain_timeout: that open connections of a retiring slot may take to end.
    :param standby: that a retiring slot stays warm first.
    :param keep: how many good releases stay on disk.
    :param confirm_timeout: after publishing, by when the release has to be confirmed.
    :param reversible: whether releases from before it may be put back without a person: not where what was run once for
        it cannot be undone.
    :param secret_files: env files whose values must never be shown.
    :param guard: how the guard is to watch it, where that differs from the host's settings.
    """

    name: str
    slots: tuple[Slot, ...]
    pm2: Pm2
    front: str
    proof: Mapping[str, Any]
    stop_timeout: float
    drain_timeout: float
    standby: float
    keep: int
    confirm_timeout: float
    reversible: bool
    secret_files: tuple[str, ...] = ()
    guard: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_edge(self) -> bool:
        """Whether something in front dials the slots; without it replacing the one process is the switch."""
        return bool(self.slots[0].socket)

    def slot(self, name: str) -> Slot | None:
        """The slot of that name."""
        return next((slot for slot in self.slots if slot.name == name), None)

    def serving(self, slot: Slot) -> Slot:
        """Where a release that was started in ``slot`` serves in the end."""
        return slot if self.has_edge else self.slots[0]

    def idle(self, live_slot: str) -> Slot:
        """Where the next release starts: behind an edge the first slot that does not serve, else the spare."""
        if not self.has_edge:
            return self.slots[-1]
        return next(slot for slot in self.slots if slot.name != live_slot)

    def hidden(self) -> list[str]:
        """Values that must never be shown, as they are now; what cannot be read hides nothing."""
        found: dict[str, str] = {}
        for path in self.secret_files:
            with contextlib.suppress(OSError):
                found.update(_envfile.variables(Path(path).read_text(encoding="utf-8", errors="replace")))
        return values_to_hide(found, names=list(found))

    def slot_of(self, tree: ReleaseTree) -> Slot | None:
        """The slot a release was last started in, as its ``listen.sock`` says; without an edge the one there is."""
        if not self.has_edge:
            return self.slots[0]
        target = read_link(tree.listen)
        return next((slot for slot in self.slots if target and slot.socket == target), None)


def of(params: Mapping[str, Any]) -> App:
    """The typed form of the options in :data:`SPEC`, as a module or :func:`recorded` has them."""
    return App(
        name=params["app"],
        slots=tuple(_options.slots_of(params)),
        pm2=Pm2(home=Path(params["pm2_home"]), pm2=params["pm2_bin"], node=params["node_bin"]),
        front=params["front"],
        proof={name: params[name] for name in _proof.SPEC},
        stop_timeout=params["stop_timeout"],
        drain_timeout=params["drain_timeout"],
        standby=params["standby"],
        keep=params["keep"],
        confirm_timeout=params["confirm_timeout"],
        reversible=params["reversible"],
        secret_files=tuple(params["secret_files"]),
        guard=params["guard"],
    )


def record(params: Mapping[str, Any]) -> str:
    """The text that is written into a release: the options of :data:`SPEC` and nothing else."""
    return json.dumps({name: params[name] for name in SPEC}, indent=1, sort_keys=True) + "\n"


def write(tree: ReleaseTree, text: str) -> None:
    """Put :func:`record` into the release, for the deploy user alone: a health question may carry a token."""
    write_atomic(tree.app, text, mode=0o600)


def recorded(tree: ReleaseTree) -> App | None:
    """How this release was described when it was staged; ``None`` where its stage did not come so far.

    What is missing was not asked of a release when it was staged, and is as if nothing had been said.
    """
    raw = read_json(tree.app)
    try:
        return of({**_DEFAULTS, **raw}) if isinstance(raw, dict) else None
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def require(tree: ReleaseTree) -> App:
    """:func:`recorded`, for whoever cannot go on without it."""
    app = recorded(tree)
    if app is None:
        raise DeployError(
            "This release does not say how it is run.",
            expected="its description, written when it was staged",
            seen="nothing that can be read",
            where=str(tree.app),
            remedy="Run as the deploy user, or deploy the release again under a new id.",
        )
    return app
