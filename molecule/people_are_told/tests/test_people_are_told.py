# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Nobody deploys to a host that could not call for help, unless they say so; and what is done there is told."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, listing
from ansible_collections.nodeops.pm2.molecule.crash_or_operator.lab import sentry_sdk
from ansible_collections.nodeops.pm2.molecule.shared.outside import BEARER, Answer, too_many

if TYPE_CHECKING:
    from ansible_collections.nodeops.pm2.molecule.guard.tests.conftest import Watched

pytestmark = pytest.mark.usefixtures("as_users_see_it")

WRONG = {"token": "123456789:AAF-wrong-token-0123456789abcdefghij", "chat": "-1001234567890"}
NOBODY = "sntrys_wrong"
SILENT = "Nobody would be told if this release died, so it is not deployed."


def refused(watched: Watched, why: str, **options: Any) -> None:
    """A deploy is, before anything is touched."""
    before = listing(watched.app.card.root)
    output = watched.app.deploy("release-1", release="silent", ends=REFUSED, **options).output
    assert SILENT in output
    assert why in output
    assert listing(watched.app.card.root) == before


def test_a_host_that_never_had_a_guard_is_deployed_to_and_says_so(watched: Watched) -> None:
    assert "no guard watches this host" in watched.app.deploy("release-1", release="r1").output
    refused(watched, "there is none on this host", guard={"bake": 60})


def test_a_guard_that_cannot_reach_people_is_none(watched: Watched) -> None:
    watched.install(ends=REFUSED, telegram={**WRONG, "base_url": watched.outside.url})
    refused(watched, "did not reach telegram (")
    options = {"source": str(watched.app.source("release-1")), "release": "silent"}
    assert SILENT in watched.app.play("deploy", "--check", ends=REFUSED, **options).output


def test_whoever_says_so_deploys_all_the_same_and_is_recorded(watched: Watched) -> None:
    output = watched.app.deploy("release-1", release="r2", allow_silent=True).output
    assert "Nobody would be told if this release died." in output
    (entry,) = (one for one in watched.app.entries() if one["event"] == "silent")
    assert "r2 goes on although nobody would be told. The last test, of" in entry["reason"]
    assert entry["by"]
    assert "SILENT: The last test" in watched.run("status", ends=3)
    watched.app.rollback(release="r1")  # the way back is open to everybody


def test_start_success_refusal_and_rollback_are_told(watched: Watched) -> None:
    watched.install()
    watched.deploy("r3", "release-2")
    watched.until(lambda: "Release: r3" in watched.told("deploy started"))
    watched.app.deploy("crash_at_boot", release="broken", ends=REFUSED)
    watched.until(lambda: "Release: broken" in watched.told("release refused"))
    watched.app.deploy("incident", release="stale", ends=REFUSED)
    watched.until(lambda: "Release: stale" in watched.told("release refused"))
    assert "stale_build_output" in watched.told("release refused")
    watched.app.rollback()
    watched.until(lambda: "Release: r3" in watched.told("rolled back"))
    assert "by " in watched.told("rolled back")
    status = json.loads(watched.run("status", "--json"))
    assert (status["silent"], status["state"]["live"]) == ("", "r1")
    assert "rolled_back" in watched.run("history", "backend")


def sentry(watched: Watched, **more: Any) -> dict[str, Any]:
    """Options of a deploy that Sentry is told of."""
    dsn = watched.outside.url.replace("http://", "http://key@") + "/1"
    return {
        "sentry": True,
        "sentry_environment": "staging",
        "sentry_organization": "example",
        "sentry_projects": ["backend"],
        "sentry_token": BEARER,
        "sentry_api_url": watched.outside.url,
        "env": {"GREETING": "Hello", "SENTRY_DSN": dsn},
        **more,
    }


def test_sentry_knows_the_release_and_the_app_knows_sentry(watched: Watched) -> None:
    watched.outside.script("sentry", too_many(1))
    output = watched.app.deploy("release-1", release="r4", **sentry(watched)).output
    assert BEARER not in output
    asked = [(one.method, one.path.partition("/releases/")[2], one.status) for one in watched.outside.of("sentry")]
    assert asked == [
        ("GET", "backend%40r4/", 429),
        ("GET", "backend%40r4/", 404),
        ("POST", "", 201),
        ("POST", "backend%40r4/deploys/", 201),
    ]
    release, deploy = watched.outside.taken("sentry")
    assert (release["version"], release["projects"], len(release["ref"])) == ("backend@r4", ["backend"], 40)
    assert deploy == {"environment": "staging", "name": "r4"}
    environment = Path(f"/proc/{watched.app.answer()['pid']}/environ").read_text(encoding="utf-8").split("\0")
    wanted = {"SENTRY_ENABLED=true", "SENTRY_RELEASE=backend@r4", "SENTRY_ENVIRONMENT=staging"}
    assert wanted <= set(environment)
    assert not any(BEARER in variable for variable in environment)


def test_a_registration_that_fails_fails_no_deploy_and_is_told(watched: Watched) -> None:
    output = watched.app.deploy("release-1", release="r5", **sentry(watched, sentry_token=NOBODY)).output
    assert "The token is not valid" in output
    assert NOBODY not in output
    watched.outside.script("sentry", Answer(close="early"))
    output = watched.app.deploy("release-1", release="r6", **sentry(watched)).output
    assert "Sentry does not answer." in output
    assert watched.app.live() == "r6"
    assert watched.app.events("r6")[-1] == "good"


def test_an_app_that_dies_before_its_own_sentry_is_told_of(watched: Watched) -> None:
    # Above the releases: Node.js looks there for what the demo backend does not have among its dependencies.
    (watched.app.card.directory / "node_modules").symlink_to(sentry_sdk() / "node_modules")
    options = sentry(watched, check_skip=["stale_build_output"])
    watched.app.deploy("incident", release="incident", ends=REFUSED, **options)
    watched.until(lambda: watched.outside.of("ingest"))
    items = [json.loads(line) for asked in watched.outside.of("ingest") for line in asked.text.splitlines()]
    event = next(item for item in items if "exception" in item)
    assert event["exception"]["values"][0]["type"] == "SyntaxError"
    assert "has already been declared" in event["exception"]["values"][0]["value"]
    assert (event["release"], event["environment"]) == ("backend@incident", "staging")
    assert watched.app.live() == "r6"


def test_a_guard_that_does_not_run_tells_nobody(watched: Watched) -> None:
    os.kill(watched.pid, signal.SIGTERM)
    refused(watched, "does not run: its last process")
