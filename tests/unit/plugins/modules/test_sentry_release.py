# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.outside import BEARER, Answer, Outside
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.modules import sentry_release


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Sentry's API, on loopback."""
    with Outside() as services:
        yield services


@pytest.fixture
def params(outside: Outside) -> dict[str, Any]:
    defaults = {name: option["default"] for name, option in sentry_release.SPEC.items() if "default" in option}
    return {
        **defaults,
        "api_url": f"{outside.url}/",
        "organization": "ops",
        "projects": ["shop"],
        "version": "shop@r2",
        "environment": "production",
        "name": "d1",
        "token": BEARER,
    }


def methods(outside: Outside) -> list[str]:
    return [asked.method for asked in outside.of("sentry")]


def test_check_then_register_then_nothing_then_a_change(outside: Outside, params: dict[str, Any]) -> None:
    would = sentry_release.run(params, check_mode=True)
    assert would == {
        "changed": True,
        "said": ["create release shop@r2", "register its deploy to production"],
        "problem": "",
    }
    assert methods(outside) == ["GET"]
    assert sentry_release.run(params, check_mode=False) == would
    assert sentry_release.run(params, check_mode=False) == {"changed": False, "said": [], "problem": ""}
    assert sentry_release.run({**params, "ref": "abc"}, check_mode=False)["said"] == ["set its ref"]
    assert not sentry_release.run({**params, "ref": "abc"}, check_mode=True)["changed"]
    assert [asked.body for asked in outside.of("sentry") if asked.method == "POST"] == [
        {"version": "shop@r2", "projects": ["shop"]},
        {"environment": "production", "name": "d1"},
    ]


def test_too_often_is_waited_for(outside: Outside, params: dict[str, Any]) -> None:
    outside.script("sentry", Answer(429, {"detail": "slow down"}, {"Retry-After": "1"}))
    assert sentry_release.run(params, check_mode=False)["changed"]
    assert [asked.status for asked in outside.of("sentry")][:2] == [429, 404]


def test_a_failure_fails_where_that_is_wanted_and_only_there(params: dict[str, Any]) -> None:
    wrong = {**params, "token": "wrong-token"}
    with pytest.raises(DeployError, match="status 401"):
        sentry_release.run(wrong, check_mode=False)
    result = sentry_release.run({**wrong, "fail": False}, check_mode=False)
    assert not result["changed"]
    assert "token is not valid" in result["problem"]
    assert "wrong-token" not in result["problem"]
    gone = {**params, "fail": False, "api_url": "http://127.0.0.1:1", "timeout": 1}
    assert "Sentry does not answer" in sentry_release.run(gone, check_mode=False)["problem"]


def test_a_redirect_does_not_carry_the_token_away(outside: Outside, params: dict[str, Any]) -> None:
    outside.script("sentry", Answer(302, "", {"Location": f"{outside.url}/hook"}))
    with pytest.raises(DeployError, match="status 302"):
        sentry_release.run(params, check_mode=False)
    assert outside.of("hook") == []
