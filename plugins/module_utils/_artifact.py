# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The artifact on the controller: a given archive, or the tracked files of one commit, exported clean and built."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._command import Output, run
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._manifest import sha256

KEPT = 3  # archives of earlier deploys that stay in the controller's cache


@dataclass(frozen=True)
class Artifact:
    """One archive for all hosts.

    :param checksum: sha256, hex.
    :param revision: full commit, ``''`` for a given archive of which it is not known.
    :param release: the id given, else UTC time plus the short commit or checksum.
    :param uncommitted: whether the checkout holds changes that are not in the commit and so do not travel.
    """

    path: Path
    checksum: str
    revision: str
    release: str
    uncommitted: bool = False


def given(archive: Path, *, checksum: str, release: str, now: datetime, revision: str = "") -> Artifact:
    """Take an archive as it is; see :func:`verified`.

    :param revision: full commit, where it is known.
    """
    found = verified(archive, checksum)
    return Artifact(archive, found, revision, release or release_name(now, revision or found))


def verified(archive: Path, checksum: str) -> str:
    """The sha256 of an archive.

    :param checksum: what it has to be, hex, any case; empty: whatever it is.
    :raises DeployError: when it cannot be read or is another one than was meant.
    """
    try:
        found = sha256(archive)
    except OSError as error:
        raise DeployError(
            "The artifact cannot be read.",
            expected="a readable tar.gz, tar.zst, tar or zip on the controller",
            seen=error.strerror or str(error),
            where=str(archive),
            remedy="Check bluegreen_artifact, or build the artifact first.",
        ) from error
    if checksum and found != checksum.strip().lower():
        raise DeployError(
            "The artifact is not the one that was meant.",
            expected=f"sha256 {checksum.strip().lower()}",
            seen=f"sha256 {found}",
            where=str(archive),
            remedy="Take the artifact and bluegreen_artifact_sha256 from the same build; it may have been cut short.",
        )
    return found


def built(
    source: Path, version: str, *, build: Sequence[Sequence[str]], directory: Path, release: str, now: datetime
) -> Artifact:
    """Export one commit of a checkout, build it in that clean export, and pack it.

    :param build: commands (argument lists) run in the export, with the caller's environment.
    :param directory: cache on the controller; earlier archives beyond a few are removed.
    """
    commit = _git(source, "rev-parse", "--verify", f"{version}^{{commit}}").stdout.strip()
    moment = int(_git(source, "log", "-1", "--format=%ct", commit).stdout)
    dirty = bool(_git(source, "status", "--porcelain", "--", ".").stdout.strip())
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="export-", dir=directory) as scratch:
        export = Path(scratch, "export")
        export.mkdir()
        tar = Path(scratch, "export.tar")
        # In a directory of a checkout git archives that directory alone.
        _git(source, "archive", "--format=tar", f"--output={tar}", commit)
        _done(
            run(["tar", "-xf", str(tar), "-C", str(export)], env=os.environ, timeout=600), "Cannot unpack the export."
        )
        for command in build:
            _done(run(command, cwd=export, env=os.environ, timeout=3600), f"The build failed: {' '.join(command)}")
        packed = Path(scratch, "artifact.tar.gz")
        pack(export, packed, moment=moment)
        checksum = sha256(packed)
        path = cached(directory, commit, checksum)
        os.replace(packed, path)
    _forget_older(directory)
    return Artifact(path, checksum, commit, release or release_name(now, commit), dirty)


def cached(directory: Path, origin: str, checksum: str) -> Path:
    """Where an archive of that origin and content lies in the controller's cache."""
    return directory / f"artifact-{origin[:12]}-{checksum[:12].lower()}"


def pack(tree: Path, archive: Path, *, moment: int) -> None:
    """Pack a tree so that the same content gives the same bytes: sorted, owned by nobody, all of one ``moment``."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = moment
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(tree.rglob("*")):
            tar.add(path, arcname=str(path.relative_to(tree)), recursive=False, filter=plain)


def release_name(now: datetime, revision: str) -> str:
    """Time plus short revision, such as ``20261123T101500-abc1234``; UTC, so that ids sort as they were made."""
    return f"{now.astimezone(timezone.utc):%Y%m%dT%H%M%S}-{revision[:7]}"


def _git(source: Path, *arguments: str) -> Output:
    output = run(["git", "-C", str(source), *arguments], env={**os.environ, "LC_ALL": "C"}, timeout=300)
    return _done(output, "git cannot give the commit that is to be deployed.", where=str(source))


def _done(output: Output, what: str, *, where: str = "") -> Output:
    if output.code != 0:
        raise DeployError(
            what,
            expected="exit code 0",
            seen=f"exit code {output.code}\n{output.tail()}",
            where=where or " ".join(output.argv),
            remedy="Check bluegreen_source, bluegreen_version and bluegreen_build.",
        )
    return output


def _forget_older(directory: Path) -> None:
    for path in sorted(directory.glob("artifact-*"), key=lambda one: one.stat().st_mtime)[:-KEPT]:
        path.unlink(missing_ok=True)
    for path in directory.glob("export-*"):
        if path.stat().st_mtime < time.time() - 86400:
            shutil.rmtree(path, ignore_errors=True)
