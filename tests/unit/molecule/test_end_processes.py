# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is ended belongs to the host, all of it is ended, and nothing else is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.molecule.shared import end_processes

DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
HEARING = "import signal, sys; print('ready', flush=True); signal.pause()"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a Python program that says when it is ready; none outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def _start(program: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", program, *arguments]
        process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield _start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_processes, "PATIENCE", 0.5)


@pytest.mark.parametrize("program", [HEARING, DEAF])
def test_what_lives_under_the_pm2_of_the_host_ends(tmp_path: Path, start: Start, program: str) -> None:
    process = start(program, PM2_HOME=f"{tmp_path}/pm2")
    assert end_processes.main(tmp_path) == 0
    assert process.wait(timeout=5) != 0


def test_what_a_pid_file_names_ends(tmp_path: Path, start: Start) -> None:
    process = start(HEARING, f"{tmp_path}/edge/Caddyfile")
    (tmp_path / "edge.pid").write_text(f"{process.pid}\n", encoding="utf-8")
    assert end_processes.main(tmp_path) == 0
    assert process.wait(timeout=5) != 0


def test_a_pid_that_was_used_again_is_spared(tmp_path: Path, start: Start) -> None:
    process = start(HEARING)
    (tmp_path / "edge.pid").write_text(f"{process.pid}\n", encoding="utf-8")
    assert end_processes.main(tmp_path) == 0
    assert process.poll() is None


def test_the_pm2_of_a_host_with_a_longer_name_is_spared(tmp_path: Path, start: Start) -> None:
    process = start(HEARING, PM2_HOME=f"{tmp_path}2/pm2")
    assert end_processes.main(tmp_path) == 0
    assert process.poll() is None


def test_no_directory_is_no_harm(tmp_path: Path) -> None:
    assert end_processes.main(tmp_path / "absent") == 0
