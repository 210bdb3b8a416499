# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets come from files that nobody else may read; they show themselves to nobody who does not ask on purpose."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

_LONGEST = 64 * 1024


class Secret:
    """A text that is not shown when its owner is, in a log line, an error or a debugger's list."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not written anywhere.")

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


NONE = Secret("")


def credential_path(name: str, environment: Mapping[str, str]) -> Path:
    """Where a credential lies: as it says, where it is a path, else in the directory that systemd made for the service.

    :raises DeployError: when there is no such directory.
    """
    if "/" in name:
        return Path(name)
    directory = environment.get("CREDENTIALS_DIRECTORY")
    if not directory:
        raise DeployError(
            f"The credential {name} is to come from systemd, which gives none.",
            expected="CREDENTIALS_DIRECTORY, as LoadCredential= sets it",
            seen="no such variable",
            remedy="Start it as the service that the guard role installs, or name a file by its path.",
        )
    return Path(directory, name)


def read_secret(name: str, environment: Mapping[str, str]) -> Secret:
    """The one line of a credential, see :func:`credential_path`; the end of that line does not count.

    :raises DeployError: where it is missing, empty, longer than one line, or open to others.
    """
    [*lines] = read_secrets(name, environment)
    if len(lines) != 1:
        raise _refusal(credential_path(name, environment), "one line", f"{len(lines)} lines", "Leave only the secret.")
    return lines[0]


def read_secrets(name: str, environment: Mapping[str, str]) -> list[Secret]:
    """The lines of a credential; blank ones and comments (``#``) do not count.

    :raises DeployError: where it is missing, empty, or open to others.
    """
    path = credential_path(name, environment)
    # systemd may let its service read by an access list, whose mask looks like a right of the group.
    others = stat.S_IRWXO if "/" not in name else stat.S_IRWXO | stat.S_IRWXG
    try:
        descriptor = os.open(path, os.O_RDONLY)
        with os.fdopen(descriptor, encoding="utf-8") as stream:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            text = stream.read(_LONGEST)
    except (OSError, ValueError) as error:
        # An error in decoding quotes what it could not decode.
        seen = error.strerror or "" if isinstance(error, OSError) else "no UTF-8 text"
        raise _refusal(path, "a file that this user may read", seen, "Put the secret there, with mode 0400.") from None
    if mode & others:
        remedy = f"chmod 0400 {path}, and think about changing the secret."
        raise _refusal(path, "mode 0400 or 0600", f"mode {mode:04o}", remedy)
    lines = [line.strip() for line in text.splitlines()]
    found = [Secret(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise _refusal(path, "a secret", "an empty file", "Write the secret into it.")
    return found


def _refusal(path: Path, expected: str, seen: str, remedy: str) -> DeployError:
    return DeployError("A credential cannot be used.", expected=expected, seen=seen, where=str(path), remedy=remedy)
