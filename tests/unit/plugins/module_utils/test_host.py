# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts are read from a real directory and real sockets; nothing is changed."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _host, _manifest, _pm2, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2, Record
from ansible_collections.nodeops.pm2.plugins.module_utils._process import Listeners
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Entry, EnvFile, Host

SLOT = Slot("blue", "shop-blue", "127.0.0.1:3001", "/run/shop/blue.sock")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    root = tmp_path / "root"
    (root / "shared").mkdir(parents=True)
    (root / "releases" / "r1").mkdir(parents=True)
    return Layout(root)


@pytest.fixture
def pm2(tmp_path: Path) -> Pm2:
    return Pm2(home=tmp_path / "home", pm2="/nowhere/pm2", node="/nowhere/node")


@pytest.fixture
def read(layout: Layout, pm2: Pm2, tree_of: Callable[..., Any]) -> Callable[..., Host]:
    def apply(**options: Any) -> Host:
        entry = options.pop("entry", Entry("src/a.ts"))
        settings: dict[str, Any] = {"slots": [], "env_file": "", "shared_files": [], **options}
        return _host.read_host(layout, pm2, tree_of({}), entry, **settings)

    return apply


def test_missing_programs_are_facts(read: Callable[..., Host]) -> None:
    host = read()
    assert (host.node.version, host.pm2.version, host.daemon) == ("", "", None)
    assert "/nowhere/node" in host.node.error
    assert host.syntax is None


def test_the_root_and_its_room(read: Callable[..., Host], layout: Layout) -> None:
    host = read()
    assert (host.root_uid, host.uid, host.writable, host.where) == (os.geteuid(), os.geteuid(), True, str(layout.root))
    assert host.free_bytes > 0


def test_a_root_still_to_be_made(pm2: Pm2, tmp_path: Path, tree_of: Callable[..., Any]) -> None:
    layout = Layout(tmp_path / "srv" / "shop")
    host = _host.read_host(layout, pm2, tree_of({}), Entry("a.js"), slots=[], env_file="", shared_files=[])
    assert (host.root_uid, host.where) == (None, str(tmp_path))


def test_shared_files_and_their_names(read: Callable[..., Host], layout: Layout) -> None:
    (layout.shared / ".env").write_text("TOKEN=hidden\n")
    host = read(shared_files=[".env", "conf/app.json"])
    assert (host.shared_missing, host.env_keys) == (("conf/app.json",), frozenset({"TOKEN"}))
    assert "hidden" not in repr(host)


def test_what_is_switched_on(read: Callable[..., Host], layout: Layout, tmp_path: Path) -> None:
    (layout.shared / ".env").write_text("SENTRY_ENABLED=true\nTOKEN=hidden\n")
    (layout.shared / "app.json").write_text("ALSO=true\n")
    (tmp_path / "app.env").write_text("OTHER='1'\nOFF=0\n")
    host = read(shared_files=[".env", "app.json"], env_file=str(tmp_path / "app.env"))
    assert host.env_on == {"SENTRY_ENABLED", "OTHER"}
    assert read().env_on == frozenset()


def test_the_machine(read: Callable[..., Host], monkeypatch: pytest.MonkeyPatch) -> None:
    host = read()
    assert (host.machine, host.libc in ("glibc", "musl")) == (os.uname().machine, True)

    def unknown(_name: str) -> str:
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "confstr", unknown)
    assert read().libc == "musl"


def test_the_live_release_as_it_was_shipped(read: Callable[..., Host], layout: Layout) -> None:
    assert read().live_bytes == 0
    tree = layout.release("r1")
    tree.private.mkdir()
    (tree.path / "a.js").write_text("12345")
    (tree.path / "written-later.log").write_text("1234567890")
    _manifest.write(tree, _manifest.Manifest("r1", "", "", {"a.js": "0", "gone.js": "0"}))
    layout.current.symlink_to("releases/r1")
    assert read().live_bytes == 5


def test_an_env_file_is_read_for_its_names_only(read: Callable[..., Host], tmp_path: Path) -> None:
    path = tmp_path / "app.env"
    path.write_text("export A=hidden\nB='hid\nden'\n")
    path.chmod(0o640)
    assert read(env_file=str(path)).env_file == EnvFile(str(path), 0o640, os.geteuid(), frozenset("AB"))
    assert read(env_file=str(tmp_path / "none")).env_file is None


@pytest.mark.parametrize(
    ("name", "shared", "meant"),
    [("", [], ""), ("/etc/app.env", [], "/etc/app.env"), (".env", [".env"], "root/shared/.env"), (".env", [], ".env")],
)
def test_where_an_env_file_lies(
    layout: Layout, tmp_path: Path, tree_of: Callable[..., Any], name: str, shared: list[str], meant: str
) -> None:
    found = _host.resolve_env_file(layout, tree_of({}), name, shared)
    assert found == (str(tmp_path / meant) if meant and not meant.startswith("/") else meant)


