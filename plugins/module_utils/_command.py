# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one place that runs commands: argument lists, a fixed locale, a minimal environment, a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Output:
    """What a finished command left: exit code, standard output and standard error."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    def tail(self, lines: int = 20) -> str:
        """The last lines of standard error, or of standard output where that is empty."""
        text = self.stderr.strip() or self.stdout.strip()
        return "\n".join(text.splitlines()[-lines:])


def minimal_environment(*, first_in_path: Sequence[str | Path] = (), **more: str) -> dict[str, str]:
    """An environment that carries nothing of the caller but HOME and the certificates npm and Node need."""
    inherited = ("HOME", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")
    kept = {name: os.environ[name] for name in inherited if name in os.environ}
    path = ":".join([*map(str, first_in_path), SYSTEM_PATH])
    return {**kept, "PATH": path, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", **more}


def run(
    argv: Sequence[str],
    *,
    cwd: str | Path = "/",
    env: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    stdin: str | None = None,
    pass_fds: Sequence[int] = (),
) -> Output:
    """Run ``argv`` to its end and return what it left; the exit code is the caller's to judge.

    The command leads a process group of its own, which is killed as a whole when ``timeout`` seconds have passed.

    :param stdin: what it reads; it has no input without.
    :param pass_fds: descriptors that it gets beside the usual three: the way for what must not be seen in ``argv``.
    """
    try:
        # The guard runs this too, where there is no module whose run_command could be asked.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            list(argv),
            cwd=cwd,
            env=dict(env if env is not None else minimal_environment()),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=pass_fds,
        )
    except OSError as error:
        raise DeployError(
            f"Cannot run {argv[0]}.",
            expected="an executable that starts",
            seen=str(error),
            where=str(cwd),
            remedy="Write the program and each argument as a word of its own: [npm, ci] and not [npm ci]."
            if " " in argv[0]
            else "Check that it is installed and that whoever runs this may run it.",
        ) from error
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired as expired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        last = "\n".join((stderr or stdout).strip().splitlines()[-5:])
        raise DeployError(
            f"{' '.join(argv)} did not end in time.",
            expected=f"an end within {timeout:g} s",
            seen=last or "no output",
            where=str(cwd),
        ) from expired
    return Output(tuple(argv), process.returncode, stdout, stderr)
