# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Staging: from an archive to a sealed release on disk. Nothing that runs is touched."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _app,
    _archive,
    _dependencies,
    _ledger,
    _manifest,
    _meant,
    _shared,
    _state,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, ReleaseTree

# Node refuses to listen on the path of a socket that a killed predecessor left. The slot is this process's alone; its
# workers and forked children inherit the preload and must not remove the socket under it.
SOCKET_PRELOAD = """\
'use strict';
// Managed by nodeops.pm2: removes the socket a killed predecessor left behind, so that listen() does not fail.
const { env, pid } = process;
if (require('node:worker_threads').isMainThread && env.PORT && !env.BLUEGREEN_SOCKET_OWNER) {
  env.BLUEGREEN_SOCKET_OWNER = String(pid);
  require('node:fs').rmSync(env.PORT, { force: true });
}
"""

_PRELOAD = re.compile(r"[A-Za-z0-9-]+\.mjs")


@dataclass(frozen=True)
class Order:
    """What is to be staged.

    :param archive: the artifact on this host.
    :param sha256: of the archive, computed once on the controller.
    :param ecosystems: text of the ecosystem file by slot name.
    :param record: how it is run and proved, see :func:`_app.record`.
    :param shared_dirs: directories, relative to the release, that live in ``shared/``.
    :param shared_files: files, relative to the release, that live in ``shared/``.
    :param install: whether node_modules comes from the lockfile; else the archive ships it.
    :param install_args: for the package manager.
    :param node: the node program.
    :param check_skip: rules that were skipped for it; recorded.
    :param preloads: text by name of files that node_args load from ``.release/``.
    """

    release: str
    revision: str
    archive: Path
    sha256: str
    ecosystems: Mapping[str, str]
    record: str
    shared_dirs: Sequence[str]
    shared_files: Sequence[str]
    install: bool
    install_args: Sequence[str]
    install_timeout: float
    node: str
    check_skip: Sequence[str]
    by: str
    preloads: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Staged:
    """What came of it; ``sentence`` is for people."""

    changed: bool
    sentence: str
    dependencies: str = ""


def plan(layout: Layout, order: Order) -> Staged:
    """What staging would do; raises where the id is taken by something else. Reads only."""
    _shared.refuse_outside([*order.shared_dirs, *order.shared_files])
    _refuse_no_name(order.preloads)
    tree = layout.release(order.release)
    manifest = _manifest.read(tree)
    if manifest is None:
        return Staged(True, f"stages {order.release}")
    if manifest.artifact_sha256 != order.sha256:
        raise DeployError(
            "A release of this id exists and is another build.",
            expected=f"artifact {manifest.artifact_sha256[:12]}",
            seen=f"artifact {order.sha256[:12]}",
            where=str(tree.path),
            remedy="Deploy it under another bluegreen_release; an existing release is never merged into.",
        )
    changed = _manifest.differences(manifest.files, _manifest.fingerprints(tree, manifest.files))
    if changed:
        raise DeployError(
            "The release on disk is no longer what was shipped.",
            expected="every file as its manifest has it",
            seen="; ".join(changed[:10]) + (f" and {len(changed) - 10} more" if len(changed) > 10 else ""),
            where=str(tree.path),
            remedy="Deploy it under another bluegreen_release.",
        )
    as_run = all(_text(tree.ecosystem_for(slot)) == text for slot, text in order.ecosystems.items())
    if as_run and _text(tree.app) == order.record:
        return Staged(False, f"{order.release} is staged", manifest.dependencies)
    if not as_run and _state.live_release(layout) == order.release:
        raise DeployError(
            "This release is live with other settings; its process is not changed under it.",
            expected=f"the ecosystem files in {tree.private}",
            seen="an ecosystem rendered from today's options that differs",
            remedy="Deploy under another bluegreen_release: a change of settings is a deploy like any other.",
        )
    return Staged(True, f"renders {order.release} anew", manifest.dependencies)


