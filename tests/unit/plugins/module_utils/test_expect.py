# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._expect import Expectation, expectation_of, judge_answer
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer

BODY = '{"release": "r2", "ok": true, "n": 5, "none": null, "checks": {"db": "up"}, "workers": [{"id": 7}]}'
GOOD = Answer(200, body=BODY, seconds=0.1)


@pytest.mark.parametrize(
    ("answer", "expectation", "reasons"),
    [
        (GOOD, Expectation(), []),
        (Answer(204), Expectation(status=(200, 204)), []),
        (Answer(500), Expectation(), [("wrong_status", "status 500, expected 200")]),
        (Answer(404), Expectation(status=(200, 204)), [("wrong_status", "status 404, expected 200 or 204")]),
        (
            Answer(302, {"location": "/login"}),
            Expectation(),
            [("wrong_status", "status 302 to /login, expected 200")],
        ),
        (Answer(error="connection refused"), Expectation(), [("no_answer", "connection refused")]),
        (
            Answer(200, error="connection closed within the body"),
            Expectation(),
            [("no_answer", "connection closed within the body")],
        ),
        (GOOD, Expectation(json={"release": "r2", "checks.db": "up", "workers.0.id": 7, "none": None}), []),
        (GOOD, Expectation(json={"n": "5", "ok": "true"}), []),
        (GOOD, Expectation(json={"checks": {"db": "up"}}), []),
        (GOOD, Expectation(json={"release": "r1"}), [("wrong_json", 'field release is "r2", expected "r1"')]),
        (GOOD, Expectation(json={"n": True}), [("wrong_json", "field n is 5, expected true")]),
        (GOOD, Expectation(json={"ok": 1}), [("wrong_json", "field ok is true, expected 1")]),
        (GOOD, Expectation(json={"checks": "up"}), [("wrong_json", 'field checks is {"db": "up"}, expected "up"')]),
        (
            GOOD,
            Expectation(json={"checks.queue": "up"}),
            [("wrong_json", 'field checks.queue is missing, expected "up"')],
        ),
        (GOOD, Expectation(json={"workers.1.id": 7}), [("wrong_json", "field workers.1.id is missing, expected 7")]),
        (GOOD, Expectation(json={"release.x": None}), [("wrong_json", "field release.x is missing, expected null")]),
        (Answer(200, body="<html>"), Expectation(json={"a": 1}), [("wrong_json", "the body is not JSON")]),
        (
            Answer(200, body="[1", cut=True),
            Expectation(json={"a": 1}),
            [("wrong_json", "the body is longer than 64 KiB")],
        ),
        (GOOD, Expectation(body=r'"db":\s+"up"'), []),
        (GOOD, Expectation(body="down"), [("wrong_body", "the body does not match 'down'")]),
        (GOOD, Expectation(latency=0.1), []),
        (
            GOOD,
            Expectation(latency=0.05),
            [("too_slow", "answered after 0.10 s, expected at most 0.05 s")],
        ),
        (
            Answer(500, body="{}", seconds=2),
            Expectation(json={"a": 1}, latency=1),
            [
                ("wrong_status", "status 500, expected 200"),
                ("wrong_json", "field a is missing, expected 1"),
                ("too_slow", "answered after 2.00 s, expected at most 1 s"),
            ],
        ),
    ],
)
def test_an_answer_is_judged(answer: Answer, expectation: Expectation, reasons: list[tuple[str, str]]) -> None:
    judged = judge_answer(answer, expectation)
    assert [(reason.rule, reason.text) for reason in judged] == reasons
    assert not any(reason.fatal for reason in judged)


def options(**more: Any) -> dict[str, Any]:
    return {"status": [200], "json": {}, "body": "", "latency": 0.0, **more}


def test_options_become_an_expectation() -> None:
    expectation = expectation_of(options(status=[200, 204], json={"a": 1}, body="x", latency=2.0))
    assert expectation == Expectation((200, 204), {"a": 1}, "x", 2.0)
    assert str(expectation) == "status 200 or 204, a = 1, body matching 'x', at most 2 s"


@pytest.mark.parametrize(("wrong", "seen"), [({"body": "("}, "'('"), ({"status": []}, "status: []")])
def test_an_expectation_that_cannot_be_met_is_refused(wrong: dict[str, Any], seen: str) -> None:
    with pytest.raises(DeployError) as raised:
        expectation_of(options(**wrong))
    assert seen in raised.value.seen
