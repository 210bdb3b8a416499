# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app with releases on disk, written as a stage would leave them, and everything outside its directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _app,
    _facts,
    _ledger,
    _lock,
    _manifest,
    _phases,
    _proof,
    _retire,
    _road,
    _slot,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import link_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, ReleaseTree, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

OWNER = _lock.Owner("ann@laptop", "deploy of shop", pid=1, boot_id="another machine", started=1)
NAMES = {"edge": ("blue", "green"), "restart": ("main", "spare")}


def with_defaults(spec: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """What a module would be given: ansible-core is not there in every Python that these tests run under."""
    assert given.keys() <= spec.keys()
    options = {name: given.get(name, option.get("default")) for name, option in spec.items()}
    for name, option in spec.items():
        if "options" in option and isinstance(options[name], dict):
            options[name] = with_defaults(option["options"], options[name])
        elif "options" in option and options[name]:
            options[name] = [with_defaults(option["options"], one) for one in options[name]]
        elif option.get("apply_defaults"):
            options[name] = with_defaults(option["options"], {})
    return options


class App:
    """The root of an app and short ways to fill it.

    :param strategy: ``edge`` or ``restart``, of the releases that :meth:`put` makes.
    """

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)
        self.strategy = "edge"

    @property
    def slots(self) -> list[dict[str, str]]:
        """The slots as the option takes them."""
        root = self.layout.root
        return [
            {
                "name": name,
                "process": "shop" if name == "main" else f"shop-{name}",
                "address": f"unix:{root}/{name}.app",
                "socket": f"{root}/{name}" if self.strategy == "edge" else "",
            }
            for name in NAMES[self.strategy]
        ]

    def slot(self, name: str) -> dict[str, str]:
        """A slot as the option takes it."""
        return next(slot for slot in self.slots if slot["name"] == name)

    def place(self, name: str) -> Slot:
        """A slot in its typed form."""
        return Slot(**self.slot(name))

    def options(self, **more: Any) -> dict[str, Any]:
        """All options of the record, with their defaults."""
        home = str(self.layout.root / "pm2")
        given = {"app": "shop", "slots": self.slots, "pm2_home": home, "front": "http://edge", **more}
        return with_defaults(_app.SPEC, given)

    def put(
        self, release: str, slot: str = "", *, sealed: bool = True, dependencies: str = "", **options: Any
    ) -> ReleaseTree:
        """A release on disk, last started in ``slot``; ``options`` are of its record."""
        tree = self.layout.release(release)
        tree.private.mkdir(parents=True)
        if slot and self.slot(slot)["socket"]:
            link_atomic(tree.listen, self.slot(slot)["socket"])
        if sealed:
            _app.write(tree, _app.record(self.options(**options)))
            _manifest.write(tree, _manifest.Manifest(release, "abc", "sha", {}, dependencies))
        return tree

    def note(self, *events: str) -> None:
        """Ledger entries from words such as ``published:r1``."""
        for event in events:
            what, release = event.split(":")
            _ledger.append(self.layout.ledger, _ledger.Entry("2026-11-23T10:15:00.000Z", what, release))

    def go_live(self, release: str) -> None:
        """Have ``current`` lead to it, without a word in the ledger."""
        link_atomic(self.layout.current, f"releases/{release}")

    def deployed(self, release: str, slot: str, **options: Any) -> None:
        """A release that was deployed, and is live."""
        self.put(release, slot, **options)
        self.note(f"staged:{release}", f"gated:{release}", f"published:{release}", f"good:{release}")
        self.go_live(release)

    def live(self) -> str:
        """What is live."""
        return self.layout.current.readlink().name if self.layout.current.is_symlink() else ""

    def events(self, release: str = "") -> list[str]:
        """The ledger as words such as ``published:r1``; of one release, its events."""
        entries = _ledger.read(self.layout.ledger)
        if release:
            return [entry.event for entry in entries if entry.release == release]
        return [f"{entry.event}:{entry.release}" for entry in entries]

    def on_disk(self) -> list[str]:
        """Names of the release directories."""
        return sorted(path.name for path in self.layout.releases.iterdir())

    def snapshot(self) -> dict[str, Any]:
        """Everything there is but the lock."""
        found: dict[str, Any] = {}
        for path in sorted(self.layout.root.rglob("*")):
            if self.layout.lock not in (path, *path.parents):
                content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else ""
                found[str(path)] = content
        return found

    def locked(self) -> _phases.Course:
        """An act under way, under a lock of its own."""
        lease, _said = _lock.acquire(self.layout.lock, OWNER, ttl=900)
        return _phases.Course(lease.id)

    def journey(self, release: str, slot: str, course: _phases.Course | None = None, **more: Any) -> _road.Journey:
        """To ``release`` in ``slot``, under the lock."""
        options = {"run": _phases.Run("deploy", "ann@laptop"), "previous": self.live(), **more}
        record = _app.require(self.layout.release(release))
        return _road.Journey(self.layout, release, record, self.place(slot), course=course or self.locked(), **options)


