# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where things lie under an app's root, and what a release may be called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

RELEASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class ReleaseTree:
    """One release's directory and the files in it that are ours."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def revision(self) -> Path:
        return self.path / "REVISION"

    @property
    def ecosystem(self) -> Path:
        """What PM2 is given; ``.cjs``, because ``.js`` fails in ESM packages."""
        return self.path / "ecosystem.config.cjs"

    @property
    def private(self) -> Path:
        return self.path / ".release"

    @property
    def manifest(self) -> Path:
        """Written last: a directory without it is an unfinished stage."""
        return self.private / "manifest.json"

    @property
    def app(self) -> Path:
        """How the release is run, proved and left, see :mod:`_app`."""
        return self.private / "app.json"

    @property
    def meant(self) -> Path:
        """What PM2 is told of the release, see :mod:`_meant`."""
        return self.private / "meant.json"

    @property
    def started(self) -> Path:
        """Where in its logs the last start of the release begins."""
        return self.private / "started.json"

    @property
    def listen(self) -> Path:
        """The symlink to the run directory's socket of the slot this release was last started in."""
        return self.private / "listen.sock"

    def ecosystem_for(self, slot: str) -> Path:
        """The ecosystem file rendered for one slot, copied to :attr:`ecosystem` when started there."""
        return self.private / f"ecosystem.{slot}.cjs"


@dataclass(frozen=True)
class Layout:
    """An app's root: ``releases/ shared/ deps/ current ledger.jsonl lock/``."""

    root: Path

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def shared(self) -> Path:
        return self.root / "shared"

    @property
    def deps(self) -> Path:
        return self.root / "deps"

    @property
    def current(self) -> Path:
        """The only record of what is live."""
        return self.root / "current"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.jsonl"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    def release(self, identifier: str) -> ReleaseTree:
        """The tree of release ``identifier``; refuses an id that could leave ``releases/``."""
        return ReleaseTree(self.releases / release_id(identifier))


def release_id(text: str) -> str:
    """``text`` where it is a valid release id, else :class:`DeployError`."""
    if not RELEASE_ID.fullmatch(text):
        raise DeployError(
            "This is not a release id.",
            expected="1 to 64 letters, digits, dots, underscores and hyphens, beginning with a letter or digit",
            seen=repr(text),
            remedy="Set bluegreen_release to such a name, or leave it out.",
        )
    return text


@dataclass(frozen=True)
class Slot:
    """A place a release can run in.

    :param name: ``blue`` or ``green``; with the restart strategy ``main`` or ``spare``.
    :param process: the PM2 name, ``<app>-<slot>`` (``<app>`` for ``main``).
    :param address: where the app itself listens: ``127.0.0.1:3001`` or ``unix:/run/app/blue.sock``.
    :param socket: what the edge dials for this slot; empty where there is no edge.
    """

    name: str
    process: str
    address: str
    socket: str = ""
