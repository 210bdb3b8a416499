# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pack the wheel's Node.js as nodejs.org packs it: ``node_archive.py CHECKOUT`` makes ``.cache/node/node.tar.gz``.

Its digest lies beside it. Packed twice at the same time it is twice the same, so that scenarios need not wait.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import tarfile
from pathlib import Path


def main(checkout: Path) -> int:
    """Write the archive, then the digest, which says that it is complete."""
    node = (checkout / ".venv" / "node").resolve()
    archive = checkout / ".cache" / "node" / "node.tar.gz"
    archive.parent.mkdir(parents=True, exist_ok=True)
    half = archive.with_suffix(f".{os.getpid()}")
    with (
        half.open("wb") as stream,
        gzip.GzipFile("", "wb", 1, stream, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for part in ("bin", "lib"):
            tar.add(node / part, arcname=f"node/{part}")
    digest = hashlib.sha256(half.read_bytes()).hexdigest()
    half.replace(archive)
    archive.with_suffix(".gz.sha256").write_text(digest, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
