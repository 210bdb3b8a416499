# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is code and what is not, offset for offset."""

from __future__ import annotations

import re

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._code import line_of, strip_code, top_level, with_lines


@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param("a = 'exports' // require(\nb", "a = '       '            \nb", id="string, comment"),
        pytest.param("/* require(\n */ x", "           \n    x", id="comment over lines"),
        pytest.param("'it\\'s' + require", "'     ' + require", id="escaped quote"),
        pytest.param("'open\nrequire(x)", "'    \nrequire(x)", id="a string ends with its line"),
        pytest.param("`a ${ b({c: `d ${e}`}) } f` + g", "      b({c:      e  })      + g", id="templates in templates"),
        pytest.param("`\\${no} \\`` + g", "            + g", id="escapes in a template"),
        pytest.param("`}` + {a: `${b}`}", "    + {a:    b  }", id="braces of a template are not code"),
        pytest.param("a / b / require(c)", "a / b / require(c)", id="divisions"),
        pytest.param("x = /[/'\"]require(/g.test(y)", "x = /             /g.test(y)", id="regular expression"),
        pytest.param("return /re'q/", "return /    /", id="regular expression behind a word"),
        pytest.param("a.return / 2 / 'x'", "a.return / 2 / ' '", id="a property is a value"),
        pytest.param("f(a) / 2 // don't", "f(a) / 2         ", id="division, then comment"),
        pytest.param("/a/ / /'/", "/ / / / /", id="a regular expression is a value"),
        pytest.param("`a` / 2 / '/'", "    / 2 / ' '", id="so is a template"),
        pytest.param("#!/usr/bin/env node's\nf('x')", "                     \nf(' ')", id="hashbang"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_strip_code(text: str, left: str) -> None:
    assert strip_code(text) == left
    assert len(strip_code(text)) == len(text)


@pytest.mark.parametrize(
    ("code", "left"),
    [
        ("a{b{c}d}e{f}g", "a{     }e{ }g"),
        ("const x = 1\nf(() => {\n const y\n})", "const x = 1\nf(() => {\n        \n})"),
        ("}a{b", "}a{ "),
    ],
)
def test_top_level(code: str, left: str) -> None:
    assert top_level(code) == left


def test_matches_with_their_lines() -> None:
    found = list(with_lines(re.compile(r"\s*(\w)"), "a\n\nb c\n d", 1))
    assert [(match[1], line) for match, line in found] == [("a", 1), ("b", 3), ("c", 3), ("d", 4)]


def test_line_of_counts_from_one() -> None:
    assert [line_of("a\nb\n", offset) for offset in (0, 1, 2, 4)] == [1, 1, 2, 3]
