# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run the unit tests of the target-side code under the oldest Python a host may have, where that can be found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pythons import OLDEST_TARGET, find_python

CACHE = Path(".cache/oldest_python")
# Target-side code is standard library only, so all that its tests need is pytest; ansible-core itself no longer runs
# here, and what imports it (modules, action and callback plugins) is covered by ansible-test's import test.
TESTS = "tests/unit/plugins/module_utils"


def main() -> int:
    """0 when everything passed or the interpreter is missing, which is said."""
    interpreter = find_python(OLDEST_TARGET)
    if interpreter is None:
        print(f"SKIPPED: no Python {OLDEST_TARGET} found, so target-side code was not tried under it.")
        return 0
    python = CACHE / "bin" / "python"
    if not (CACHE / "made").exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", CACHE], check=True)
        subprocess.run([python, "-m", "pip", "install", "-qq", "pytest"], check=True)
        (CACHE / "made").touch()
    print(f"Python {OLDEST_TARGET}:")
    return subprocess.run([python, "-m", "pytest", "-q", TESTS], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
