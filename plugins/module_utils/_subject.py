# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the rules of a check look at: the tree of a release, how it is started, and facts of the host."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._command import Output
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_file import EcosystemFile
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._modules import TYPESCRIPT
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

# Preloads that turn source text into something else: what Node.js makes of the text then says nothing.
_TRANSFORMERS = (
    "ts-node", "tsm", "jiti", "sucrase", "@swc", "@babel", "babel-register", "esbuild", "@oxc", "coffeescript", "esm",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """How the release is started, as the filter ``entry`` tells it.

    :param script: relative to the release, or an absolute path on the host.
    :param interpreter: ``node`` or a path of it, ``none``, or another program.
    :param loader: ``tsx`` or empty.
    :param env: names only of the variables that the ecosystem file sets.
    :param env_on: those of them whose value says yes.
    :param env_file: as written, empty where there is none.
    :param name: of the PM2 process in the first slot; empty where it is not known, as all of the following.
    :param max_restarts: 0 where it is not known.
    :param min_uptime: milliseconds.
    :param restart_delay: milliseconds.
    """

    script: str
    interpreter: str = "node"
    node_args: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    exec_mode: str = "fork"
    loader: str = ""
    env: frozenset[str] = frozenset()
    env_file: str = ""
    env_on: frozenset[str] = frozenset()
    name: str = ""
    max_restarts: int = 0
    min_uptime: int = 0
    restart_delay: int = 0

    @property
    def node(self) -> bool:
        """Whether Node.js runs the script."""
        return posixpath.basename(self.interpreter) in ("node", "nodejs")

    @property
    def plain(self) -> bool:
        """Whether Node.js or tsx reads the source itself, and no other loader that we do not know."""
        preloads = (arg.rpartition("=")[2] for arg in self.node_args)
        return self.node and not any(_is_of(preload, name) for preload in preloads for name in _TRANSFORMERS)

    @property
    def typescript(self) -> bool:
        return self.script.endswith(TYPESCRIPT)

    @property
    def conditions(self) -> frozenset[str]:
        """Extra conditions for ``exports`` and ``imports``."""
        pairs = zip(self.node_args, (*self.node_args[1:], ""))
        named = {after for flag, after in pairs if flag in ("-C", "--conditions")}
        prefix = "--conditions="
        return frozenset(named | {flag[len(prefix) :] for flag in self.node_args if flag.startswith(prefix)})


def entry_of(raw: Mapping[str, Any], *, root: str) -> Entry:
    """The typed form of the option ``entry``; an absolute script below ``current`` is one of the release."""
    script = str(raw.get("script") or "")
    current = f"{root}/current/"
    if script.startswith(current):
        script = script[len(current) :]
    elif script and not script.startswith("/"):
        # A script outside is written from the release, whose name we need not know.
        inside = posixpath.normpath(script)
        script = posixpath.normpath(f"{root}/releases/id/{inside}") if inside.startswith("../") else inside
    return Entry(
        script=script,
        interpreter=str(raw.get("interpreter") or "node"),
        node_args=tuple(map(str, raw.get("node_args") or ())),
        args=tuple(map(str, raw.get("args") or ())),
        exec_mode=str(raw.get("exec_mode") or "fork"),
        loader=str(raw.get("loader") or ""),
        env=frozenset(map(str, raw.get("env") or ())),
        env_file=str(raw.get("env_file") or ""),
        env_on=frozenset(map(str, raw.get("env_on") or ())),
        name=str(raw.get("name") or ""),
        **{key: int(raw.get(key) or 0) for key in ("max_restarts", "min_uptime", "restart_delay")},
    )


@dataclass(frozen=True)
class Program:
    """An installed program: its version, or why there is none."""

    version: str = ""
    error: str = ""


@dataclass(frozen=True)
class EnvFile:
    """A file of environment variables on the host: the names in it, never the values.

    :param keys: ``None`` where the file cannot be read.
    """

    path: str
    mode: int
    uid: int
    keys: frozenset[str] | None = None


@dataclass(frozen=True)
class Holder:
    """Who holds a slot's address: ``who`` is empty where nobody does who is not ours.

    :param process: what PM2 calls the process in the slot.
    :param namesake: the directory from which PM2 runs another app under that name; empty where it runs none.
    """

    slot: str
    address: str
    who: str = ""
    process: str = ""
    namesake: str = ""


@dataclass(frozen=True)
class Host:
    """Facts of the host, read once before the rules run.

    :param uid: of the connecting user.
    :param root_uid: owner of the app's root; ``None`` where it is still to be made.
    :param writable: whether the root, or the directory it is to be made in, may be written to.
    :param where: the existing directory that ``writable`` and the figures below are about.
    :param free_bytes: for this user.
    :param free_inodes: ``None`` on file systems that do not count them.
    :param sockets: paths of all unix sockets of the deploy.
    :param env_file: ``None`` where none is named or it does not exist.
    :param env_keys: names set by other files the app may read, ``.env`` in ``shared/``.
    :param env_on: names that any of these files gives a value that says yes.
    :param shared_missing: entries of ``shared_files`` that do not exist.
    :param programs: of the wanted programs those that are on the path or exist.
    :param syntax: what ``node --check`` of the entry left; ``None`` where it does not apply.
    :param machine: as the kernel calls it.
    :param libc: ``glibc`` or ``musl``.
    :param live_bytes: of the live release as it was shipped; 0 where nothing is live.
    """

    uid: int = 0
    root_uid: int | None = None
    writable: bool = True
    where: str = "/"
    free_bytes: int = 1 << 50
    free_inodes: int | None = None
    node: Program = Program("24.0.0")
    pm2: Program = Program("7.0.4")
    daemon: str | None = None
    holders: tuple[Holder, ...] = ()
    sockets: tuple[str, ...] = ()
    env_file: EnvFile | None = None
    env_keys: frozenset[str] = frozenset()
    env_on: frozenset[str] = frozenset()
    shared_missing: tuple[str, ...] = ()
    programs: frozenset[str] = frozenset()
    syntax: Output | None = None
    machine: str = "x86_64"
    libc: str = "glibc"
    live_bytes: int = 0


@dataclass(frozen=True)
class Subject:
    """Everything a rule may look at.

    :param slots: the places that the release may run in.
    :param health_path: what the gate asks for; empty where that is not known.
    :param ecosystems: the ecosystem files in the release, evaluated.
    """

    tree: Tree
    entry: Entry
    host: Host = field(default_factory=Host)
    root: Path = Path("/var/www/app")
    slots: tuple[Slot, ...] = ()
    health_path: str = ""
    ecosystems: tuple[EcosystemFile, ...] = ()
    env_file: str = ""
    shared_files: tuple[str, ...] = ()
    install_args: tuple[str, ...] = ()
    node_minimum: str = "20.6.0"
    pm2_minimum: str = "5.0.0"
    disk_minimum: int = 200 << 20

    @property
    def names(self) -> tuple[str, ...]:
        """What PM2 may call the app: by its own name, or by that of one of its slots; empty where that is unknown."""
        processes = [slot.process for slot in self.slots] or ([self.entry.name] if self.entry.name else [])
        ends = [f"-{slot.name}" for slot in self.slots]
        apps = [process[: -len(end)] for process, end in zip(processes, ends) if process.endswith(end)]
        return tuple(dict.fromkeys([*apps, *processes]))

    @property
    def variables(self) -> frozenset[str]:
        """Names of all variables that the app is given: by the ecosystem file, its env file, shared files."""
        file = self.host.env_file.keys if self.host.env_file else None
        return self.entry.env | self.host.env_keys | (file or frozenset())


def _is_of(preload: str, package: str) -> bool:
    """Whether a preload is ``package`` or a file of it."""
    return preload.rpartition("/node_modules/")[2].startswith((package + "/", package + "-")) or preload == package
