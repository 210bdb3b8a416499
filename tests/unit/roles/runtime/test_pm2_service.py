# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The unit's program, up to where it would become PM2's daemon; the rest is what the scenarios with systemd are for."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from ansible_collections.nodeops.pm2.plugins.module_utils import _axon, _boot
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

ROLE = Path(__file__).parents[4] / "roles" / "runtime"
PROGRAM = ROLE / "files" / "pm2_service.py"
UTILS = Path(__file__).parents[4] / "plugins" / "module_utils"


def load() -> ModuleType:
    """The program as a module."""
    spec = importlib.util.spec_from_file_location("pm2_service", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


service: Any = load()


@pytest.fixture
def pm2(tmp_path: Path) -> Pm2:
    home = tmp_path / "pm2"
    home.mkdir()
    return Pm2(home, "/opt/pm2/node_modules/pm2/bin/pm2", "/usr/local/bin/node")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that PM2 was told to start."""
    files: list[Path] = []

    def start(_pm2: Pm2, config: Path, *, timeout: float) -> None:
        assert timeout > 0
        files.append(config)

    monkeypatch.setattr(service._pm2, "start", start)
    return files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An app with a live release."""
    root = tmp_path / "app"
    (root / "releases/r1/.release").mkdir(parents=True)
    (root / "releases/r1/ecosystem.config.cjs").touch()
    (root / "current").symlink_to("releases/r1")
    return root


@pytest.fixture
def daemon(pm2: Pm2) -> Iterator[list[str]]:
    """What a daemon is asked; it answers everything with its one process in ``app/releases/r1``."""
    asked: list[str] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(pm2.socket))
    listener.listen()
    process = {"name": "a", "pm_id": 0, "pid": 1, "pm2_env": {"pm_cwd": str(pm2.home.parent / "app/current")}}

    def serve() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            with connection:
                for body, number in _axon.Frames().feed(connection.recv(65536)):
                    asked.append(body.decode())
                    answer = str([[process]]).replace("'", '"')
                    connection.sendall(_axon.encode(b'j:{"args": ' + answer.encode() + b"}", number))

    threading.Thread(target=serve, daemon=True).start()
    yield asked
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_the_role_copies_all_that_the_program_stands_on() -> None:
    needed: set[str] = set()
    queue = [PROGRAM]
    while queue:
        for node in ast.walk(ast.parse(queue.pop().read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").endswith("module_utils"):
                found = {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and ".module_utils." in (node.module or ""):
                found = {str(node.module).rpartition(".")[2]}
            else:
                continue
            queue += [UTILS / f"{name}.py" for name in found - needed]
            needed |= found
    copied = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))["_runtime_library"]
    assert set(copied) == needed


def test_what_is_live_is_started_from_its_real_path(pm2: Pm2, root: Path, started: list[Path]) -> None:
    service.start_live(pm2, root)
    assert started == [root / "releases/r1/ecosystem.config.cjs"]


@pytest.mark.parametrize(
    ("socket_of_main", "text"), [("", "on main"), ("/run/app/blue.sock", "on the spare")], ids=["no edge", "edge"]
)
def test_without_an_edge_it_comes_back_where_it_serves(
    pm2: Pm2, root: Path, started: list[Path], socket_of_main: str, text: str
) -> None:
    private = root / "releases/r1/.release"
    slots = [{"name": "main", "socket": socket_of_main}, {"name": "spare", "socket": socket_of_main}]
    (private / "app.json").write_text(json.dumps({"slots": slots}), encoding="utf-8")
    (private / "ecosystem.main.cjs").write_text("on main", encoding="utf-8")
    (root / "releases/r1/ecosystem.config.cjs").write_text("on the spare", encoding="utf-8")
    service.start_live(pm2, root)
    assert started == [root / "releases/r1/ecosystem.config.cjs"]
    assert started[0].read_text(encoding="utf-8") == text


def test_what_deploys_have_named_is_started_whatever_becomes_of_one_of_them(
    pm2: Pm2, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = root.parent / "other"
    shutil.copytree(root, other, symlinks=True)
    (pm2.home / "boot").mkdir()
    for one in (root, root.parent / "gone", other):
        assert _boot.register(pm2.home, one)
    asked: list[Path] = []

    def start(_pm2: Pm2, config: Path, *, timeout: float) -> None:
        asked.append(config)
        raise DeployError(f"It does not start within {timeout:g} s.")

    monkeypatch.setattr(service._pm2, "start", start)
    argv = ["--home", str(pm2.home), "start-live", "--node", pm2.node, "--pm2", pm2.pm2]
    assert service.main(argv) == 1
    assert asked == [one / "releases/r1/ecosystem.config.cjs" for one in (root, other)]
    assert f"{other}: It does not start" in capsys.readouterr().err
    assert service.main([*argv, str(other)]) == 1
    assert len(asked) == 3, "an app that is named is the only one"


def test_what_runs_already_is_left_alone(pm2: Pm2, root: Path, started: list[Path], daemon: list[str]) -> None:
    service.start_live(pm2, root)
    assert "getMonitorData" in daemon[0]
    assert started == []


@pytest.mark.parametrize("broken", ["nothing live", "dangling", "no ecosystem", "no root"])
def test_nothing_is_started_where_nothing_can_be(pm2: Pm2, root: Path, started: list[Path], broken: str) -> None:
    if broken == "nothing live":
        (root / "current").unlink()
    elif broken == "dangling":
        (root / "current").unlink()
        (root / "current").symlink_to("releases/gone")
    elif broken == "no ecosystem":
        (root / "releases/r1/ecosystem.config.cjs").unlink()
    else:
        root = root.parent / "elsewhere"
    service.start_live(pm2, root)
    assert started == []


def test_a_socket_is_removed_only_where_nobody_listens(tmp_path: Path) -> None:
    link, path = tmp_path / "listen.sock", tmp_path / "blue.sock"
    link.symlink_to(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        service.remove_stale_socket(link)
        assert path.is_socket()
    service.remove_stale_socket(link)
    assert not path.exists()
    path.touch()
    service.remove_stale_socket(link)
    assert path.exists(), "a file is no socket"


def test_logs_are_opened_anew_by_a_daemon_that_runs_and_none_is_started(pm2: Pm2) -> None:
    assert service.main(["--home", str(pm2.home), "reload-logs"]) == 0
    assert list(pm2.home.iterdir()) == []


def test_logs_are_opened_anew(pm2: Pm2, daemon: list[str]) -> None:
    assert service.main(["--home", str(pm2.home), "reload-logs"]) == 0
    assert '"reloadLogs"' in daemon[0]


def test_the_daemon_gets_a_bare_environment_and_writes_no_dump(
    pm2: Pm2, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    became: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr(os, "execve", lambda *given: became.append(given))
    monkeypatch.setattr(os, "dup2", lambda _log, _stream: None)
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.chdir(tmp_path)
    service.run(pm2)
    [(program, argv, environment)] = became
    assert (program, argv) == (pm2.node, [pm2.node, "/opt/pm2/node_modules/pm2/lib/Daemon.js"])
    assert Path.cwd() == Path("/")
    assert "SECRET" not in environment
    assert environment["PM2_DUMP_FILE_PATH"] == environment["PM2_DUMP_BACKUP_FILE_PATH"] == os.devnull
    assert environment["PM2_HOME"] == str(pm2.home)
    assert (pm2.home / "touch").exists()


@pytest.mark.parametrize("asked_to_end", [True, False])
def test_a_daemon_outside_is_outlasted(asked_to_end: bool) -> None:
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as daemon:
        before = signal.getsignal(signal.SIGTERM)
        reaper = threading.Thread(target=daemon.wait, daemon=True)
        reaper.start()
        victim = os.getpid() if asked_to_end else daemon.pid
        threading.Timer(0.3, os.kill, (victim, signal.SIGTERM)).start()
        too_late = threading.Timer(20, daemon.kill)
        too_late.start()
        try:
            service.outlast(daemon.pid)
        finally:
            signal.signal(signal.SIGTERM, before)
        too_late.cancel()
        reaper.join(5)
        assert daemon.returncode == -signal.SIGTERM
