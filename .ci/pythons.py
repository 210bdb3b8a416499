# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Find interpreters of other versions on this machine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

OLDEST_TARGET = "3.9"


def find_python(version: str) -> str | None:
    """The path of a Python ``version`` (``3.9``) that really starts, from the PATH or from pyenv; else ``None``."""
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    candidates = [shutil.which(f"python{version}"), *map(str, pyenv)]
    return next((path for path in candidates if path and _starts(path)), None)


def _starts(path: str) -> bool:
    # pyenv leaves a shim on the PATH for every version it has, and most of them refuse to run.
    return subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0
