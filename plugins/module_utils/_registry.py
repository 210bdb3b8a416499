# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What deploys and the guard of a host have to tell one another: a directory that they share.

It says which apps are watched, whether there is a guard, and which releases were refused before anything was touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _lock
from ansible_collections.nodeops.pm2.plugins.module_utils._io import is_leftover, read_json, write_atomic

DIRECTORY = Path("/var/lib/bluegreen")
_REFUSALS = "refused"


@dataclass(frozen=True)
class Presence:
    """The guard that runs.

    :param owner: its process, as a lock knows one.
    :param channels: names of the ways it reaches people by.
    :param problems: what it cannot do, a sentence each.
    :param version: of its program and its settings.
    """

    owner: _lock.Owner
    channels: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    version: str = ""

    @property
    def alive(self) -> bool:
        """Whether that very process runs, on this boot of the host."""
        return self.owner.boot_id == _lock.this_boot() and _lock.is_alive(self.owner)


def register(directory: Path, app: str, root: Path) -> bool:
    """Have the guard watch an app, where there is a place for a guard on this host; says whether anything changed."""
    path = directory / "apps" / f"{app}.json"
    if not app or not path.parent.is_dir() or read_json(path) == {"root": str(root)}:
        return False
    write_atomic(path, json.dumps({"root": str(root)}) + "\n")
    return True


def apps(directory: Path) -> dict[str, Path]:
    """Root by name of every app that is watched; an entry that cannot be read is passed over."""
    try:
        names = sorted(os.listdir(directory / "apps"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    found = {}
    for name in names:
        raw = _entry(directory / "apps" / name) if name.endswith(".json") and not is_leftover(name) else None
        if isinstance(raw, dict) and raw.get("root"):
            found[name[: -len(".json")]] = Path(str(raw["root"]))
    return found


def note_refusal(directory: Path, app: str, release: str, *, by: str, reason: str) -> None:
    """Have the guard tell people of a release that was refused before anything was touched, where there is a guard."""
    told = {"at": _ledger.now(), "app": app, "release": release, "by": by, "reason": reason}
    with contextlib.suppress(OSError):  # that nobody is told must not hide why it was refused
        write_atomic(directory / _REFUSALS / f"{time.time_ns()}-{secrets.token_hex(4)}.json", json.dumps(told) + "\n")


def take_refusals(directory: Path) -> Iterator[tuple[str, _ledger.Entry]]:
    """What :func:`note_refusal` wrote, oldest first: the app and the event. Each is gone once it has been dealt with.

    What cannot be read is passed over, and so is what could not be removed: it would be told for ever.
    """
    place = directory / _REFUSALS
    for path in sorted(place.glob("*.json")):
        raw = _entry(path) if os.access(place, os.W_OK) and path.is_file() and not is_leftover(path.name) else None
        if isinstance(raw, Mapping):
            at, app, release, by, reason = (_text(raw.get(key, "")) for key in ("at", "app", "release", "by", "reason"))
            yield app, _ledger.Entry(at, "refused", release, by=by, reason=reason)
            path.unlink(missing_ok=True)


def announce(directory: Path, presence: Presence) -> None:
    """Say that the guard runs, and how it is."""
    write_atomic(directory / "guard.json", json.dumps(asdict(presence), indent=1) + "\n")


def present(directory: Path) -> Presence | None:
    """The guard as it last spoke of itself; ``None`` where none ever has, or nothing can be made of what it said."""
    raw = read_json(directory / "guard.json")
    try:
        owner = _lock.owner_from(raw["owner"]) if isinstance(raw, Mapping) else None
    except (LookupError, TypeError, ValueError):
        owner = None
    if owner is None or not isinstance(raw, Mapping):
        return None
    return Presence(owner, _texts(raw.get("channels")), _texts(raw.get("problems")), str(raw.get("version", "")))


def _entry(path: Path) -> object:
    """What is in the file of one app; one that may not be read must not keep the others from being watched."""
    try:
        return read_json(path)
    except (OSError, RecursionError):
        return None


def _text(value: object) -> str:
    """It as text that can be written down."""
    return str(value).encode("utf-8", "replace").decode()


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else ()
