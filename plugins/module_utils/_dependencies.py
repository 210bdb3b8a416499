# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The dependency store: what one lockfile needs is installed once, and every release with that lockfile links to it.

Lifecycle scripts of the release itself and of its workspaces do not run here, because they expect its sources: what
they do belongs into an ``after_stage`` hook. Those of dependencies do run. An exception is patch-package, usually
called by such a script, because its patches are part of what is installed.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _command, _inputs, _linkfarm, _lockfile
from ansible_collections.nodeops.pm2.plugins.module_utils import _package_manager as _manager
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic

COMPLETE = ".complete"


@dataclass(frozen=True)
class Installed:
    """How a release came to its dependencies.

    :param key: the entry in the store; empty where ``skipped``.
    :param reused: whether the entry was there already.
    :param seconds: that all of it took.
    :param files: regular files in ``node_modules``.
    :param skipped: the release has no dependencies.
    """

    key: str
    reused: bool
    seconds: float
    files: int
    skipped: bool


def install(release: Path, deps: Path, *, node: str, install_args: Sequence[str], timeout: float) -> Installed:
    """Give ``release`` its ``node_modules``, through the store ``deps``.

    :param node: the program; its version and platform are part of the key.
    :param install_args: added to the package manager's, and part of the key (``--omit=dev``).
    :param timeout: seconds that the package manager may take.

    Raises :class:`DeployError` where dependencies have no lockfile, where node_modules was shipped as well, or where
    the package manager is missing or fails. The store never holds an unfinished entry; the release may hold an
    unfinished ``node_modules`` when this is killed.
    """
    begun = time.monotonic()
    lockfile = _lockfile.find(release)
    if lockfile is None:
        _refuse_unlocked(release)
        return Installed("", False, time.monotonic() - begun, 0, True)
    _linkfarm.require_room(release)
    found = _manager.locate(node)
    runtime = _manager.runtime(found)
    files = _inputs.collect(release, lockfile)
    key = _lockfile.store_key(files=files, manager=lockfile.manager, runtime=runtime, install_args=install_args)
    entry = deps / key
    reused = is_complete(entry)
    if not reused:
        argv = _manager.command(lockfile, found, install_args, tree=release)
        _fill(entry, files, _Installer(argv, found, timeout, release), facts={"key": key, **asdict(runtime)})
    count = _linkfarm.link(entry, release)
    return Installed(key, reused, time.monotonic() - begun, count, False)


def is_complete(entry: Path) -> bool:
    """Whether an entry was installed to its end, and under this name."""
    facts = read_json(entry / COMPLETE)
    return isinstance(facts, dict) and facts.get("key") == entry.name


def _refuse_unlocked(release: Path) -> None:
    if not _lockfile.has_dependencies(_lockfile.read_manifest(release / "package.json")):
        return
    raise DeployError(
        "The release has dependencies and no lockfile.",
        expected=" or ".join(_lockfile.NAMES),
        seen="none",
        where=str(release),
        remedy="Commit the lockfile, or ship node_modules in the artifact: bluegreen_dependencies: shipped.",
    )


@dataclass(frozen=True)
class _Installer:
    argv: list[str]
    node: _manager.Node
    timeout: float
    release: Path

    def install_in(self, tree: Path) -> None:
        self._run(self.argv, tree)
        patcher = tree / "node_modules/patch-package/index.js"
        if patcher.is_file() and (tree / "patches").is_dir():
            self._run([str(self.node.program), str(patcher)], tree)

    def _run(self, argv: list[str], tree: Path) -> None:
        output = _command.run(argv, cwd=tree, env=self.node.environment(), timeout=self.timeout)
        if output.code:
            raise DeployError(
                "The dependencies cannot be installed.",
                expected=f"exit code 0 of {' '.join(argv)}",
                seen=f"exit code {output.code}\n{_manager.excerpt(output.stdout, output.stderr)}",
                where=str(self.release),
                remedy="Run the same where the lockfile was made, and see that it is committed with package.json.",
            )


def _fill(entry: Path, files: Mapping[str, bytes], installer: _Installer, *, facts: Mapping[str, Any]) -> None:
    begun = time.monotonic()
    entry.parent.mkdir(parents=True, exist_ok=True)
    making = entry.parent / f".{entry.name}.{secrets.token_hex(6)}.new~"
    making.mkdir(mode=0o755)
    try:
        for path, content in files.items():
            (making / path).parent.mkdir(parents=True, exist_ok=True)
            (making / path).write_bytes(content)
        installer.install_in(making)
        count = _protect(making)
        os.sync()  # a power loss must not leave empty files behind a durable mark
        spent = round(time.monotonic() - begun, 1)
        write_atomic(making / COMPLETE, json.dumps({**facts, "seconds": spent, "files": count}) + "\n")
        _settle(making, entry)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _protect(entry: Path) -> int:
    """Take write permission from every installed file, and count them.

    Releases share them by hard links: whatever writes into one in place would write into all of them.
    """
    count = 0
    for root in _linkfarm.roots(entry):
        for directory, _below, names in os.walk(root):
            for name in names:
                path = os.path.join(directory, name)
                mode = os.lstat(path).st_mode
                if stat.S_ISREG(mode):
                    os.chmod(path, stat.S_IMODE(mode) & ~0o222)
                    count += 1
    return count


def _settle(making: Path, entry: Path) -> None:
    """Rename into place. Another deploy may have been faster: then its entry is as good."""
    if entry.exists() and not is_complete(entry):
        aside = making.with_name(f".{entry.name}.{secrets.token_hex(6)}.new~")
        os.rename(entry, aside)
        shutil.rmtree(aside, ignore_errors=True)
    try:
        os.rename(making, entry)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
