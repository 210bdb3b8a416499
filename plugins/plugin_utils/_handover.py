# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An artifact as one job of a pipeline hands it to the next: under constant names, with its checksum and provenance."""

from __future__ import annotations

import shutil
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import write_atomic

ARCHIVE = "artifact.tar.gz"
CHECKSUM = f"{ARCHIVE}.sha256"  # as sha256sum writes and checks it
PROVENANCE = "provenance.json"


def hand_over(archive: Path, directory: Path, *, sha256: str, provenance: str) -> Path:
    """Put all three into ``directory``, replacing what an earlier build left; where the archive is then.

    :param provenance: the text of the file.
    """
    target = directory / ARCHIVE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # Whoever reads while this writes finds at worst an archive that does not fit its checksum, and is refused.
        shutil.copyfile(archive, target)
        write_atomic(directory / CHECKSUM, f"{sha256}  {ARCHIVE}\n")
        write_atomic(directory / PROVENANCE, provenance)
    except OSError as error:
        raise DeployError(
            "The artifact cannot be handed over.",
            expected="a directory that can be written, on a disk with room",
            seen=error.strerror or str(error),
            where=str(error.filename or directory),
            remedy="Check bluegreen_output.",
        ) from error
    return target
