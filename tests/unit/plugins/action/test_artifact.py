# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the options ask for, and what comes of a URL; how archives are made is tried in module_utils."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.urls import SSLValidationError
from ansible.plugins.action import ActionBase

from ansible_collections.nodeops.pm2.plugins.action import artifact
from ansible_collections.nodeops.pm2.plugins.module_utils import _artifact
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _provenance

TEXT = b"artifact"
SUM = hashlib.sha256(TEXT).hexdigest()
URL = "https://example.com/shop.tar.gz"


@pytest.fixture
def params(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The options with their defaults, and what a test gives."""

    def make(**given: Any) -> dict[str, Any]:
        defaults = {name: option["default"] for name, option in artifact.SPEC.items()}
        return {**defaults, "directory": str(tmp_path / "cache"), **given}

    return make


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """URLs that were opened; each gives TEXT."""
    opened: list[str] = []

    def open_url(url: str, *, timeout: float) -> io.BytesIO:
        assert timeout == 60
        opened.append(url)
        return io.BytesIO(TEXT)

    monkeypatch.setattr(artifact, "open_url", open_url)
    return opened


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({}, "It is not clear what to deploy.|seen: neither", id="neither"),
        pytest.param({"archive": "a", "source": "b"}, "It is not clear what to deploy.|seen: both", id="both"),
        pytest.param({"archive": URL}, "needs its checksum.|bluegreen_artifact_sha256", id="a URL without checksum"),
        pytest.param({"archive": "a", "release": "../r1"}, "not a release id|'../r1'", id="no release id"),
        pytest.param({"archive": "/none.tar.gz"}, "cannot be read|/none.tar.gz", id="no such file"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_fetched(
    params: Callable[..., dict[str, Any]], fetched: list[str], tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(DeployError) as refused:
        artifact.take(params(**given))
    assert [word for word in words.split("|") if word not in str(refused.value)] == []
    assert (fetched, list(tmp_path.iterdir())) == ([], [])


def test_a_file_is_taken_where_it_lies(params: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "shop.tar.gz"
    path.write_bytes(TEXT)
    taken = artifact.take(params(archive=str(path), checksum=SUM.upper(), release="r1"))
    assert taken == _artifact.Artifact(path, SUM, "", "r1")
    named = artifact.take(params(archive=str(path))).release
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}-{SUM[:7]}", named)


def test_a_url_is_fetched_into_the_cache(
    params: Callable[..., dict[str, Any]], fetched: list[str], tmp_path: Path
) -> None:
    taken = artifact.take(params(archive=URL, checksum=SUM))
    assert (fetched, taken.checksum, taken.path.read_bytes()) == ([URL], SUM, TEXT)
    assert list((tmp_path / "cache").iterdir()) == [taken.path]


@pytest.mark.usefixtures("fetched")
def test_a_url_that_gives_something_else_is_refused(params: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(DeployError) as refused:
        artifact.take(params(archive=URL, checksum="0" * 64))
    assert SUM in str(refused.value)


class Broken(io.BytesIO):
    """Ends in the middle."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def read(self, _size: int | None = -1) -> bytes:
        raise self.error


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (ConnectionResetError("reset by peer"), "reset by peer"),
        (http.client.IncompleteRead(b"half", 8), "IncompleteRead(4 bytes read, 8 more expected)"),
        (http.client.InvalidURL("no port"), "no port"),
        (SSLValidationError("self-signed"), "self-signed"),
        (ValueError("unknown url type"), "unknown url type"),
        (http.client.HTTPException(), "HTTPException"),
    ],
)
def test_a_fetch_that_breaks_leaves_nothing_and_shows_no_secret(
    params: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, seen: str
) -> None:
    monkeypatch.setattr(artifact, "open_url", lambda _url, **_options: Broken(error))
    url = URL.replace("://", "://ann:made-up@") + "?token=made-up"
    with pytest.raises(DeployError, match="cannot be fetched") as refused:
        artifact.take(params(archive=url, checksum=SUM))
    assert (refused.value.seen, refused.value.where) == (seen, URL)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_source_is_built_as_the_options_say(
    params: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []

    made = _artifact.Artifact(tmp_path, SUM, "abc", "r1")

    def built(*given: Any, **options: Any) -> _artifact.Artifact:
        assert options.pop("now").tzinfo
        asked.append((given, options))
        return made

    monkeypatch.setattr(_artifact, "built", built)
    monkeypatch.setenv("HOME", "/home/ann")
    assert artifact.take(params(source="~/shop", version="v1", build=[["make"]])) is made
    options = {"build": [["make"]], "directory": tmp_path / "cache", "release": ""}
    assert asked == [((Path("/home/ann/shop"), "v1"), options)]


class Action(artifact.ActionModule):
    """The plugin without ansible-core around it."""

    def __init__(self, params: dict[str, Any], *, check_mode: bool = False) -> None:
        self.params = params
        self._task = SimpleNamespace(check_mode=check_mode)

    def validate_argument_spec(self, argument_spec: dict[str, Any]) -> tuple[None, dict[str, Any]]:
        assert argument_spec == artifact.SPEC
        return None, self.params


@pytest.mark.parametrize(("uncommitted", "warnings"), [(False, 0), (True, 1)])
def test_the_result_is_the_artifact(
    params: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, uncommitted: bool, warnings: int
) -> None:
    made = _artifact.Artifact(Path("/cache/a"), SUM, "abc", "r1", uncommitted)
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp, _task_vars: {})
    monkeypatch.setattr(artifact, "take", lambda _params: made)
    result = Action(params()).run()
    assert len(result.pop("warnings", [])) == warnings
    assert result == {
        "path": "/cache/a",
        "checksum": SUM,
        "revision": "abc",
        "release": "r1",
        "uncommitted": uncommitted,
        "changed": False,
    }


