# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _sentry
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._sentry import Reply, Wish

WISH = Wish("ops", "shop@r 2", ("shop",), ref="abc", environment="production", name="d1")
RELEASES = "organizations/ops/releases/"
ONE = f"{RELEASES}shop%40r%202/"
KNOWN = {"version": "shop@r 2", "ref": "abc", "projects": [{"slug": "shop"}]}
DEPLOY = {"environment": "production", "name": "d1"}


@pytest.mark.parametrize(
    ("changes", "release", "deploys", "steps"),
    [
        pytest.param({}, KNOWN, [DEPLOY], [], id="all is there"),
        pytest.param(
            {},
            None,
            [],
            [
                ("POST", RELEASES, {"version": "shop@r 2", "projects": ["shop"], "ref": "abc"}),
                ("POST", f"{ONE}deploys/", DEPLOY),
            ],
            id="nothing is there",
        ),
        pytest.param({"environment": ""}, KNOWN, [], [], id="no deploy is wanted"),
        pytest.param({}, KNOWN, [{**DEPLOY, "name": "d0"}], [("POST", f"{ONE}deploys/", DEPLOY)], id="another deploy"),
        pytest.param(
            {"name": ""},
            KNOWN,
            [{"environment": "staging", "name": None}],
            [("POST", f"{ONE}deploys/", {"environment": "production"})],
            id="another environment",
        ),
        pytest.param(
            {"name": ""}, KNOWN, [{"environment": "production", "name": None}], [], id="a deploy without a name"
        ),
        pytest.param(
            {"projects": ("shop", "worker")},
            KNOWN,
            [DEPLOY],
            [("POST", RELEASES, {"version": "shop@r 2", "projects": ["worker"]})],
            id="one more project",
        ),
        pytest.param(
            {"ref": "def", "url": "u"}, KNOWN, [DEPLOY], [("PUT", ONE, {"ref": "def", "url": "u"})], id="changed"
        ),
        pytest.param({"ref": "", "url": ""}, KNOWN, [DEPLOY], [], id="what is not given stays"),
    ],
)
def test_only_what_is_missing_is_asked_for(
    changes: dict[str, Any], release: dict[str, Any] | None, deploys: list[Any], steps: list[Any]
) -> None:
    planned = _sentry.plan(replace(WISH, **changes), release, deploys)
    assert [(step.method, step.path, step.body) for step in planned] == steps


class Api:
    """Answers in turn, and keeps what it was asked."""

    def __init__(self, *replies: Reply | Exception) -> None:
        self.replies, self.asked = list(replies), list[tuple[str, str, Any]]()

    def __call__(self, method: str, path: str, body: Any) -> Reply:
        self.asked.append((method, path, body))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


def ok(document: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(document))


def never(_seconds: float) -> None:
    raise AssertionError("nobody asked to wait")


def test_it_looks_first_and_then_asks() -> None:
    api = Api(ok({"detail": "no"}, 404), ok(KNOWN, 201), ok(DEPLOY, 201))
    assert _sentry.register(WISH, api, sleep=never) == [
        "create release shop@r 2",
        "register its deploy to production",
    ]
    assert [(method, path) for method, path, _body in api.asked] == [
        ("GET", ONE),
        ("POST", RELEASES),
        ("POST", f"{ONE}deploys/"),
    ]


def test_in_check_mode_it_only_looks() -> None:
    api = Api(ok(KNOWN), ok([]))
    assert _sentry.register(WISH, api, check_mode=True, sleep=never) == ["register its deploy to production"]
    assert [method for method, _path, _body in api.asked] == ["GET", "GET"]


def test_somebody_who_was_faster_is_no_trouble() -> None:
    api = Api(ok({}, 404), ok(KNOWN, 208), ok(DEPLOY, 201))
    assert len(_sentry.register(WISH, api, sleep=never)) == 2


def test_too_often_is_waited_for_within_bounds() -> None:
    waited: list[float] = []
    often = Reply(429, "", {"retry-after": "20"})
    api = Api(often, Reply(429), Reply(429, "", {"retry-after": "0"}), ok(KNOWN), ok([DEPLOY]))
    assert _sentry.register(WISH, api, patience=30, sleep=waited.append) == []
    assert waited == [20, 5, 1]
    with pytest.raises(DeployError, match="status 429"):
        _sentry.register(WISH, Api(often, often), patience=30, sleep=waited.append)


@pytest.mark.parametrize(
    ("replies", "seen"),
    [
        ([ok({"detail": "Invalid token"}, 401)], "did not look up the release.*status 401: Invalid token.*not valid"),
        ([ok({}, 404), ok({"detail": "no permission"}, 403)], "did not create release.*lacks a scope"),
        ([ok({}, 404), ok({"projects": ["Invalid project slugs"]}, 400)], "did not create.*Invalid project slugs"),
        ([ok(KNOWN), Reply(500, "<html>")], "did not list its deploys.*status 500: <html>.*later"),
        ([Reply(200, "<html>sign in</html>")], "did not look up the release.*sign in"),
        ([Reply(302)], "did not look up the release.*status 302"),
        ([ConnectionRefusedError("Connection refused")], "does not answer.*Connection refused.*api_url"),
    ],
)
def test_a_refusal_is_told_in_words(replies: list[Reply | Exception], seen: str) -> None:
    with pytest.raises(DeployError, match=f"(?s){seen}"):
        _sentry.register(WISH, Api(*replies), sleep=never)


@pytest.mark.parametrize("version", ["", " ", ".", "..", "latest", "a/b", "a\\b", "a\nb", "x" * 201])
def test_a_version_that_sentry_cannot_store_is_refused(version: str) -> None:
    with pytest.raises(DeployError, match="cannot be the name"):
        _sentry.register(replace(WISH, version=version), Api())


def test_a_release_belongs_to_a_project() -> None:
    with pytest.raises(DeployError, match="one project at least"):
        _sentry.register(replace(WISH, projects=()), Api())
