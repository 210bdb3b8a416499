# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What drift is concluded from, and what it is told as."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from ansible_collections.nodeops.pm2.plugins.module_utils._kept import Dump, Kept

SHOWN = 20  # changed files, or names of variables, that are named one by one


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was declared.

    :param id: for programs: ``file_changed``, ``process_differs``.
    :param what: one sentence.
    """

    id: str
    what: str
    expected: str
    seen: str
    where: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        """In the types a module returns."""
        return asdict(self)


@dataclass(frozen=True)
class Disk:
    """The live release as it lies there.

    :param live: the id that ``current`` leads to, empty where it leads nowhere.
    :param path: its real path.
    :param shipped: hash by path of every file that was shipped, from its manifest; ``None`` without a manifest.
    :param found: the present hash of each of them that is still there.
    :param foreign: files in it that were neither shipped nor written by the deploy.
    :param releases: ids of all releases on disk.
    """

    live: str
    path: str = ""
    shipped: Mapping[str, str] | None = None
    found: Mapping[str, str] = field(default_factory=dict)
    foreign: Sequence[str] = ()
    releases: Collection[str] = ()


@dataclass(frozen=True)
class Front:
    """What a request through the front door was answered with.

    :param release: the id in the answer, empty where it names none.
    :param error: why there was no answer.
    """

    url: str
    status: int = 0
    release: str = ""
    error: str = ""


@dataclass(frozen=True)
class Owner:
    """Who listens on the live slot's address.

    :param pids: empty where nobody does, or nobody who can be seen.
    :param stranger: a process that PM2 did not start, in words; empty where there is none.
    :param cwds: real working directories of the owners.
    """

    address: str
    pids: Sequence[int] = ()
    stranger: str = ""
    cwds: Sequence[str] = ()


@dataclass(frozen=True)
class Seen:
    """Everything there is to compare; what was not asked is ``None``.

    :param declared: what the live slot's process should be, from the release's own record.
    :param release: what is to be live by the ledger, empty where nothing is.
    :param processes: names of all processes of the app.
    :param front_must_name: whether an answer without a release id is a difference.
    :param unaware: the unit of PM2's service that would not bring the app back at boot, empty where none would fail to.
    """

    declared: Kept
    release: str
    disk: Disk
    processes: Sequence[str]
    memory: Sequence[Kept] | None = None
    dump: Dump | None = None
    front: Front | None = None
    owner: Owner | None = None
    front_must_name: bool = False
    unaware: str = ""
