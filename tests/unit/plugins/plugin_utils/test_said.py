# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a result has to say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.plugin_utils import _said


@pytest.mark.parametrize(
    ("result", "lines"),
    [
        ({"msg": "One.\n  two: 2\n"}, ["One.", "  two: 2"]),
        ({"msg": ["a", "b\nc"]}, ["a", "b", "c"]),
        ({"msg": "Task failed: Module failed: boom"}, ["boom"]),
        ({"msg": "x", "rc": 1, "stdout": "out", "stderr": "err"}, ["x", "exit code 1", "err"]),
        ({"msg": "x", "rc": 1, "stdout": "out", "stderr": ""}, ["x", "exit code 1", "out"]),
        ({"msg": "MODULE FAILURE", "module_stderr": "Traceback\nboom"}, ["MODULE FAILURE", "Traceback", "boom"]),
        ({"censored": "hidden", "msg": "secret"}, ["hidden"]),
        ({"changed": False, "why": "odd"}, ["{", '  "why": "odd"', "}"]),
        (
            {
                "msg": "One or more items failed",
                "results": [{"item": "a"}, {"item": ["b", 1], "failed": True, "msg": "no"}],
            },
            ["b 1: no"],
        ),
        (
            {"results": [{"_ansible_item_label": "l", "item": "s", "failed": 1, "msg": "no\nway"}]},
            ["l: no", "  way"],
        ),
    ],
)
def test_explain(result: dict[str, Any], lines: list[str]) -> None:
    assert _said.explain(result) == lines


def chain(*messages: str) -> Any:
    event = None
    for message in reversed(messages):
        event = SimpleNamespace(msg=message, chain=SimpleNamespace(event=event) if event else None)
    return SimpleNamespace(event=event)


def test_explain_adds_the_causes_that_the_message_leaves_out() -> None:
    error = chain("Task failed", "Module failed.", "Cannot run it.", "No such file")
    assert _said.explain({"msg": "Cannot run it."}, error) == ["Cannot run it.", "No such file"]
    error = chain("Module failed.", "Cannot read it.\n  where: /tmp/copy")
    assert _said.explain({"msg": "Cannot read it.\n  where: a.tgz"}, error) == ["Cannot read it.", "  where: a.tgz"]


@pytest.mark.parametrize(
    ("lines", "shown", "rest"),
    [
        (["a", "b", "c"], ["a", "b"], ["c"]),
        (["a", "c"], ["a", "b"], ["c"]),
        (["a"], [], ["a"]),
        (["a"], ["a"], []),
        (["x", "a"], ["a"], ["x", "a"]),
    ],
)
def test_unseen(lines: list[str], shown: list[str], rest: list[str]) -> None:
    assert _said.unseen(lines, shown) == rest


@pytest.mark.parametrize(
    ("result", "surprises"),
    [
        ({"found": ["a", "b\n  c"]}, ["a", "b", "  c"]),
        ({"found": []}, []),
        ({"found": "a word of another module"}, []),
        ({}, []),
    ],
)
def test_surprises(result: dict[str, Any], surprises: list[str]) -> None:
    assert _said.surprises(result) == surprises
