# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A release from an archive to its verdict, each state of it on a real directory."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.modules import release

OWNER = _lock.Owner("ann@laptop", "deploy", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
STORY = ["published:r1", "good:r1", "published:r2", "good:r2", "published:r3"]


@pytest.fixture
def run(app: Any) -> Callable[..., dict[str, Any]]:
    """The module under a lease that it holds."""
    lease, _said = _lock.acquire(app.layout.lock, OWNER, ttl=900)

    def act(*, check_mode: bool = False, **options: Any) -> dict[str, Any]:
        given = {"root": str(app.layout.root), "lease": lease.id, "by": "ann@laptop", **options}
        validated = ArgumentSpecValidator(release.SPEC).validate(given)
        assert validated.error_messages == []
        return release.run(validated.validated_parameters, check_mode=check_mode)

    return act


@pytest.fixture
def staging(tmp_path: Path) -> dict[str, Any]:
    """Options that stage r1."""
    archive = tmp_path / "artifact.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo("server.js")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"1"))
    return {
        "release": "r1",
        "archive": str(archive),
        "checksum": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "revision": "abc",
        "ecosystems": {"blue": "b", "green": "g"},
        "shared_dirs": ["uploads"],
        "dependencies": "shipped",
    }


def test_staged_and_staged_again(app: Any, run: Callable[..., dict[str, Any]], staging: dict[str, Any]) -> None:
    path = f"{app.layout.root}/releases/r1"
    before = app.snapshot()
    told = run(**staging, check_mode=True)
    assert app.snapshot() == before
    assert (told["changed"], told["said"]) == (True, "stages r1")
    done = run(**staging)
    assert done["diff"] == told["diff"] == {"before": "", "after": f"{path}\n"}
    assert (done["changed"], done["path"], done["said"], done["dependencies"]) == (True, path, "staged r1", "")
    assert (Path(path) / "REVISION").read_text() == "abc\n"
    again = run(**staging)
    assert (again["changed"], again["said"], again["diff"]["after"]) == (False, "r1 is staged", "")


@pytest.fixture
def deployed(app: Any) -> Any:
    """Three releases; the last is live in blue and not confirmed yet."""
    for name, slot, key in (("r1", "blue", "k1"), ("r2", "green", "k2"), ("r3", "blue", "k3")):
        app.put(name, slot, dependencies=key)
        (app.layout.deps / key).mkdir(parents=True)
    app.note(*STORY)
    app.go_live("r3")
    return app


def test_published_and_published_again(deployed: Any, run: Callable[..., dict[str, Any]]) -> None:
    options = {"release": "r2", "state": "published", "slot": deployed.slot("green"), "reason": "rollback"}
    current = deployed.layout.current
    before = deployed.snapshot()
    told = run(**options, check_mode=True)
    assert deployed.snapshot() == before
    done = run(**options)
    assert (done["changed"], done["previous"]) == (told["changed"], told["previous"]) == (True, "r3")
    assert done["diff"] == {"before": f"{current} -> releases/r3\n", "after": f"{current} -> releases/r2\n"}
    assert 0 < done["seconds"] < 1
    assert os.readlink(current) == "releases/r2"
    assert deployed.events()[len(STORY) :] == ["gated:r2", "published:r2"]
    again = run(**options)
    assert (again["changed"], again["previous"], again["seconds"]) == (False, "r2", 0)
    assert len(deployed.events()) == len(STORY) + 2


def test_unpublished_and_unpublished_again(deployed: Any, run: Callable[..., dict[str, Any]]) -> None:
    assert run(state="unpublished", check_mode=True)["changed"]
    assert deployed.layout.current.is_symlink()
    done = run(state="unpublished")
    assert (done["changed"], done["previous"], done["diff"]["after"]) == (True, "r3", "")
    assert not deployed.layout.current.is_symlink()
    assert not run(state="unpublished")["changed"]


@pytest.mark.parametrize("verdict", ["good", "bad", "aborted", "rolled_back"])
def test_a_verdict_and_the_same_again(deployed: Any, run: Callable[..., dict[str, Any]], verdict: str) -> None:
    options = {"release": "r3", "state": verdict, "slot": deployed.slot("blue")}
    assert run(**options, check_mode=True)["changed"]
    assert deployed.events() == STORY
    assert run(**options) == {"changed": True, "verdict": verdict, "release": "r3"}
    assert deployed.events() == [*STORY, f"{verdict}:r3"]
    assert not run(**options)["changed"]


def test_a_rollback_marks_what_it_left_and_a_freeze_stays(deployed: Any, run: Callable[..., dict[str, Any]]) -> None:
    run(release="r2", state="good", left="r3")
    assert deployed.events()[len(STORY) :] == ["rolled_back:r3"]
    run(release="r3", state="bad", freeze="twice bad")
    assert _lock.frozen(deployed.layout.root) == "twice bad"


@pytest.mark.parametrize(
    ("keep", "pruned"), [pytest.param(5, ["old"], id="plenty"), pytest.param(1, ["old", "r1"], id="the fewest")]
)
def test_pruned_leaves_what_somebody_needs(
    deployed: Any, run: Callable[..., dict[str, Any]], keep: int, pruned: list[str]
) -> None:
    deployed.put("old", dependencies="k0")
    (deployed.layout.deps / "k0").mkdir()
    options = {"state": "pruned", "slots": deployed.slots, "keep": keep}
    before = deployed.snapshot()
    assert run(**options, check_mode=True) == {"changed": True, "pruned": pruned}
    assert deployed.snapshot() == before
    assert run(**options) == {"changed": True, "pruned": pruned}
    kept = sorted({"r1", "r2", "r3"} - set(pruned))
    assert deployed.on_disk() == kept
    assert sorted(path.name for path in deployed.layout.deps.iterdir()) == [name.replace("r", "k") for name in kept]
    assert deployed.events()[len(STORY) :] == [f"pruned:{name}" for name in pruned]
    assert run(**options) == {"changed": False, "pruned": []}


@pytest.mark.parametrize(
    "options",
    [
        {"release": "r2", "state": "published"},
        {"state": "unpublished"},
        {"release": "r3", "state": "bad"},
        {"state": "pruned", "keep": 0},
    ],
)
def test_without_the_lock_nothing_is_done(
    deployed: Any, run: Callable[..., dict[str, Any]], options: dict[str, Any]
) -> None:
    before = deployed.snapshot()
    with pytest.raises(DeployError, match="does not hold the app's lock"):
        run(slot=deployed.slot("green"), slots=deployed.slots, lease="lost", **options)
    assert deployed.snapshot() == before


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        ("staged", ["release", "archive", "checksum", "ecosystems"]),
        ("published", ["release", "slot"]),
        ("pruned", ["slots"]),
        ("good", ["release"]),
        ("rolled_back", ["release"]),
    ],
)
def test_what_a_state_needs(app: Any, capsys: pytest.CaptureFixture[str], state: str, missing: list[str]) -> None:
    given = {"root": str(app.layout.root), "lease": "any", "state": state}
    with patch_module_args(given), pytest.raises(SystemExit):
        release.main()
    assert f"missing: {', '.join(missing)}" in json.loads(capsys.readouterr().out)["msg"]


def test_a_refusal_is_said_in_full(app: Any, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"root": str(app.layout.root), "lease": "lost", "state": "unpublished"}
    with patch_module_args(given), pytest.raises(SystemExit):
        release.main()
    message = json.loads(capsys.readouterr().out)["msg"]
    assert [part for part in ("expected: lease lost", "seen: held by nobody", "do: ") if part not in message] == []
