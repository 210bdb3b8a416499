# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where things that should agree do not: each difference once, with where it is and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._drift import differences, lines
from ansible_collections.nodeops.pm2.plugins.module_utils._drift_seen import Disk, Front, Owner, Seen
from ansible_collections.nodeops.pm2.plugins.module_utils._kept import Dump, Kept

PATH = "/srv/shop/releases/r2"
LIVE = Kept(
    name="shop-blue",
    script=f"{PATH}/src/server.ts",
    cwd=PATH,
    interpreter="node",
    node_args=("--import", f"file://{PATH}/node_modules/tsx/dist/loader.mjs"),
    args=("--port", "3001"),
    max_restarts=3,
    min_uptime=10_000,
    env=frozenset({"PORT", "NODE_ENV"}),
    release="r2",
)
RUNNING = replace(
    LIVE, status="online", env=LIVE.env | {"PATH", "HOME", "PM2_HOME", "PM2_USAGE", "unique_id", "shop-blue"}
)
STANDBY = replace(RUNNING, name="shop-green", cwd="/srv/shop/releases/r1", release="r1")
DISK = Disk("r2", PATH, {"a.js": "1" * 64, "b.js": "2" * 64}, {"a.js": "1" * 64, "b.js": "2" * 64}, (), ("r1", "r2"))
DUMP = Dump("/home/deploy/.pm2/dump.pm2", 0o600, (RUNNING, STANDBY, Kept("other", cwd="/srv/other")))
FRONT = Front("http://127.0.0.1/health", 200, "r2")
OWNER = Owner("127.0.0.1:3001", (7,), "", (PATH,))
MEMORY = "PM2's memory, shop-blue"
SEEN = Seen(
    LIVE,
    "r2",
    DISK,
    ("shop-blue", "shop-green"),
    (RUNNING, STANDBY, Kept("other")),
    DUMP,
    FRONT,
    OWNER,
    front_must_name=True,
)


def test_where_everything_agrees_there_is_nothing_to_tell() -> None:
    assert differences(SEEN) == []


def test_what_was_not_asked_is_no_difference() -> None:
    assert differences(Seen(LIVE, "", DISK, ("shop-blue",))) == []


def disk(**change: Any) -> Seen:
    return replace(SEEN, disk=replace(DISK, **change))


def memory(**change: Any) -> Seen:
    return replace(SEEN, memory=(replace(RUNNING, **change), STANDBY))


def dump(*processes: Kept, **change: Any) -> Seen:
    return replace(SEEN, dump=replace(DUMP, processes=processes or DUMP.processes, **change))


