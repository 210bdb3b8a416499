# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The artifact is looked at before it travels, and its copy is removed whatever the module says."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.action import ActionBase

from ansible_collections.nodeops.pm2.plugins.plugin_utils._artifact import ArtifactAction

TEXT = b"artifact"
SUM = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(TEXT)
    return path


class Shell:
    tmpdir: str | None = None

    @staticmethod
    def join_path(*parts: str) -> str:
        return "/".join(parts)


class Connection:
    def __init__(self) -> None:
        self._shell = Shell()


class Task:
    def __init__(self, **args: Any) -> None:
        self.args = args


class Recorded(ArtifactAction):
    """What ansible-core would do, written down."""

    def __init__(self, answer: dict[str, Any], *, becomes: bool = False, **args: Any) -> None:
        self.becomes = becomes
        self._task, self._connection, self._loader = Task(**args), Connection(), DataLoader()
        self.answer = answer
        self.calls: list[Any] = []

    def _is_become_unprivileged(self) -> bool:
        return self.becomes

    def _make_tmp_path(self) -> None:
        self.calls.append("make")
        self._connection._shell.tmpdir = "/remote/tmp"

    def _transfer_file(self, local: str, remote: str) -> None:
        self.calls.append(("send", local, remote))

    def _fixup_perms2(self, paths: tuple[str, ...]) -> None:
        self.calls.append(("permit", paths))

    def _execute_module(self, *, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        self.calls.append(("run", module_args.get("archive"), task_vars))
        return self.answer

    def _remove_tmp_path(self, path: str | None) -> None:
        if path:
            self.calls.append(("remove", path))


@pytest.fixture(autouse=True)
def base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp, _task_vars: {})


@pytest.mark.parametrize("becomes", [False, True], ids=["the same user", "another user"])
def test_the_module_gets_a_copy_that_is_removed(artifact: Path, becomes: bool) -> None:
    action = Recorded({"failed": True, "msg": "no"}, becomes=becomes, archive=str(artifact), checksum=SUM)
    assert action.run(task_vars={"a": 1}) == {"failed": True, "msg": "no"}
    assert action.calls == [
        "make",
        ("send", str(artifact), "/remote/tmp/artifact"),
        *([("permit", ("/remote/tmp", "/remote/tmp/artifact"))] if becomes else []),
        ("run", "/remote/tmp/artifact", {"a": 1}),
        ("remove", "/remote/tmp"),
    ]


def test_a_refusal_names_the_artifact_and_not_the_copy(artifact: Path) -> None:
    action = Recorded({"failed": True, "msg": "corrupt: /remote/tmp/artifact"}, archive=str(artifact))
    assert action.run(task_vars={})["msg"] == f"corrupt: {artifact}"


@pytest.mark.parametrize(
    ("name", "checksum", "said"),
    [
        pytest.param("a.tar.gz", "0" * 64, SUM, id="another one"),
        pytest.param("none.tar.gz", "", "none.tar.gz", id="missing"),
        pytest.param(".", "", "do: ", id="a directory"),
    ],
)
def test_what_does_not_travel(artifact: Path, name: str, checksum: str, said: str) -> None:
    action = Recorded({}, archive=str(artifact.parent / name), checksum=checksum)
    with pytest.raises(AnsibleActionFail, match=re.escape(said)):
        action.run(task_vars={})
    assert action.calls == []


def test_without_an_artifact_nothing_travels() -> None:
    action = Recorded({"changed": False})
    assert action.run(task_vars={}) == {"changed": False}
    assert action.calls == [("run", None, {})]
