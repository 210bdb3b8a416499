# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The pipelines that users copy deploy, refuse, alert, go back and tidy up after themselves, on both forges."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import App, cards
from ansible_collections.nodeops.pm2.molecule.pipeline.engines import Engine, GitHub, GitLab, Repository
from ansible_collections.nodeops.pm2.molecule.shared.outside import Outside

NOWHERE = "http://127.0.0.1:9"  # the discard port, where nobody listens


@dataclass(frozen=True)
class Forge:
    """An engine, the host that it deploys to, and the services outside."""

    engine: Engine
    app: App
    outside: Outside

    @property
    def live(self) -> str:
        """The release that answers at the front door."""
        return str(self.app.answer().get("release", ""))

    @property
    def alerts(self) -> list[Any]:
        """What was sent to the webhook."""
        return self.outside.taken("hook")


@pytest.fixture(scope="module", params=[GitHub, GitLab], ids=["github", "gitlab"])
def forge(request: pytest.FixtureRequest) -> Iterator[Forge]:
    """One after the other, each with a host of its own."""
    if request.param is GitLab and not shutil.which("rsync"):
        pytest.skip("gitlab-ci-local needs rsync")
    card = cards()[request.param is GitLab]
    with Outside() as outside:
        yield Forge(request.param(Repository(card, f"{outside.url}/hook/made-up-token")), App(card), outside)


def deployed(forge: Forge, release: str = "") -> list[str]:
    """The ledger's events, without what the check before it has waived."""
    return [event for event in forge.app.events(release) if event != "waived"]


def test_a_push_is_built_checked_deployed_and_asked_for_from_the_runner(forge: Forge) -> None:
    ended = forge.engine.push("release-1")
    assert ended.good, ended.output
    assert deployed(forge) == ["staged", "gated", "published", "good"]
    forge.app.is_answered_by(forge.live, "blue")
    assert forge.alerts == []


def test_what_is_live_is_what_was_built_and_says_where_it_comes_from(forge: Forge) -> None:
    [entry] = [one for one in forge.app.entries() if one["event"] == "staged"]
    statement = json.loads(provenance(forge).read_text(encoding="utf-8"))
    definition, run = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    assert entry["detail"]["artifact_sha256"] == statement["subject"][0]["digest"]["sha256"]
    assert entry["detail"]["revision"] == definition["resolvedDependencies"][0]["digest"]["gitCommit"]
    assert entry["release"] == definition["externalParameters"]["release"] == forge.live
    assert "acme/shop" in definition["resolvedDependencies"][0]["uri"]
    assert run["builder"]["id"].startswith("https://git")


def test_a_release_that_the_gate_refuses_stays_off_and_nobody_is_rolled_back(forge: Forge) -> None:
    if isinstance(forge.engine, GitLab):
        pytest.skip("the step is the same")
    before = forge.live
    with forge.app.asked():
        ended = forge.engine.push("wrong_status")
    assert not ended.good, ended.output
    assert "is refused in slot green by wrong_status: " in ended.output
    assert forge.app.events()[-2:] == ["staged", "bad"]
    forge.app.is_answered_by(before, "blue")
    assert "rolled_back" not in forge.app.events()
    assert forge.alerts == [], "nothing was asked from outside, because nothing was deployed"


def test_a_smoke_test_that_fails_on_the_runner_alerts_and_rolls_nothing_back(forge: Forge) -> None:
    before = forge.live
    ended = forge.engine.push("release-2", bluegreen_public_url=NOWHERE, bluegreen_gate_timeout=2)
    assert not ended.good, ended.output
    assert "From here the app does not answer as it should." in ended.output
    assert "made-up-token" not in ended.output
    assert forge.live not in ("", before)
    forge.app.is_answered_by(forge.live, "green")
    assert deployed(forge, forge.live) == ["staged", "gated", "published", "good"]
    [alert] = forge.alerts
    assert (alert["severity"], alert["facts"]["release"]) == ("WARNING", forge.live)
    assert "Nothing was rolled back" in alert["text"]


def test_a_rollback_by_hand(forge: Forge) -> None:
    before = forge.live
    ended = forge.engine.roll_back()
    assert ended.good, ended.output
    assert forge.live not in ("", before)
    forge.app.is_answered_by(forge.live, "blue")
    assert forge.app.events(before)[-1] == "rolled_back"


def test_a_pipeline_that_is_cancelled_takes_back_what_it_had_published(forge: Forge) -> None:
    if isinstance(forge.engine, GitLab):
        pytest.skip("gitlab-ci-local has no way to cancel; the step is the same")
    before, published = forge.live, ""

    def is_published() -> bool:
        nonlocal published
        published = forge.app.live()
        return published != before

    with forge.app.asked():
        ended = forge.engine.push("release-2", until=is_published, bluegreen_soak=60)
    assert not ended.good, ended.output
    assert forge.app.events(published)[-1] == "aborted", ended.output
    forge.app.is_answered_by(before, "blue")
    assert not forge.app.layout.lock.exists()


def provenance(forge: Forge) -> Path:
    """Where the engine keeps what the build has handed over."""
    found = forge.app.card.directory.glob("repositories/1-*/**/artifact/provenance.json")
    kept = forge.app.card.directory.glob("repositories/1-*.store/artifact/provenance.json")
    return next(path for paths in (found, kept) for path in paths)