@pytest.mark.parametrize(
    ("seen", "identifier", "expected", "found", "where"),
    [
        pytest.param(
            replace(SEEN, unaware="/etc/systemd/system/pm2-deploy.service"),
            *("not_at_boot", "PM2's service starts what is live in it", "the service does not know it"),
            "/etc/systemd/system/pm2-deploy.service",
            id="not started at boot",
        ),
        pytest.param(
            disk(live="", path=""), "nothing_live", "r2", "current leads nowhere", "current", id="nothing live"
        ),
        pytest.param(replace(SEEN, release="r3"), "live_moved", "r3", "r2", "current", id="current was moved by hand"),
        pytest.param(disk(shipped=None), "manifest_missing", "a manifest", "none", PATH, id="no manifest"),
        pytest.param(
            disk(found={**DISK.found, "a.js": "9" * 64}),
            "file_changed",
            "sha256 111111111111",
            "sha256 999999999999",
            f"{PATH}/a.js",
            id="a file edited by hand",
        ),
        pytest.param(
            disk(found={"a.js": "1" * 64}),
            "file_gone",
            "sha256 222222222222",
            "no such file",
            f"{PATH}/b.js",
            id="a file gone",
        ),
        pytest.param(
            disk(shipped={"l": "link:a.js"}, found={"l": "link:b.js"}),
            "file_changed",
            "link:a.js",
            "link:b.js",
            f"{PATH}/l",
            id="a link turned",
        ),
        pytest.param(
            disk(foreign=("dist/old.js",)),
            "file_foreign",
            "no such file",
            "a file",
            f"{PATH}/dist/old.js",
            id="a foreign file",
        ),
        pytest.param(
            replace(SEEN, memory=(STANDBY,)), "process_missing", "shop-blue", "no such process", "PM2", id="no process"
        ),
        pytest.param(memory(status="errored"), "process_down", "online", "errored", "shop-blue", id="a process down"),
        pytest.param(
            memory(script=f"{PATH}/dist/server.js"),
            "process_differs",
            f"{PATH}/src/server.ts",
            f"{PATH}/dist/server.js",
            MEMORY,
            id="another script, as in the incident",
        ),
        pytest.param(
            memory(cwd="/srv/shop/releases/r1"), "process_differs", PATH, "/srv/shop/releases/r1", MEMORY, id="cwd"
        ),
        pytest.param(memory(interpreter="tsx"), "process_differs", "node", "tsx", MEMORY, id="interpreter"),
        pytest.param(memory(node_args=()), "process_differs", " ".join(LIVE.node_args), "", MEMORY, id="flags"),
        pytest.param(memory(exec_mode="cluster"), "process_differs", "fork", "cluster", MEMORY, id="mode"),
        pytest.param(memory(max_restarts=15), "process_differs", "3", "15", MEMORY, id="limits"),
        pytest.param(memory(min_uptime=0), "process_differs", "10000", "0", MEMORY, id="min_uptime"),
        pytest.param(memory(release="r1"), "process_differs", "r2", "r1", MEMORY, id="release"),
        pytest.param(
            memory(args=("--token", "hunter2", "x")), "process_differs", "2 arguments", "3 arguments", MEMORY, id="args"
        ),
        pytest.param(
            memory(env=frozenset({"PORT"})), "process_differs", "set", "not set", MEMORY, id="a variable lost"
        ),
        pytest.param(
            memory(env=RUNNING.env | {"OLD_FLAG"}),
            "process_differs",
            "not set",
            "set",
            MEMORY,
            id="a variable left over",
        ),
        pytest.param(
            replace(SEEN, memory=(RUNNING, replace(STANDBY, release="r0"))),
            "process_of_gone_release",
            "a release on disk",
            "r0",
            "shop-green",
            id="a standby whose release was pruned",
        ),
        pytest.param(
            dump(
                replace(
                    RUNNING,
                    cwd="/srv/shop/releases/r1",
                    script="/srv/shop/releases/r1/src/server.ts",
                    node_args=("--import", "file:///srv/shop/releases/r1/node_modules/tsx/dist/loader.mjs"),
                )
            ),
            "dump_differs",
            f"{PATH}/src/server.ts",
            "/srv/shop/releases/r1/src/server.ts",
            f"{DUMP.path}, shop-blue",
            id="a dump of the release before",
        ),
        pytest.param(
            dump(RUNNING, replace(STANDBY, release="r0")),
            "dump_of_gone_release",
            "a release on disk",
            "r0",
            DUMP.path,
            id="a dump of a gone one",
        ),
        pytest.param(dump(mode=0o644), "dump_open", "mode 0600", "mode 0644", DUMP.path, id="a dump that all may read"),
        pytest.param(
            dump(error="it is not JSON"),
            "dump_unreadable",
            "a list of processes",
            "it is not JSON",
            DUMP.path,
            id="a broken dump",
        ),
        pytest.param(
            replace(SEEN, front=replace(FRONT, release="r1")),
            "front_other",
            "r2",
            "r1",
            FRONT.url,
            id="the edge serves another",
        ),
        pytest.param(
            replace(SEEN, front=replace(FRONT, release="")),
            "front_other",
            "r2",
            "none named",
            FRONT.url,
            id="the edge names none",
        ),
        pytest.param(
            replace(SEEN, front=Front(FRONT.url, error="connection refused")),
            "front_silent",
            "an answer",
            "connection refused",
            FRONT.url,
            id="the edge is down",
        ),
        pytest.param(
            replace(SEEN, front=replace(FRONT, status=502)),
            "front_silent",
            "an answer",
            "status 502",
            FRONT.url,
            id="bad gateway",
        ),
        pytest.param(
            replace(SEEN, owner=Owner("127.0.0.1:3001")),
            "owner_missing",
            "the live process",
            "nobody",
            "127.0.0.1:3001",
            id="nobody listens",
        ),
        pytest.param(
            replace(SEEN, owner=Owner("127.0.0.1:3001", (), "pid 9 (python3)")),
            "owner_stranger",
            "the live process",
            "pid 9 (python3)",
            "127.0.0.1:3001",
            id="a stranger listens",
        ),
        pytest.param(
            replace(SEEN, owner=replace(OWNER, cwds=("/srv/shop/releases/r22",))),
            "owner_other",
            PATH,
            "/srv/shop/releases/r22",
            "127.0.0.1:3001",
            id="another release listens",
        ),
    ],
)
def test_a_difference_says_what_was_expected_what_was_seen_and_where(
    seen: Seen, identifier: str, expected: str, found: str, where: str
) -> None:
    told = differences(seen)
    one = next(item for item in told if item.id == identifier)
    assert (one.expected, one.seen, one.where) == (expected, found or "nothing", where)
    assert one.what.endswith(".")
    assert one.remedy.endswith(".")
    assert {item.id for item in told} == {identifier}
    assert "hunter2" not in repr(told)
    assert one.as_dict()["id"] == identifier


