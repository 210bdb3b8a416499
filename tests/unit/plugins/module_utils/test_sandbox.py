# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What foreign JavaScript can do here: nothing but compute, for a while, in little room."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _process, _sandbox
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._sandbox import Ran

Run = Callable[..., Ran]


@pytest.fixture
def run(node: str, node_version: str, tmp_path: Path) -> Run:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/own.txt").write_text("mine")
    (tmp_path / "outside.txt").write_text("not mine")

    def apply(text: str, *arguments: str, seconds: float = 5.0) -> Ran:
        return _sandbox.run(node, node_version, text, *arguments, readable=tmp_path / "inside", seconds=seconds)

    return apply


def test_it_computes_and_reads_what_it_may(run: Run, tmp_path: Path) -> None:
    text = "console.log(process.argv[1], require('fs').readFileSync('own.txt', 'utf8'), process.cwd())"
    assert run(text, "given") == Ran(f"given mine {tmp_path / 'inside'}\n".encode())


@pytest.mark.parametrize(
    "act",
    [
        "fs.readFileSync('/etc/passwd')",
        "fs.readFileSync('../outside.txt')",
        "fs.readdirSync('/')",
        "fs.writeFileSync('own.txt', 'x')",
        "fs.writeFileSync('/tmp/nodeops-sandbox', 'x')",
        "require('child_process').execSync('id')",
        "require('child_process').spawn('id')",
        "new (require('worker_threads').Worker)('1', { eval: true })",
        "process.kill(process.ppid, 0)",
        "require('net').connect(1, '127.0.0.1')",
        "require('http').get('http://127.0.0.1:1')",
        "require('net').createServer().listen(0)",
        "require('dgram').createSocket('udp4').send('x', 1, '127.0.0.1')",
        "require('dns').lookup('localhost', () => {})",
        "process.dlopen({ exports: {} }, '/nowhere.node')",
        "process.binding('tcp_wrap')",
    ],
)
def test_all_else_is_refused(run: Run, act: str) -> None:
    text = (
        f"const fs = require('fs'); try {{ {act}; console.log('did it') }} catch (error) {{ console.log('refused') }}"
    )
    assert run(text).output == b"refused\n"


def test_what_waits_to_connect_is_refused_as_well(run: Run) -> None:
    assert run("fetch('http://127.0.0.1:1').catch(() => console.log('refused'))").output == b"refused\n"


def test_it_carries_nothing_of_the_callers_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_CALLER", "hunter2")
    names = run("console.log(Object.keys(process.env).sort().join(' '))").output.decode().split()
    assert set(names) <= {"HOME", "LANG", "LC_ALL", "NODE_ENV", "NODE_EXTRA_CA_CERTS", "PATH", "SSL_CERT_FILE"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("while (true);", "did not end within 0.5 s"),
        ("setInterval(() => {}, 1000)", "did not end within 0.5 s"),
        ("await new Promise(() => {}); ", "failed"),
        ("process.exit(3)", "failed"),
        ("throw new Error('x')", "failed"),
    ],
)
def test_what_does_not_end_well_is_ended(run: Run, text: str, why: str) -> None:
    assert why in run(text, seconds=0.5).why


@pytest.mark.parametrize(
    "text",
    [
        "const kept = []; for (;;) kept.push(new Array(100000).fill({ x: 1 }))",
        "const kept = []; for (;;) kept.push(Buffer.alloc(10e6, 1))",
        "'x'.repeat(2 ** 29).padEnd(2 ** 29).split('')",
    ],
    ids=["objects", "buffers", "strings"],
)
def test_memory_is_bounded(run: Run, text: str) -> None:
    assert run(text, seconds=20).why in ("it failed", "it took too much memory or time")


def test_output_is_bounded(run: Run) -> None:
    began = time.monotonic()
    assert run("for (;;) require('fs').writeSync(1, 'x'.repeat(65536))") == Ran(b"", "it printed more than 256 KiB")
    assert time.monotonic() - began < 5


def test_nothing_is_left_behind(run: Run) -> None:
    before = set(_process.pids())
    run("setInterval(() => {}, 1000)", seconds=0.3)
    assert [pid for pid in set(_process.pids()) - before if _process.is_descendant(pid, os.getpid())] == []


def test_a_node_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"Node\.js does not start"):
        _sandbox.run("/nowhere/node", "24.0.0", "1", readable=tmp_path)


@pytest.mark.parametrize(
    ("version", "flag"),
    [
        ("18.20.0", ""),
        ("20.6.0", "--experimental-permission"),
        ("22.12.0", "--experimental-permission"),
        ("22.13.0", "--permission"),
        ("23.4.0", "--experimental-permission"),
        ("23.5.0", "--permission"),
        ("24.19.0", "--permission"),
        ("", ""),
    ],
)
def test_permission_flag(version: str, flag: str) -> None:
    assert _sandbox.permission_flag(version) == flag
