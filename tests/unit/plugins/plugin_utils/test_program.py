# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The on-host command in one file: the same bytes for the same code, and it runs with nothing but Python."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.plugin_utils import _program


def test_the_same_code_gives_the_same_bytes_and_other_code_others(tmp_path: Path) -> None:
    source = tmp_path / "code"
    source.mkdir()
    (source / "_b.py").write_text("b = 1\n", encoding="utf-8")
    (source / "_a.py").write_text("a = 1\n", encoding="utf-8")
    (source / "notes.txt").write_text("not code", encoding="utf-8")
    first = _program.archive(source)
    (source / "_a.py").touch()
    assert _program.archive(source) == first
    (source / "_a.py").write_text("a = 2\n", encoding="utf-8")
    assert _program.archive(source) != first
    with zipfile.ZipFile(io.BytesIO(first)) as zipped:
        names = zipped.namelist()
        assert {info.date_time for info in zipped.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert f"{_program.PACKAGE}/_a.py" in names
    assert "ansible_collections/__init__.py" in names
    assert not any("notes" in name for name in names)


def test_it_is_packed_once_and_named_after_what_is_in_it(tmp_path: Path) -> None:
    directory = tmp_path / "cache" / "programs"
    path = _program.packed(directory, python="/usr/bin/python3")
    assert path.read_bytes().startswith(b"#!/usr/bin/python3\n")
    assert directory.stat().st_mode & 0o777 == 0o700
    before = path.stat().st_mtime_ns
    assert _program.packed(directory, python="/usr/bin/python3") == path
    assert path.stat().st_mtime_ns == before
    assert _program.packed(directory, python="/opt/python") != path
    assert not list(directory.glob("*~")), "nothing half-written is left"


@pytest.mark.parametrize(
    ("arguments", "code", "says"), [(["--help"], 0, "exit codes:"), (["fly"], 2, "invalid choice")]
)
def test_it_runs_on_a_host_that_has_no_ansible(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    path = _program.packed(tmp_path, python=sys.executable)
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(path), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr


def test_every_module_that_it_needs_is_in_it(tmp_path: Path) -> None:
    path = _program.packed(tmp_path, python=sys.executable)
    root = tmp_path / "app"
    root.mkdir()
    command = [
        sys.executable,
        "-I",
        "-S",
        str(path),
        "status",
        "--root",
        str(root),
        "--settings",
        str(tmp_path / "none"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3, done.stderr
    assert "nothing is live" in done.stdout