def test_where_nothing_is_meant_to_be_live_nothing_is_missing() -> None:
    assert differences(replace(disk(live="", path=""), release="")) == []


def test_how_a_difference_is_told() -> None:
    assert lines(differences(replace(SEEN, release="r3"))) == [
        "DRIFT Another release is live than was published last.",
        "    expected r3; seen r2",
        "    in current",
        "    do: Find out who moved current; roll back or deploy to bring ledger and disk together.",
    ]


def test_many_changed_files_are_counted_after_the_first() -> None:
    shipped = {f"{number:03}.js": "1" * 64 for number in range(50)}
    told = differences(disk(shipped=shipped, found={}))
    assert [item.id for item in told] == ["file_gone"] * 20 + ["files_changed"]
    assert told[-1].what == "30 more files are not as shipped."


def test_without_an_edge_paths_go_through_current() -> None:
    def through(kept: Kept) -> Kept:
        flags = tuple(flag.replace(PATH, "/srv/shop/current") for flag in kept.node_args)
        return replace(kept, cwd="/srv/shop/current", script="/srv/shop/current/src/server.ts", node_args=flags)

    for declared, kept in ((through(LIVE), RUNNING), (LIVE, through(RUNNING)), (through(LIVE), through(RUNNING))):
        assert differences(replace(SEEN, declared=declared, memory=(kept,), dump=None)) == []


@pytest.mark.parametrize(("interpreter", "same"), [("/usr/bin/node", True), ("/usr/bin/nodejs", False), ("bun", False)])
def test_a_path_of_node_is_node(interpreter: str, same: bool) -> None:
    assert (differences(memory(interpreter=interpreter)) == []) is same


def test_an_answer_need_not_name_its_release_where_the_app_does_not() -> None:
    assert differences(replace(SEEN, front=replace(FRONT, release=""), front_must_name=False)) == []


def test_every_worker_of_a_cluster_is_looked_at_and_told_of_once() -> None:
    odd = replace(RUNNING, max_restarts=15)
    told = differences(replace(SEEN, memory=(RUNNING, odd, odd, RUNNING)))
    assert [(item.id, item.seen) for item in told] == [("process_differs", "15")]
