# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs JavaScript that nobody vouches for: bounded in time, memory, output and files, without children or network.

Node.js's permission model keeps it from files, processes, threads and addons; what that model leaves open (sockets,
signals) the text that is run closes itself before anything foreign is loaded. Limits of the kernel hold the rest.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._command import minimal_environment
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._semver import at_least

SECONDS = 5.0
MOST_OUTPUT = 256 * 1024  # bytes
_HEAP = 96  # MiB of JavaScript values
# Bytes of writable memory, buffers included. Node.js 24 reserves half of it before it does anything.
_DATA = 1 << 30
_NO_LONGER = "it did not end within {:g} s"
_TOO_MUCH = f"it printed more than {MOST_OUTPUT >> 10} KiB"

CLOSED = """
const deny = () => { throw new Error('not allowed here') };
const shut = (holder, ...names) => { for (const name of names) if (holder[name]) holder[name] = deny };
shut(process, 'kill', '_kill', '_debugProcess', 'abort');
const net = require('node:net');
shut(net.Socket.prototype, 'connect');
shut(net.Server.prototype, 'listen');
shut(require('node:dgram').Socket.prototype, 'bind', 'connect', 'send');
for (const dns of [require('node:dns'), require('node:dns/promises')]) {
  shut(dns, ...Object.keys(dns).filter((name) => /^(lookup|resolve|reverse|Resolver)/.test(name)));
}
"""


@dataclass(frozen=True)
class Ran:
    """What came of it: standard output, and why it was ended; empty where it ended by itself with code 0."""

    output: bytes
    why: str = ""


def permission_flag(version: str) -> str:
    """How this Node.js is told to ask for every right; empty where it has no permission model."""
    if at_least(version, "23.5.0") or (at_least(version, "22.13.0") and not at_least(version, "23.0.0")):
        return "--permission"
    return "--experimental-permission" if at_least(version, "20.0.0") else ""


def run(node: str, version: str, text: str, *arguments: str, readable: Path, seconds: float | None = None) -> Ran:
    """Have Node.js run ``text``, which may read what lies below ``readable`` and nothing else.

    Everything that it started is ended when this returns, after 5 s at most. Needs a Node.js with a permission model.
    """
    argv = [
        node,
        permission_flag(version),
        f"--allow-fs-read={readable}/",
        f"--max-old-space-size={_HEAP}",
        "--no-warnings",
        "--eval",
        CLOSED + text,
        *arguments,
    ]
    seconds = SECONDS if seconds is None else seconds
    environment = minimal_environment(HOME=str(readable), NODE_ENV="production")
    try:
        # What comes out is read as a stream and cut off, which a module's run_command cannot do.
        child = subprocess.Popen(  # pylint: disable=ansible-bad-function
            argv,
            cwd=readable,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise DeployError("Node.js does not start.", seen=str(error), where=node) from error
    with _ended(child):
        _limit(child.pid, seconds)
        return _read(child, seconds)


def _limit(pid: int, seconds: float) -> None:
    """Limits of the kernel, set while Node.js is still waking up."""
    limits = {
        resource.RLIMIT_DATA: _DATA,
        resource.RLIMIT_CPU: int(seconds) + 5,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        with contextlib.suppress(OSError, ValueError):  # it has ended already, or the limit is lower than that
            resource.prlimit(pid, kind, (most, most))


def _read(child: subprocess.Popen[bytes], seconds: float) -> Ran:
    deadline = time.monotonic() + seconds
    found = bytearray()
    stream = child.stdout
    with selectors.DefaultSelector() as waiting:
        waiting.register(stream, selectors.EVENT_READ)  # type: ignore[arg-type]
        while len(found) <= MOST_OUTPUT:
            if not waiting.select(max(deadline - time.monotonic(), 0)):
                return Ran(bytes(found), _NO_LONGER.format(seconds))
            piece = os.read(stream.fileno(), 1 << 16)  # type: ignore[union-attr]
            if not piece:
                break
            found += piece
    if len(found) > MOST_OUTPUT:
        return Ran(b"", _TOO_MUCH)
    try:
        code = child.wait(max(deadline - time.monotonic(), 0.01))
    except subprocess.TimeoutExpired:
        return Ran(bytes(found), _NO_LONGER.format(seconds))
    # Node.js is killed, or ends itself by a signal, when it gets no more memory.
    return Ran(bytes(found), "" if code == 0 else "it took too much memory or time" if code < 0 else "it failed")


@contextlib.contextmanager
def _ended(child: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdout:
            child.stdout.close()
