# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Unpack an artifact that nobody vouches for: what a release must not hold is refused by name, never repaired."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _unpack
from ansible_collections.nodeops.pm2.plugins.module_utils._members import CHUNK, Member
from ansible_collections.nodeops.pm2.plugins.module_utils._unpack import MAX_BYTES, MAX_FILES


def extract(
    archive: Path, destination: Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES
) -> dict[str, str]:
    """Unpack ``archive`` into ``destination``, a directory that is the caller's alone and empty but for
    ``.release/``.

    Returns the sha256 (hex) of every regular file by its path relative to ``destination``, and ``link:<target>`` for
    every symlink. Files get mode 0644, or 0755 where their owner may execute them; directories 0755.

    Where everything lies below one top directory that holds the ``package.json`` (``npm pack``, source archives of
    hosting sites), that directory is taken away. A top-level ``package.json`` means that nothing is.

    Raises :class:`DeployError` on a damaged archive, on more than ``max_bytes`` (default 2 GiB, a tar's own headers
    included) or ``max_files`` members (default 200,000), and on any member that :func:`_unpack.clean_name` or
    :func:`_unpack.check_link` refuses, that is no file, directory or link, has a special mode bit, appears twice, or
    would be written through a link. What was unpacked by then is the caller's to remove.
    """
    tree = _OnDisk(destination)
    with _unpack.explained(archive):
        top = _unpack.unpack(archive, tree, max_bytes=max_bytes, max_files=max_files)
        return _without_wrapper(archive, tree, top) if top else tree.content


class _OnDisk(_unpack.Unpacking):
    """Puts everything below a directory, and keeps the contents by path."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        self.content: dict[str, str] = {}

    def directory(self, name: str) -> None:
        os.mkdir(self._path(name))
        os.chmod(self._path(name), 0o755)  # whatever the umask says

    def symlink(self, name: str, target: str) -> None:
        os.symlink(target, self._path(name))
        self.content[name] = f"link:{target}"

    def hard_link(self, name: str, source: str) -> None:
        os.link(self._path(source), self._path(name))
        self.content[name] = self.content[source]

    def file(self, name: str, member: Member) -> None:
        digest = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with member.open() as source, open(os.open(self._path(name), flags, 0o600), "wb") as sink:
            for chunk in iter(lambda: source.read(CHUNK), b""):
                digest.update(chunk)
                sink.write(chunk)
            os.fchmod(sink.fileno(), 0o755 if member.mode & 0o100 else 0o644)
        self.content[name] = digest.hexdigest()

    def _path(self, name: str) -> str:
        return os.path.join(self.root, name)


def _without_wrapper(archive: Path, tree: _OnDisk, top: str) -> dict[str, str]:
    content = {path[len(top) + 1 :]: value for path, value in tree.content.items()}
    for path, value in content.items():
        _unpack.judge_moved(archive, top, path, value[len("link:") :] if value.startswith("link:") else "")
    aside = tree.root / f".{secrets.token_hex(6)}"  # the directory may hold one of its own name
    os.rename(tree.root / top, aside)
    for child in os.listdir(aside):
        os.rename(aside / child, tree.root / child)
    os.rmdir(aside)
    return content