def test_all_sockets_are_named(read: Callable[..., Host], layout: Layout, pm2: Pm2) -> None:
    other = Slot("green", "shop-green", "unix:/run/shop/green.sock")
    assert read(slots=[SLOT, other]).sockets == (
        "/run/shop/blue.sock",
        "/run/shop/green.sock",
        f"{layout.root}/current/.release/listen.sock",
        f"{pm2.home}/rpc.sock",
    )


def test_a_stranger_on_the_port_is_named(read: Callable[..., Host]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        (holder,) = read(slots=[Slot("blue", "shop-blue", address)]).holders
    assert f"pid {os.getpid()} (" in holder.who


def record(name: str, cwd: str = "") -> Record:
    nothing: dict[str, Any] = dict.fromkeys(Record.__dataclass_fields__)
    return Record(**{**nothing, "name": name, "cwd": cwd})


@pytest.mark.parametrize(
    ("name", "cwd", "namesake"),
    [
        ("shop-blue", "/var/www/other/releases/r1", "/var/www/other/releases/r1"),
        ("shop-blue", "{root}2/releases/r1", "{root}2/releases/r1"),
        ("shop-blue", "{root}/releases/r1", ""),
        ("shop-blue", "{root}/current", ""),
        ("shop-blue", "", ""),
        ("shop-green", "/var/www/other/releases/r1", ""),
    ],
)
def test_another_app_of_the_same_name(
    read: Callable[..., Host], layout: Layout, monkeypatch: pytest.MonkeyPatch, name: str, cwd: str, namesake: str
) -> None:
    monkeypatch.setattr(_pm2, "records", lambda _pm2: [record(name, cwd.format(root=layout.root))])
    (holder,) = read(slots=[SLOT]).holders
    assert (holder.process, holder.namesake) == ("shop-blue", namesake.format(root=layout.root))


@pytest.mark.parametrize(
    ("found", "cwd", "records", "who"),
    [
        pytest.param(Listeners(frozenset(), foreign=False), "", [], "", id="nobody"),
        pytest.param(Listeners(frozenset({7}), foreign=False), "{root}/releases/r1", [], "", id="a release of ours"),
        pytest.param(
            Listeners(frozenset({7}), foreign=False), "{root}/releases2/r1", [], "pid 7 (node x)", id="not ours"
        ),
        pytest.param(Listeners(frozenset({7}), foreign=False), "{root}", [], "pid 7 (node x)", id="not a release"),
        pytest.param(Listeners(frozenset(), foreign=True), "", [], "a process of another user", id="another user's"),
        pytest.param(Listeners(frozenset({5}), foreign=False), "/", ["shop-blue"], "", id="our daemon, cluster mode"),
        pytest.param(Listeners(frozenset({5}), foreign=False), "/", ["other"], "pid 5 (node x)", id="for another app"),
    ],
)
def test_whose_a_listener_is(
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[..., Host],
    layout: Layout,
    found: Listeners,
    cwd: str,
    records: list[str],
    who: str,
) -> None:
    monkeypatch.setattr(_process, "listeners", lambda _address: found)
    monkeypatch.setattr(_process, "cwd", lambda _pid: cwd.format(root=layout.root))
    monkeypatch.setattr(_process, "command", lambda _pid: "node x")
    monkeypatch.setattr(_pm2, "daemon_pid", lambda _pm2: 5)
    monkeypatch.setattr(_pm2, "records", lambda _pm2: [record(name) for name in records])
    assert read(slots=[SLOT]).holders[0].who == who


def test_programs_that_are_there(read: Callable[..., Host]) -> None:
    assert read(entry=Entry("/nowhere/x.js", interpreter=sys.executable)).programs == {sys.executable}


@pytest.mark.parametrize(
    "entry", [Entry("a.ts"), Entry("a.js", loader="tsx"), Entry("a.js", interpreter="bun"), Entry("b.js")]
)
def test_node_check_applies_to_plain_javascript_only(
    monkeypatch: pytest.MonkeyPatch, tree_of: Callable[..., Any], entry: Entry
) -> None:
    monkeypatch.setattr(_host, "run", lambda *_args, **_options: pytest.fail("must not run"))
    assert _host._syntax("node", tree_of({"a.js": "", "a.ts": ""}), entry) is None


def test_a_node_that_does_not_end_is_no_finding(monkeypatch: pytest.MonkeyPatch, tree_of: Callable[..., Any]) -> None:
    def refuse(*_args: Any, **_options: Any) -> None:
        raise DeployError("did not end in time")

    monkeypatch.setattr(_host, "run", refuse)
    assert _host._syntax("node", tree_of({"a.js": ""}), Entry("a.js")) is None
