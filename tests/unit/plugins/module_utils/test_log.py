# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._log import (
    BUILT_IN,
    ErrorLog,
    Finding,
    clean,
    find,
    most_telling,
    patterns_of,
)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("SyntaxError: Identifier '__dirname' has already been declared", "syntax_error"),
        ("SyntaxError: Cannot use import statement outside a module", "syntax_error"),
        ("SyntaxError: The requested module './a.js' does not provide an export named 'b'", "syntax_error"),
        ("2026-11-23 21:27:46 +00:00: SyntaxError: Unexpected token '{'", "syntax_error"),
        ("2026-11-23T21:27:46: SyntaxError: Unexpected token '{'", "syntax_error"),
        ('/srv/src/server.ts:12:6: ERROR: The symbol "a" has already been declared', "syntax_error"),
        ("ReferenceError: exports is not defined in ES module scope", "module_system"),
        ("ReferenceError: require is not defined in ES module scope, you can use import instead", "module_system"),
        ("Error [ERR_REQUIRE_CYCLE_MODULE]: Cannot require() ES Module a.js in a cycle.", "module_system"),
        ("Error [ERR_REQUIRE_ESM]: require() of ES Module a.js from b.js not supported.", "module_system"),
        ("Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'express' imported from /srv/a.js", "module_missing"),
        ("Error: Cannot find module 'express'", "module_missing"),
        ("(node:12) UnhandledPromiseRejectionWarning: Error: database", "unhandled_rejection"),
        ("[UnhandledPromiseRejection: This error originated either by throwing inside", "unhandled_rejection"),
        ("  code: 'ERR_UNHANDLED_REJECTION'", "unhandled_rejection"),
        ("Error: listen EADDRINUSE: address already in use 127.0.0.1:3001", "address_in_use"),
        ("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "out_of_memory"),
        ("Error [ERR_WORKER_OUT_OF_MEMORY]: Worker terminated due to reaching memory limit", "out_of_memory"),
    ],
)
def test_what_node_reports_itself_is_critical(line: str, rule: str) -> None:
    assert find([line], BUILT_IN) == [Finding(rule, "critical", line)]


@pytest.mark.parametrize(
    "line",
    [
        "SyntaxError: Unexpected token } in JSON at position 5",
        "SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
        'SyntaxError: "undefined" is not valid JSON',
        "SyntaxError: Unexpected end of JSON input",
        "SyntaxError: Invalid regular expression: /(/: Unterminated group",
        "SyntaxError: Cannot convert x to a BigInt",
        "rejected a template: SyntaxError: Unexpected token",
        "level=error msg=\"plugin: Error: Cannot find module 'x'\"",
        "port 3001 gave EADDRINUSE, trying 3002",
        "worker 3 is out of memory, heap out of memory expected",
        "schema User has already been declared",
        "(node:12) PromiseRejectionHandledWarning: Promise rejection was handled asynchronously",
        "    at JSON.parse (<anonymous>)",
        "",
    ],
)
def test_what_an_app_logs_about_errors_it_has_caught_is_not(line: str) -> None:
    assert [found for found in find([line], BUILT_IN) if found.severity == "critical"] == []


@pytest.mark.parametrize(
    ("line", "rule", "severity"),
    [
        ("Error: connect ECONNREFUSED 127.0.0.1:5432", "connection_refused", "warning"),
        ("Error: REQUIRED_SECRET is not set", "env_missing", "warning"),
        ("Missing environment variable: TOKEN", "env_missing", "warning"),
        ("missing required DATABASE_URL", "env_missing", "warning"),
        ("Error: crashed at boot", "error", "hint"),
        ("TypeError [ERR_INVALID_ARG_TYPE]: The path must be a string", "error", "hint"),
    ],
)
def test_other_lines_explain(line: str, rule: str, severity: str) -> None:
    assert find([line], BUILT_IN) == [Finding(rule, severity, line)]


def test_a_users_patterns_come_first_and_may_silence_built_in_ones() -> None:
    patterns = patterns_of(
        [{"pattern": "from eval$", "severity": "ignore"}, {"pattern": "migration pending", "severity": "critical"}]
    )
    lines = ["SyntaxError: from eval", "1 migration pending", "SyntaxError: other"]
    assert [found.rule for found in find(lines, patterns)] == ["log_pattern", "syntax_error"]


def test_a_pattern_that_does_not_compile_is_refused() -> None:
    with pytest.raises(DeployError, match="not a regular expression"):
        patterns_of([{"pattern": "(", "severity": "critical"}])