def test_a_refusal_reaches_the_user_whole(
    params: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp, _task_vars: {})
    with pytest.raises(AnsibleActionFail, match="expected: one of bluegreen_artifact and bluegreen_source"):
        Action(params()).run()


def test_relative_paths_begin_where_the_command_was_given(
    params: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        _artifact, "built", lambda source, *_version, **_options: _artifact.Artifact(source, SUM, "abc", "r1")
    )
    Path("a.tar.gz").write_bytes(TEXT)
    assert artifact.take(params(archive="a.tar.gz")).path == tmp_path / "a.tar.gz"
    assert artifact.take(params(source="checkout")).path == tmp_path / "checkout"


@pytest.fixture
def handed_over(params: Callable[..., dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a build by hand leaves for the next job of a pipeline."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    made = tmp_path / "made"
    made.write_bytes(TEXT)
    commit = _artifact.Artifact(made, SUM, "abc123", "r1")
    monkeypatch.setattr(_artifact, "built", lambda *_given, **_options: commit)
    taken = artifact.take(params(source="shop", build=[["make", "TOKEN=made-up-secret"]], output=str(tmp_path / "out")))
    assert taken == _artifact.Artifact(tmp_path / "out/artifact.tar.gz", SUM, "abc123", "r1")
    return tmp_path / "out"


def test_what_one_job_hands_over_the_next_one_takes(
    params: Callable[..., dict[str, Any]], handed_over: Path, tmp_path: Path
) -> None:
    moved = handed_over.rename(tmp_path / "downloaded")
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "artifact.tar.gz.sha256"], cwd=moved, check=True)
    taken = artifact.take(params(archive=str(moved / "artifact.tar.gz"), provenance=str(moved / "provenance.json")))
    assert taken == _artifact.Artifact(moved / "artifact.tar.gz", SUM, "abc123", "r1")
    assert "made-up-secret" not in (moved / "provenance.json").read_text()


def test_an_artifact_that_its_provenance_does_not_speak_of_is_refused(
    params: Callable[..., dict[str, Any]], handed_over: Path
) -> None:
    archive, provenance = str(handed_over / "artifact.tar.gz"), str(handed_over / "provenance.json")
    with pytest.raises(DeployError, match="speak of two artifacts"):
        artifact.take(params(archive=archive, provenance=provenance, checksum="0" * 64))
    Path(archive).write_bytes(b"another")
    with pytest.raises(DeployError, match="not the one that was meant"):
        artifact.take(params(archive=archive, provenance=provenance))


def test_a_release_id_in_a_provenance_is_no_path(params: Callable[..., dict[str, Any]], handed_over: Path) -> None:
    path = handed_over / "provenance.json"
    document = json.loads(path.read_text())
    document["predicate"]["buildDefinition"]["externalParameters"]["release"] = "../r1"
    path.write_text(json.dumps(document))
    with pytest.raises(DeployError, match="not a release id"):
        artifact.take(params(archive=str(handed_over / "artifact.tar.gz"), provenance=str(path)))


def test_what_cannot_be_handed_over_is_told(params: Callable[..., dict[str, Any]], handed_over: Path) -> None:
    nowhere = handed_over / "artifact.tar.gz/below"
    with pytest.raises(DeployError, match="cannot be handed over") as refused:
        artifact.take(params(source="shop", output=str(nowhere)))
    assert (refused.value.seen, refused.value.where) == ("Not a directory", str(nowhere))


def test_a_rehearsal_hands_nothing_over(
    params: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda _self, _tmp, _task_vars: {})
    made = _artifact.Artifact(tmp_path / "made", SUM, "abc", "r1")
    monkeypatch.setattr(_artifact, "built", lambda *_given, **_options: made)
    monkeypatch.setattr(_provenance, "statement", lambda *_given, **_options: "{}")
    given = params(source="shop", output=str(tmp_path / "out"))
    result = Action(dict(given), check_mode=True).run()
    assert (result["path"], result["changed"], (tmp_path / "out").exists()) == (str(made.path), False, False)
    made.path.write_bytes(TEXT)
    result = Action(dict(given)).run()
    assert (result["path"], result["changed"]) == (str(tmp_path / "out/artifact.tar.gz"), True)
