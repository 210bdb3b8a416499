# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _process
from ansible_collections.nodeops.pm2.plugins.module_utils._sockets import Socket

# Starts a child, says its pid, and lives until its standard input ends.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.read()
child.stdin.close()
child.wait()
"""


@contextlib.contextmanager
def family(cwd: Path) -> Iterator[tuple[int, int]]:
    """A process in ``cwd`` with one child: their pids."""
    argv = [sys.executable, "-c", PARENT]
    with subprocess.Popen(
        argv, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"name": "demo-blue"}
    ) as parent:
        assert parent.stdout is not None
        yield parent.pid, int(parent.stdout.readline())
        parent.communicate()


def test_what_the_kernel_says_of_a_process(tmp_path: Path) -> None:
    with family(tmp_path) as (parent, child):
        assert _process.cwd(parent) == str(tmp_path)
        assert sys.executable in _process.command(parent)
        assert _process.descendants(parent) == {child}
        assert _process.descendants(child) == set()
        assert child in _process.descendants(os.getpid())
        assert [_process.is_descendant(child, of) for of in (child, parent, os.getpid(), 1)] == [True, True, True, True]
        assert not _process.is_descendant(parent, child)
        assert _process.has_environment(child, name="demo-blue")
        assert not _process.has_environment(child, name="demo")
        assert "name" in _process.environment_names(child)
        assert "demo-blue" not in str(_process.environment_names(child))
        assert {parent, child} <= set(_process.pids())
        assert (_process.start_time(os.getpid()) or 0) <= (_process.start_time(parent) or 0)
        assert 0 <= _process.age(parent) < 60
    assert _process.start_time(child) is None


def test_a_process_that_is_gone() -> None:
    gone = 2**22 + 1  # above the kernel's highest pid
    assert (_process.cwd(gone), _process.start_time(gone), _process.command(gone)) == (None, None, "")
    assert _process.age(gone) == 0.0
    assert not _process.has_environment(gone, name="demo-blue")
    assert not _process.is_descendant(gone, 1)
    assert _process.environment_names(gone) == []


def test_a_zombie_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as zombie:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        assert _process.start_time(zombie.pid) is None


@pytest.mark.parametrize(
    ("roots", "parents", "expected"),
    [
        ({1}, {2: 1, 3: 2, 4: 9}, {1, 2, 3}),
        ({2, 9}, {2: 1, 3: 2, 4: 9}, {2, 3, 9, 4}),
        ({7}, {}, {7}),
        ({2}, {2: 3, 3: 2}, {2, 3}),
    ],
)
def test_the_tree_below(roots: set[int], parents: dict[int, int], expected: set[int]) -> None:
    assert _process.below(roots, parents) == expected


def test_a_tcp_listener_and_its_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert _process.listeners(address) == _process.Listeners(frozenset({os.getpid()}), False)
        assert _process.established(address) == 0
        with socket.create_connection(server.getsockname()):
            assert _process.established(address) == 1
    assert not _process.listeners(address).any


def test_who_holds_the_other_end_of_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, server.accept()[0]:
            ours = client.getsockname()[1]
            assert _process.answering(f"127.0.0.1:{port}", ours) == os.getpid()
            assert _process.answering(f"127.0.0.1:{port}", 1) is None
        assert _process.answering(f"127.0.0.1:{port}", ours) is None
    assert _process.answering("unix:/run/shop/blue.sock", 1) is None


def test_a_unix_listener_and_its_connections(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert _process.listeners(f"unix:{path}").pids == {os.getpid()}
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            assert _process.established(f"unix:{path}") == 1
    assert path.exists()
    assert not _process.listeners(f"unix:{path}").any


@pytest.mark.parametrize(("again", "foreign"), [(True, True), (False, False)])
def test_an_owner_that_cannot_be_seen(again: bool, foreign: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's listener stays; that of a process that just ended does not."""
    readings = iter([[Socket("127.0.0.1:1", True, False, "11")], [Socket("127.0.0.1:1", again, False, "11")]])
    monkeypatch.setattr(_process, "_sockets", lambda _address: next(readings))
    monkeypatch.setattr(_process, "_owners", lambda _inodes: {})
    assert _process.listeners("127.0.0.1:1") == _process.Listeners(frozenset(), foreign)


def test_the_path_of_an_address() -> None:
    assert _process.socket_path("unix:/run/demo/blue.sock") == Path("/run/demo/blue.sock")
    assert _process.socket_path("127.0.0.1:3001") is None


def test_who_lives_where_we_do_is_in_no_container() -> None:
    assert not _process.is_in_container(os.getpid())
    assert not _process.is_in_container(2**22 + 1), "of what is gone nothing is known"


@pytest.mark.parametrize(
    ("groups", "service"),
    [
        pytest.param("0::/system.slice/pm2-deploy.service\n", "pm2-deploy.service", id="version 2"),
        pytest.param(
            "5:pids:/system.slice/ssh.service\n1:name=systemd:/libpod/x/system.slice/pm2-deploy.service\n0::/\n",
            "pm2-deploy.service",
            id="version 1, in a container",
        ),
        pytest.param("0::/user.slice/user-1000.slice/session-3.scope\n", "", id="a session"),
        pytest.param("0::/\n", "", id="no systemd"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_the_service_of_a_process(groups: str, service: str) -> None:
    assert _process.service_in(groups) == service


def test_a_process_that_is_gone_has_no_service() -> None:
    assert _process.service(2**22 + 1) == ""
