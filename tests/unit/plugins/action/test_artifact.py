# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the options ask for, and what comes of a URL; how archives are made is tried in module_utils."""

from __future__ import annotations

import hashlib
import http.client
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.urls import SSLValidationError
from ansible.plugins.action import ActionBase

from ansible_collections.nodeops.pm2.plugins.action import artifact
from ansible_collections.nodeops.pm2.plugins.module_utils import _artifact
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

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

    def __init__(self, params: dict[str, Any]) -> None:
        self.params = params

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
