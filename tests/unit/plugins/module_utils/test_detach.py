# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _wait

PROGRAM = """
import os, sys
from pathlib import Path
from ansible_collections.nodeops.pm2.plugins.module_utils import _detach
held = os.pipe()
directory = Path(sys.argv[1])

def act():
    print("printed", flush=True)
    os.write(2, b"and complained\\n")
    told = [os.getcwd(), os.getsid(0) == os.getpid(), os.getppid(), sys.stdin.read()]
    (directory / "told").write_text(repr(told))
    if sys.argv[2] == "fails":
        raise RuntimeError("boom")

_detach.detach(act, log=directory / "log")
(directory / "caller").write_text(str(os.getpid()))
"""


def detached(directory: Path, how: str) -> str:
    """What the one in the background has told of itself, once the caller is long gone."""
    command = [sys.executable, "-c", PROGRAM, str(directory), how]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("", ""), "nothing of it reaches the caller's streams, nor holds them open"
    assert _wait.until((directory / "told").exists, 30)
    return (directory / "told").read_text(encoding="utf-8")


def test_it_outlives_the_caller_and_holds_nothing_of_it(tmp_path: Path) -> None:
    cwd, leads, _parent, read = eval(detached(tmp_path, "works"))  # noqa: S307 - written by the test itself
    assert (cwd, leads, read) == ("/", False, "")
    log = tmp_path / "log"
    assert _wait.until(lambda: "complained" in log.read_text(encoding="utf-8"), 30)
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_failure_is_in_the_log_and_never_comes_back_to_the_caller(tmp_path: Path) -> None:
    detached(tmp_path, "fails")
    assert (tmp_path / "caller").read_text(encoding="utf-8").isdigit(), "one caller, who went on"
    log = tmp_path / "log"
    assert _wait.until(lambda: "boom" in log.read_text(encoding="utf-8"), 30), log.read_text(encoding="utf-8")
