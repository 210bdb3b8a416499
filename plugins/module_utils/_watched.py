# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the guard has of one app."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _guard_settings
from ansible_collections.nodeops.pm2.plugins.module_utils._case import Case
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._guard_settings import Settings, Watch
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice, closer
from ansible_collections.nodeops.pm2.plugins.module_utils._sight import Eyes
from ansible_collections.nodeops.pm2.plugins.module_utils._vigil import Vigil

_BACKOFF, _LONGEST_BACKOFF = 5.0, 300.0


class Attempts:
    """What is tried less and less often."""

    def __init__(self) -> None:
        self._count, self._until = 0, 0.0

    def made(self, now: float) -> None:
        """One more was made ``now``, on the steady clock."""
        self._count += 1
        self._until = now + min(_BACKOFF * 2.0 ** (self._count - 1), _LONGEST_BACKOFF)

    def may_be_made(self, now: float) -> bool:
        """Whether it is time for the next one."""
        return now >= self._until


class Watched:
    """Everything about one app: what is remembered, what looks at it, and the case that is open."""

    def __init__(self, name: str, root: Path, settings: Settings) -> None:
        self.vigil = Vigil(name, Layout(root), settings.watch)
        self.eyes = Eyes(self.vigil.layout)
        self.case: Case | None = None
        self.look_at = self.ask_at = 0.0
        self.starts, self.failures = Attempts(), Attempts()  # of the live release, and of what could not be done
        self.hidden = ""  # why its process could not be looked at
        self.blind: tuple[str, ...] = ()

    def secrets(self) -> Sequence[str]:
        """What nobody may read in what is told of it."""
        return self.vigil.sight.app.hidden() if self.vigil.sight.app else ()

    def adjust(self, watch: Watch) -> str:
        """Watch it as it wants to be watched, where that makes sense, else as ``watch`` says; why it does not."""
        vigil, app = self.vigil, self.vigil.sight.app
        vigil.watch = watch
        try:
            where = f"bluegreen_guard of {vigil.name}"
            vigil.watch = _guard_settings.adjusted(watch, app.guard if app else {}, where=where)
        except DeployError as error:
            return str(error)
        return ""

    def notice(self, host: str, kind: str, severity: str, *, seen: tuple[str, ...], done: str) -> Notice:
        """Something about it that is to be told, as things are now."""
        sight = self.vigil.sight
        return Notice(
            kind=kind,
            severity=severity,
            app=self.vigil.name,
            host=host,
            release=sight.live,
            commit=sight.commit,
            seen=seen,
            done=done,
            live=sight.place,
            look=closer(self.vigil.name),
        )

    @property
    def home(self) -> Path | None:
        """The PM2 home that the live release runs under."""
        return self.vigil.sight.app.pm2.home if self.vigil.sight.app else None
