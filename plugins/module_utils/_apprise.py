# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Anything that apprise reaches, where the host has it: one address, by apprise's own program."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import (
    CRITICAL,
    DELIVERED,
    FAILED,
    INFO,
    UNKNOWN,
    WARNING,
    Message,
    Receipt,
    with_remarks,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._command import SYSTEM_PATH, minimal_environment, run
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._log import clean
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret

_TYPES = {INFO: "info", WARNING: "warning", CRITICAL: "failure"}
_LIMIT = 4000


@dataclass(frozen=True)
class Apprise:
    """One of apprise's addresses. Each has its own fate: what one has taken is not sent to it again for another's sake.

    :param number: counts the addresses, from 1; an address is a secret, so that it cannot be the name.
    :param command: how apprise is run, see :func:`find_apprise`.
    """

    url: Secret
    number: int
    command: tuple[str, ...]
    is_sms: bool = False

    @property
    def name(self) -> str:
        """Its place among the addresses."""
        return f"apprise {self.number}"

    def send(self, message: Message, *, remarks: Sequence[str] = (), timeout: float) -> Receipt:
        """Try once. The address goes through memory that only the program is given: not argv, not a file."""
        title, _end, text = message.text.partition("\n")
        options = ["--input-format", "text", "--notification-type", _TYPES[message.severity], "--title", title]
        body = with_remarks(text or title, remarks, limit=_LIMIT)
        began = time.monotonic()
        try:
            with _in_memory(self.url) as (descriptor, path):
                argv = [*self.command, "--config", f"file://{path}?format=text", *options]
                output = run(argv, env=minimal_environment(), timeout=timeout, stdin=body, pass_fds=[descriptor])
        except DeployError as error:
            fate = UNKNOWN if time.monotonic() - began >= timeout else FAILED
            return Receipt(fate, f"apprise: {error.seen}")
        if output.code == 0:
            return Receipt(DELIVERED)
        # What it says may quote the address.
        said = clean(output.tail(1), limit=150, secrets=[self.url.reveal(), self.url.reveal().partition("://")[2]])
        return Receipt(FAILED, f"apprise could not deliver it{f': {said}' if said else ''}")


def find_apprise(program: str = "") -> tuple[str, ...]:
    """How to run apprise: the program of that name or path, else the package beside this Python.

    :raises DeployError: when neither is there.
    """
    found = shutil.which(program or "apprise", path=f"{os.path.dirname(sys.executable)}:{SYSTEM_PATH}")
    if found:
        return (found,)
    if not program and importlib.util.find_spec("apprise"):
        return (sys.executable, "-c", "from apprise.cli import main; main()")
    raise DeployError(
        "There are addresses for apprise, but no apprise.",
        expected=f"{program or 'the program apprise, or the Python package of that name'}",
        seen=f"nothing in {SYSTEM_PATH}, and no package for {sys.executable}",
        remedy="Install it (apt install apprise, or pip install apprise), or leave guard_apprise_urls empty.",
    )


@contextlib.contextmanager
def _in_memory(secret: Secret) -> Iterator[tuple[int, str]]:
    descriptor = os.memfd_create("apprise")
    try:
        os.write(descriptor, f"{secret.reveal()}\n".encode())
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor, f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
