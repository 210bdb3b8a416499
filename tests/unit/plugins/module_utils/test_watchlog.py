# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._log import Finding, patterns_of
from ansible_collections.nodeops.pm2.plugins.module_utils._watchlog import Logs, Watched, only_connection_refused

SYNTAX = "SyntaxError: Identifier '__dirname' has already been declared"
REFUSED = "Error: connect ECONNREFUSED 127.0.0.1:5432"


def write(path: Path, *lines: str) -> None:
    with path.open("a") as stream:
        stream.write("".join(f"{line}\n" for line in lines))


def test_new_lines_that_matter_are_told_by_process(tmp_path: Path) -> None:
    blue, green = tmp_path / "blue.log", tmp_path / "green.log"
    write(blue, SYNTAX)
    logs = Logs()
    logs.watch({"shop-blue": Watched(blue), "shop-green": Watched(green)})
    assert logs.look() == []
    write(blue, "hello", REFUSED)
    write(green, SYNTAX, "TypeError: only a hint")
    assert logs.look() == [
        ("shop-blue", Finding("connection_refused", "warning", REFUSED)),
        ("shop-green", Finding("syntax_error", "critical", SYNTAX)),
    ]
    assert logs.look() == []
    assert logs.tail("shop-green") == [SYNTAX, "TypeError: only a hint"]
    assert logs.tail("other") == []


def test_a_users_patterns_count(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    logs = Logs()
    patterns = patterns_of([{"pattern": "out of stock", "severity": "critical"}])
    logs.watch({"shop": Watched(path, patterns)})
    write(path, "out of stock", REFUSED)
    assert [finding.rule for _process, finding in logs.look()] == ["log_pattern", "connection_refused"]


def test_a_log_is_followed_through_rotation_and_through_new_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    write(path, "old")
    logs = Logs()
    logs.watch({"shop": Watched(path)})
    write(path, SYNTAX)
    logs.watch({"shop": Watched(path), "other": Watched(tmp_path / "b.log")})
    path.rename(tmp_path / "a.log.1")
    write(path, REFUSED)
    assert [finding.line for _turn in range(2) for _process, finding in logs.look()] == [SYNTAX, REFUSED]
    logs.watch({})
    write(path, SYNTAX)
    assert logs.look() == []


def test_a_flood_is_told_and_only_its_end_is_looked_through(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    logs = Logs()
    logs.watch({"shop": Watched(path)})
    path.write_text(f"{SYNTAX}\n" + "x" * 99 + "\n" * 2 + ("y" * 99 + "\n") * 30_000 + f"{REFUSED}\n")
    [(_, flood), (_, last)] = logs.look()
    assert (flood.rule, flood.severity) == ("log_flood", "warning")
    assert flood.line.startswith("2929 KiB")
    assert last.line == REFUSED


@pytest.mark.parametrize(
    ("lines", "only"),
    [
        ([REFUSED], True),
        ([REFUSED, "    at TCPConnectWrap.afterConnect", "  code: 'ECONNREFUSED',"], True),
        (["AggregateError [ECONNREFUSED]: ", "    [errors]: [", "      Error: connect ECONNREFUSED ::1:5432"], True),
        (["[UnhandledPromiseRejection: x", "SequelizeConnectionRefusedError: connect ECONNREFUSED 127.0.0.1:1"], True),
        (["Missing environment variable: DB_HOST", REFUSED], False),
        ([REFUSED, SYNTAX], False),
        ([REFUSED, "TypeError: Cannot read properties of undefined (reading 'query')"], False),
        ([REFUSED, "Error: Cannot find module 'pg'"], False),
        ([SYNTAX], False),
        (["hello"], False),
        ([], False),
    ],
)
def test_only_a_refused_connection(lines: list[str], only: bool) -> None:
    assert only_connection_refused(lines) is only