def stage(layout: Layout, order: Order) -> Staged:
    """Carry it out. Can be killed anywhere: the manifest is written last, and recovery removes what has none."""
    planned = plan(layout, order)
    if not planned.changed:
        return planned
    for directory in (layout.releases, layout.shared, layout.deps, layout.root / "logs"):
        directory.mkdir(exist_ok=True)
    tree = layout.release(order.release)
    manifest = _manifest.read(tree)
    if manifest is None:
        return _fill(layout, tree, order)
    _render(tree, order)
    # To stage it again with another health question is no news.
    if _ledger.contents(_ledger.read(layout.ledger)).get(manifest.id) != _content(manifest, order):
        _record(layout, manifest, order)
    return planned


def _fill(layout: Layout, tree: ReleaseTree, order: Order) -> Staged:
    _make(tree)
    files = _archive.extract(order.archive, tree.path)
    shared = _shared.link(layout, tree, directories=order.shared_dirs, files=order.shared_files)
    key = _install(layout, tree, order)
    write_atomic(tree.revision, order.revision + "\n")
    _render(tree, order)
    not_shipped = (*_shared.WRITTEN, *shared)
    shipped = {path: digest for path, digest in files.items() if not _shared.is_below(path, not_shipped)}
    at = _ledger.now()
    manifest = _manifest.Manifest(order.release, order.revision, order.sha256, shipped, key, shared, order.by, at)
    _manifest.write(tree, manifest)
    _record(layout, manifest, order)
    return Staged(True, f"staged {order.release}", key)


def _make(tree: ReleaseTree) -> None:
    try:
        tree.path.mkdir()
    except FileExistsError:
        raise DeployError(
            "The release directory exists, and no stage of it ever ended.",
            expected="no such directory",
            seen="a directory without a manifest",
            where=str(tree.path),
            remedy="Run again: recovery removes it. If it stays, look who made it.",
        ) from None
    tree.private.mkdir()


def _install(layout: Layout, tree: ReleaseTree, order: Order) -> str:
    """Key of the store entry that node_modules came from, ``''`` where the archive ships it or there is none."""
    if not order.install:
        return ""
    arguments, timeout = list(order.install_args), order.install_timeout
    installed = _dependencies.install(tree.path, layout.deps, node=order.node, install_args=arguments, timeout=timeout)
    return installed.key


def _refuse_no_name(preloads: Iterable[str]) -> None:
    """Refuse what would not lie beside our own files, or would take the place of one."""
    for name in preloads:
        if not _PRELOAD.fullmatch(name):
            raise DeployError(
                "This cannot be the name of a preload.",
                expected="letters, digits and hyphens with the ending .mjs",
                seen=repr(name),
                remedy="Correct it in preloads.",
            )


def _record(layout: Layout, manifest: _manifest.Manifest, order: Order) -> None:
    detail: dict[str, Any] = {
        "revision": manifest.revision,
        "artifact_sha256": manifest.artifact_sha256,
        "content": _content(manifest, order),
    }
    if order.check_skip:
        detail["check_skip"] = list(order.check_skip)
    _ledger.append(layout.ledger, _ledger.Entry(_ledger.now(), "staged", manifest.id, by=order.by, detail=detail))


def _content(manifest: _manifest.Manifest, order: Order) -> str:
    """A hash of what runs: files, dependencies and settings, of which the release's own id is no part."""
    own = re.compile(rf"(?<![\w.-]){re.escape(order.release)}(?![\w.-])")
    settings = {slot: own.sub("", text) for slot, text in order.ecosystems.items()}
    made_of = json.dumps([manifest.files, manifest.dependencies, settings], sort_keys=True)
    return hashlib.sha256(made_of.encode()).hexdigest()


def _render(tree: ReleaseTree, order: Order) -> None:
    ecosystems = {tree.ecosystem_for(slot): text for slot, text in order.ecosystems.items()}
    preloads = {tree.private / name: text for name, text in {"socket.cjs": SOCKET_PRELOAD, **order.preloads}.items()}
    written = {**ecosystems, **preloads}
    for path, text in written.items():
        write_atomic(path, text)
    _app.write(tree, order.record)
    texts = {str(path.relative_to(tree.path)): text for path, text in written.items()}
    _meant.write(tree, texts, ecosystems=list(ecosystems), node=order.node)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
