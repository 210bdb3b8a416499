# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Who built an artifact and of what: written by the variables of a pipeline, read without trust."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _provenance
from ansible_collections.nodeops.pm2.plugins.plugin_utils._provenance import Builder, Provenance

SUM = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
NOW = datetime(2026, 11, 23, 10, 15, 0, tzinfo=timezone.utc)
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/shop",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
    "GITHUB_RUN_ID": "17",
    "GITHUB_RUN_ATTEMPT": "2",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_URL": "https://gitlab.com/acme/shop",
    "CI_COMMIT_REF_NAME": "main",
    "CI_JOB_URL": "https://gitlab.com/acme/shop/-/jobs/17",
}


US = Builder(_provenance.BY_HAND, "ann@laptop")


def text(builder: Builder = US) -> str:
    found = Provenance(SUM, "abc123", "r1")
    return _provenance.statement(found, name="a.tar.gz", build=[["npm", "ci"]], builder=builder, began=NOW, ended=NOW)


@pytest.mark.parametrize(
    ("environment", "builder"),
    [
        pytest.param({}, Builder(_provenance.BY_HAND, "ann@laptop"), id="by hand"),
        pytest.param(
            GITHUB,
            Builder(
                "https://github.com/acme/shop/.github/workflows/deploy.yml@refs/heads/main",
                "https://github.com/acme/shop/actions/runs/17/attempts/2",
                "git+https://github.com/acme/shop@refs/heads/main",
            ),
            id="GitHub",
        ),
        pytest.param(
            GITLAB,
            Builder(
                "https://gitlab.com/acme/shop/-/ci",
                "https://gitlab.com/acme/shop/-/jobs/17",
                "git+https://gitlab.com/acme/shop@main",
            ),
            id="GitLab",
        ),
    ],
)
def test_who_builds(environment: dict[str, str], builder: Builder) -> None:
    assert _provenance.builder_of(environment, otherwise="ann@laptop") == builder


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "provenance.json"
    path.write_text(text())
    assert _provenance.read(path) == Provenance(SUM, "abc123", "r1")


def test_the_statement_has_the_form_that_others_read() -> None:
    statement = json.loads(text(Builder("https://b", "https://r", "git+https://s@main")))
    assert (statement["_type"], statement["predicateType"]) == (_provenance.STATEMENT, _provenance.PREDICATE)
    assert statement["subject"] == [{"name": "a.tar.gz", "digest": {"sha256": SUM}}]
    definition, run = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    assert definition["resolvedDependencies"] == [{"uri": "git+https://s@main", "digest": {"gitCommit": "abc123"}}]
    assert definition["externalParameters"] == {"release": "r1", "build": [["npm", "ci"]]}
    assert run["builder"] == {"id": "https://b"}
    times = {"startedOn": "2026-11-23T10:15:00Z", "finishedOn": "2026-11-23T10:15:00Z"}
    assert run["metadata"] == {"invocationId": "https://r", **times}


def changed(**fields: Any) -> str:
    return json.dumps({**json.loads(text()), **fields})


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        pytest.param(None, "No such file", id="none"),
        pytest.param("", "JSONDecodeError", id="empty"),
        pytest.param("[]", "TypeError", id="another document"),
        pytest.param("{}", "KeyError", id="no statement"),
        pytest.param(changed(_type="x"), "_type is x", id="another statement"),
        pytest.param(changed(subject=[]), "not enough values", id="about nothing"),
        pytest.param(changed(subject=[1, 2]), "too many values", id="about several"),
        pytest.param(changed(subject=[{"digest": {"sha256": "../x"}}]), "sha256 is ../x", id="no checksum"),
    ],
)
def test_what_is_no_provenance_is_refused(tmp_path: Path, content: str | None, seen: str) -> None:
    path = tmp_path / "provenance.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DeployError, match="cannot be read") as refused:
        _provenance.read(path)
    assert seen in refused.value.seen
    assert refused.value.where == str(path)


def test_one_that_others_wrote_need_not_say_more_than_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "provenance.json"
    path.write_text(changed(predicate={}))
    assert _provenance.read(path) == Provenance(SUM, "", "")
