# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one place that writes files: same-directory temporary, fsync, rename, fsync of the directory."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any


def sync_directory(path: Path) -> None:
    """Make the names in ``path`` survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace ``path`` by ``text``; a reader sees the old content or the new, never a part."""
    temporary = _temporary_beside(path)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_directory(path.parent)


def link_atomic(path: Path, target: str) -> None:
    """Make ``path`` a symlink to ``target`` by one rename(2), whatever it was before."""
    temporary = _temporary_beside(path)
    os.symlink(target, temporary)
    try:
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_directory(path.parent)


def append_line(path: Path, line: str, *, mode: int = 0o644) -> None:
    """Append one line, durably, in a single write(2).

    A line that a power loss cut short is ended first, so that it spoils nothing but itself.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, mode)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (("\n" if torn else "") + line + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> Any | None:
    """The content of a JSON file, or ``None`` where there is none or it cannot be parsed."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def read_link(path: Path) -> str | None:
    """Where a symlink points, as written; ``None`` where ``path`` is no symlink."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def owner_of(path: Path) -> str:
    """The name of the user to whom a file belongs; ``''`` where it cannot be seen, or the user has no name."""
    try:
        return path.owner()
    except (OSError, KeyError):
        return ""


def is_leftover(name: str) -> bool:
    """Whether ``name`` is one that only a killed run leaves: half-written (``new~``) or half-deleted (``gone~``)."""
    return name.startswith(".") and name.endswith((".new~", ".gone~"))


def _temporary_beside(path: Path) -> Path:
    return path.parent / f".{path.name}.{secrets.token_hex(6)}.new~"