class World:
    """PM2, the processes and what answers: says in :attr:`said` what was asked of it, and refuses what it is told to.

    :param warm: names of slots in which what is to run there runs already.
    :param refuse: words; whoever proves, starts or stops something that they stand in is refused.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warm: set[str] = set()
        self.refuse: list[str] = []

    def _hear(self, words: str) -> None:
        self.said.append(words)
        if any(refused in words for refused in self.refuse):
            raise DeployError(f"refused: {words}", facts={"verdict": "refused"} if words.startswith("prove") else {})

    def prove(self, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
        """Stands in for :func:`_proof.run`."""
        assert not check_mode
        through = params["through"] or "itself"
        soak = f" for {params['duration']:g} s" if params["duration"] else ""
        times = params["consecutive"]
        assert params.get("gated", False) is (times == 1)
        self._hear(f"prove {params['release']} in {params['slot']['name']} through {through} x{times}{soak}")
        return {}

    def start(
        self, layout: Layout, release: str, slot: Slot, _pm2: Pm2, *, timeout: float, even_live: bool = False
    ) -> None:
        """Stands in for :func:`_slot.start`."""
        assert timeout > 0
        self._hear(f"start {release} in {slot.name}{', even live' if even_live else ''}")
        if slot.socket:
            link_atomic(layout.release(release).listen, slot.socket)

    def stop(self, _layout: Layout, slot: Slot, _pm2: Pm2, *, timeout: float, even_live: bool = False) -> bool:
        """Stands in for :func:`_slot.stop`."""
        assert timeout > 0
        self._hear(f"stop {slot.name}{', even live' if even_live else ''}")
        return True

    def retire(self, _layout: Layout, slot: Slot, _pm2: Pm2, **_waits: float) -> bool:
        """Stands in for :func:`_retire.retire`."""
        self._hear(f"retire {slot.name}")
        return True

    def retire_later(self, _layout: Layout, slot: Slot, _pm2: Pm2, *, standby: float, **_waits: float) -> None:
        """Stands in for :func:`_retire.retire_later`."""
        self._hear(f"retire {slot.name} after {standby:g} s")


@pytest.fixture
def app(tmp_path: Path) -> App:
    root = tmp_path / "shop"
    root.mkdir()
    return App(root)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Nothing outside the app's directory is real."""
    world = World()
    nothing = _slot.Started((), _slot.LogMark("out", 0), _slot.LogMark("error", 0))
    facts = _facts.ProcessFacts("", False, "", "", (), 0, None, 0.0, {}, (), False, False, "", "")
    monkeypatch.setattr(_proof, "run", world.prove)
    monkeypatch.setattr(_slot, "start", world.start)
    monkeypatch.setattr(_slot, "stop", world.stop)
    monkeypatch.setattr(_slot, "is_warm", lambda _facts, _tree, slot: slot.name in world.warm)
    monkeypatch.setattr(_slot, "keep", lambda _facts: nothing)
    monkeypatch.setattr(_facts, "read_facts", lambda *_: facts)
    monkeypatch.setattr(_retire, "retire", world.retire)
    monkeypatch.setattr(_retire, "retire_later", world.retire_later)
    return world
