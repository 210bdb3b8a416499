# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is promised in an alert is kept by another message."""

from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _judgement, _notice, _outcome
from ansible_collections.nodeops.pm2.plugins.module_utils._judgement import Decision
from ansible_collections.nodeops.pm2.plugins.module_utils._reaction import Deed

BACK, DONE, FAILED = Deed("Back.", target="r1"), Deed("Done."), Deed("It could not be done.", failed=True)


@pytest.mark.parametrize(
    ("action", "deed", "kind", "severity", "todo"),
    [
        ("roll_back", BACK, "rolled_back", "WARNING", ""),
        ("take_back", BACK, "rolled_back", "WARNING", ""),
        ("roll_back", FAILED, "rollback_failed", "CRITICAL", "tried again by itself"),
        ("take_back", FAILED, "rollback_failed", "CRITICAL", "tried again by itself"),
        ("quench", DONE, "quenched", "CRITICAL", "bluegreen rollback --app shop, or a deploy"),
        ("quench", FAILED, "not_done", "CRITICAL", "tried again by itself"),
        ("keep_trying", FAILED, "not_done", "CRITICAL", "tried again by itself"),
        ("freeze", FAILED, "not_done", "CRITICAL", "tried again by itself"),
        ("freeze", Deed("Frozen.", frozen=True), "frozen", "CRITICAL", "bluegreen rollback --unfreeze --app shop"),
        ("roll_back", Deed("Not so.", failed=True, frozen=True), "frozen", "CRITICAL", "bluegreen unfreeze --app shop"),
    ],
)
def test_what_came_of_an_act_is_told(action: str, deed: Deed, kind: str, severity: str, todo: str) -> None:
    came = _outcome.of(Decision(action), deed, app="shop")
    assert came is not None
    assert (came.kind, came.severity) == (kind, severity)
    assert todo in came.todo
    assert bool(came.todo) is bool(todo)
    assert came.kind in _notice.KINDS


@pytest.mark.parametrize("action", [one for one in _judgement.ACTIONS if one != _judgement.NOTHING])
def test_a_next_message_is_promised_where_one_comes(action: str) -> None:
    said = _outcome.promise(Decision(action), grace=0.0)
    done = BACK if action in ("roll_back", "take_back") else Deed("Frozen.", frozen=action == "freeze")
    assert ("the next message" in said) is (_outcome.of(Decision(action), done, app="shop") is not None)


def test_a_daemon_is_left_to_its_service_first() -> None:
    assert "75 s to bring it back" in _outcome.promise(Decision("keep_trying"), grace=75.0)
