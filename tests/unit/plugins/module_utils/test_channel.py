# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import email.utils
import time

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _channel
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Receipt
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Answer


@pytest.mark.parametrize(
    ("answer", "receipt"),
    [
        (Answer(200), Receipt("delivered")),
        (Answer(204), Receipt("delivered")),
        (Answer(200, error="connection closed within the body"), Receipt("delivered")),
        (Answer(error="connection refused", sent=False), Receipt("failed", "connection refused")),
        (Answer(error="no complete answer within 5 s"), Receipt("unknown", "no complete answer within 5 s")),
        (Answer(400, body="no"), Receipt("refused", "status 400: no")),
        (Answer(413), Receipt("refused", "status 413")),
        (Answer(404), Receipt("failed", "status 404")),
        (Answer(302), Receipt("failed", "status 302, a redirect: correct the address")),
        (Answer(500, body="a\n b API_TOKEN=hunter2"), Receipt("failed", "status 500: a b API_TOKEN=***")),
        (Answer(429, {"retry-after": "7"}), Receipt("failed", "status 429", 7.0)),
        (Answer(503, {"retry-after": "1e9"}), Receipt("failed", "status 503", 86400.0)),
        (Answer(503, {"retry-after": "soon"}), Receipt("failed", "status 503")),
        (Answer(503, {"retry-after": "-3"}), Receipt("failed", "status 503")),
    ],
)
def test_an_answer_is_a_receipt(answer: Answer, receipt: Receipt) -> None:
    assert _channel.receipt_of(answer, _channel.plainly) == receipt


def test_a_date_to_wait_for_is_understood() -> None:
    later = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert 90 < _channel.retry_after(Answer(503, {"retry-after": later})) <= 100


@pytest.mark.parametrize("url", ["hunter2", "https://app:hunter2@example.com/", "http://127.0.0.1:1/hunter2\u00e9"])
def test_an_address_that_cannot_be_used_is_told_and_not_shown(url: str) -> None:
    answer = _channel.post(url, data="{}", headers={}, timeout=1)
    assert answer.error
    assert not answer.sent
    assert "hunter2" not in answer.error


@pytest.mark.parametrize(
    ("text", "remarks", "limit", "sent"),
    [
        ("abc", [], 10, "abc"),
        ("abc", ["late", "again"], 20, "abc\nlate\nagain"),
        ("abcdefghij", ["late"], 10, "abcd…\nlate"),
        ("\U0001f600" * 10, [], 10, "\U0001f600" * 4 + "…"),
    ],
)
def test_what_is_too_long_is_cut_before_its_remarks(text: str, remarks: list[str], limit: int, sent: str) -> None:
    assert _channel.with_remarks(text, remarks, limit=limit) == sent