def test_the_gravest_finding_tells_most_and_of_those_the_first() -> None:
    hint, first, second = (
        Finding("r", severity, line) for severity, line in [("hint", "h"), ("warning", "a"), ("warning", "b")]
    )
    assert most_telling([hint, first, second]) == first
    assert most_telling([]) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m\x07", "red"),
        ("connect postgres://app:hunter2@db/x failed", "connect postgres://***@db/x failed"),
        ("redis://:hunter2@cache", "redis://***@cache"),
        ("http://127.0.0.1:80/a@b", "http://127.0.0.1:80/a@b"),
        ("x" * 301, "x" * 299 + "…"),
        ("x" * 299 + " API_TOKEN=hunter2", "x" * 299 + "…"),
        ("API_TOKEN=hunter2", "API_TOKEN=***"),
        ("a\t ", "a"),
    ],
)
def test_a_line_is_made_fit_to_be_shown(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_only_what_is_new_is_read_and_only_in_complete_lines(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    path.write_text("old\n")
    log = ErrorLog(path)
    assert log.new_lines() == []
    with path.open("a") as stream:
        stream.write("one\ntwo, un")
        stream.flush()
        assert log.new_lines() == ["one"]
        stream.write("finished\n")
        stream.flush()
        assert log.new_lines() == ["two, unfinished"]
    assert log.new_lines() == []
    assert log.tail() == ["one", "two, unfinished"]


def test_a_log_begins_at_its_offset_and_need_not_exist_yet(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    log = ErrorLog(path, start=0)
    assert (log.new_lines(), log.tail()) == ([], [])
    path.write_text("one\n")
    assert log.new_lines() == ["one"]
    assert ErrorLog(path, start=2).tail() == ["e"]


def test_a_log_that_was_rotated_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    path.write_text("a long line of earlier days\n")
    log = ErrorLog(path)
    path.write_text("new\n")
    assert log.new_lines() == ["new"]
    assert log.tail() == ["new"]


def test_a_log_that_was_renamed_is_read_to_its_end_first(tmp_path: Path) -> None:
    path, old = tmp_path / "error.log", tmp_path / "error.log.1"
    path.write_text("seen\n")
    log = ErrorLog(path)
    with path.open("a") as writer:
        path.rename(old)
        writer.write("written to the old one\n")
        writer.flush()
        assert log.new_lines() == ["written to the old one"]
        path.touch()
        writer.write("still to the old one\nand without an end")
        writer.flush()
        assert log.new_lines() == ["still to the old one"]
        assert log.new_lines() == []  # its writer has not let go of it
    path.write_text("written to the new one, which is longer than the old one by now\n" * 3)
    assert log.behind == len("and without an end")
    lines = ["and without an end", *["written to the new one, which is longer than the old one by now"] * 3]
    assert log.new_lines() == lines
    assert log.tail() == lines[1:]


def test_a_log_that_was_renamed_and_is_gone_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    path.write_text("old\n")
    log = ErrorLog(path)
    path.rename(tmp_path / "elsewhere")
    path.write_text("new, and longer\n")
    (tmp_path / "elsewhere").unlink()
    assert log.tail() == ["new, and longer"]
    assert log.new_lines() == ["new, and longer"]


def test_a_log_that_comes_later_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    log = ErrorLog(path)
    assert (log.behind, log.new_lines()) == (0, [])
    path.write_text("one\n")
    assert log.new_lines() == ["one"]
    path.rename(tmp_path / "error.log.1")
    path.write_text("two\n")
    assert log.new_lines() == ["two"]


def test_a_flood_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    log = ErrorLog(path)
    path.write_text("".join(f"line {number}\n" for number in range(100)))
    log.skip(log.behind - 10)
    assert log.new_lines() == ["line 99"]
    assert log.new_lines(limit=5) == []
    path.write_text("one\ntwo\nthree\n")
    assert [log.new_lines(limit=5) for _turn in range(3)] == [["one"], ["two"], ["three"]]


def test_the_tail_is_short(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    path.write_text("\n\n".join(str(number) for number in range(20)))
    assert ErrorLog(path, start=0).tail(lines=3) == ["17", "18", "19"]


def test_a_flood_is_read_in_parts_and_without_end_of_line(tmp_path: Path) -> None:
    path = tmp_path / "error.log"
    path.write_bytes(b"x" * (1024 * 1024 + 10) + b"\nlast\n")
    log = ErrorLog(path, start=0)
    assert [len(line) for line in log.new_lines()] == [1024 * 1024]
    assert log.new_lines() == ["x" * 10, "last"]
