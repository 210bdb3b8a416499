# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import os
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock, _recovery
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.modules import release_lock

OWNER = {
    "who": "ann@laptop",
    "what": "deploy",
    "pid": os.getpid(),
    "boot_id": _lock.this_boot(),
    "started": _lock.started(os.getpid()),
}
ELSEWHERE = {**OWNER, "who": "bob@ci", "boot_id": "another machine"}


def run(app: Any, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    given = {"root": str(app.layout.root), "slots": app.slots, "owner": OWNER, "release": "r9", **options}
    validated = ArgumentSpecValidator(release_lock.SPEC).validate(given)
    assert validated.error_messages == []
    return release_lock.run(validated.validated_parameters, check_mode=check_mode)


def test_it_is_taken_and_given_back(app: Any) -> None:
    taken = run(app)
    held = _lock.held(app.layout.lock)
    assert held is not None
    assert (held.id, held.owner.who, held.ttl) == (taken["lease"], "ann@laptop", 900)
    assert taken["app"]["lock"].startswith("ann@laptop")
    assert run(app, state="absent", lease=taken["lease"]) == {"changed": False}
    assert _lock.held(app.layout.lock) is None


def test_it_says_where_the_run_goes(app: Any) -> None:
    app.put("r1", "green")
    app.note("published:r1", "good:r1")
    app.go_live("r1")
    target = run(app)["target"]
    assert target == {"release": "r9", "slot": app.slot("blue"), "previous": "r1", "live": False, "proven": False}


def test_a_new_root_is_made_for_a_deploy_alone(app: Any) -> None:
    root = app.layout.root / "not/there"
    with pytest.raises(DeployError, match="no good release before"):
        run(app, root=str(root), release="", existing=True)
    assert not root.parent.exists()
    run(app, root=str(root))
    assert _lock.held(root / "lock") is not None


def test_somebody_elses_is_left_alone(app: Any) -> None:
    theirs = run(app, owner=ELSEWHERE)["lease"]
    with pytest.raises(DeployError, match="Another deploy holds") as refused:
        run(app)
    assert refused.value.facts["holder"]["id"] == theirs
    run(app, state="absent", lease="not the lease")
    held = _lock.held(app.layout.lock)
    assert held is not None
    assert held.id == theirs


def test_a_dead_owner_is_succeeded(app: Any) -> None:
    theirs = run(app, owner=ELSEWHERE)["lease"]
    taken = run(app, proven_dead=theirs)
    assert "bob@ci" in taken["took_over"]
    assert taken["lease"] != theirs


def test_under_a_lease_it_only_plans_anew(app: Any) -> None:
    lease = run(app)["lease"]
    app.put("r1", "blue")
    app.go_live("r1")
    again = run(app, lease=lease)
    assert (again["lease"], again["took_over"], again["target"]["previous"]) == (lease, "", "r1")
    with pytest.raises(DeployError, match="must not go on"):
        run(app, lease="lost")


def leave_behind(app: Any) -> None:
    """What a run leaves that was killed: a live release nobody confirmed, a stage, half a stage, half a file."""
    app.put("r1", "blue")
    app.put("r2")
    app.put("half", sealed=False)
    app.note("published:r1", "staged:r2")
    app.go_live("r1")
    (app.layout.root / ".current.0123456789ab.new~").symlink_to("releases/x")


def test_whoever_takes_it_tidies_up(app: Any) -> None:
    leave_behind(app)
    taken = run(app)
    assert taken["changed"]
    assert [sentence.split(":")[0] for sentence in taken["found"]] == [
        "Removed half",
        "Marked r2 aborted",
        "r1 is live but was never confirmed",
        f"Removed {app.layout.root}/.current.0123456789ab.new~, half-written.",
    ]
    assert (taken["unconfirmed"], app.on_disk(), app.events()[-1]) == ("r1", ["r1", "r2"], "aborted:r2")
    again = run(app, lease=taken["lease"])
    assert (again["changed"], again["unconfirmed"]) == (False, "r1")


def test_check_mode_tells_and_touches_nothing(app: Any) -> None:
    leave_behind(app)
    before = app.snapshot()
    told = run(app, check_mode=True)
    assert (told["changed"], len(told["found"]), told["lease"]) == (True, 3, "")
    assert app.snapshot() == before
    assert not app.layout.lock.exists()


def test_check_mode_gives_nothing_back(app: Any) -> None:
    lease = run(app)["lease"]
    run(app, state="absent", lease=lease, check_mode=True)
    assert _lock.held(app.layout.lock) is not None


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_frozen_app_stays_so_until_it_is_said(app: Any, check_mode: bool) -> None:
    _lock.freeze(app.layout.root, "twice bad")
    with pytest.raises(DeployError, match="frozen"):
        run(app, check_mode=check_mode)
    run(app, unfreeze=True, check_mode=check_mode)
    assert _lock.frozen(app.layout.root) == ("twice bad" if check_mode else "")
    assert app.events() == ([] if check_mode else ["unfrozen:"])


def test_lifting_a_freeze_that_there_is_not_says_nothing(app: Any) -> None:
    run(app, unfreeze=True)
    assert app.events() == []


@pytest.mark.parametrize(
    ("error", "options"),
    [
        pytest.param(None, {"release": "", "existing": True}, id="nowhere to go"),
        pytest.param(OSError("No space left on device"), {}, id="a full disk"),
    ],
)
def test_a_run_that_cannot_go_on_does_not_keep_the_lock(
    app: Any, monkeypatch: pytest.MonkeyPatch, error: OSError | None, options: dict[str, Any]
) -> None:
    def fail(*_given: Any, **_options: Any) -> None:
        raise error or AssertionError

    if error:
        monkeypatch.setattr(_recovery, "carry_out", fail)
    with pytest.raises((DeployError, OSError)):
        run(app, **options)
    assert _lock.held(app.layout.lock) is None
