# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Registers a release and its deploys with Sentry: looks what is there, and asks for the rest."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._log import clean

_VERSION = re.compile(r"[^/\\\x00-\x1f\x7f]{1,200}")
_NO_VERSIONS = (".", "..", "latest")
_DEFAULT_WAIT = 5.0


@dataclass(frozen=True)
class Reply:
    """What the API answered; ``headers`` by lower-case name."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> Any:
        """The JSON in it, ``None`` where there is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


# Sends a method, a path below /api/0/ and a JSON body; raises OSError where nobody answers.
Exchange = Callable[[str, str, Any], Reply]


@dataclass(frozen=True)
class Wish:
    """What is to be registered.

    :param projects: slugs of the projects that the release belongs to.
    :param ref: the commit.
    :param url: where people find the release.
    :param environment: what it was deployed to; ``''`` registers no deploy.
    :param name: of the deploy; one of the same name and environment is the same deploy.
    """

    organization: str
    version: str
    projects: tuple[str, ...]
    ref: str = ""
    url: str = ""
    environment: str = ""
    name: str = ""


@dataclass(frozen=True)
class Step:
    """One thing to ask for, and what it does, for people."""

    method: str
    path: str
    body: Mapping[str, Any]
    what: str


def check(wish: Wish) -> None:
    """Refuse what Sentry would not take.

    :raises DeployError: for a version that it cannot store, and for a release of no project.
    """
    if not _VERSION.fullmatch(wish.version) or wish.version in _NO_VERSIONS or not wish.version.strip():
        raise DeployError(
            "This cannot be the name of a release in Sentry.",
            expected="1 to 200 characters without slashes, backslashes and control characters",
            seen=repr(wish.version[:100]),
            remedy="Choose another version; <app>@<release id> is a good one.",
        )
    if not wish.projects:
        raise DeployError("A release in Sentry belongs to one project at least.", remedy="Name it in projects.")


def plan(wish: Wish, release: Mapping[str, Any] | None, deploys: list[Mapping[str, Any]]) -> list[Step]:
    """What is missing. Pure.

    :param release: as Sentry knows it, ``None`` where it does not.
    :param deploys: of that release.
    """
    releases = f"organizations/{quote(wish.organization, safe='')}/releases/"
    one = f"{releases}{quote(wish.version, safe='')}/"
    wanted = {key: value for key, value in (("ref", wish.ref), ("url", wish.url)) if value}
    steps = []
    if release is None:
        body = {"version": wish.version, "projects": list(wish.projects), **wanted}
        steps.append(Step("POST", releases, body, f"create release {wish.version}"))
    else:
        known = {entry.get("slug") if isinstance(entry, Mapping) else entry for entry in release.get("projects") or ()}
        missing = [project for project in wish.projects if project not in known]
        if missing:
            body = {"version": wish.version, "projects": missing}
            steps.append(Step("POST", releases, body, f"add it to {', '.join(missing)}"))
        changed = {key: value for key, value in wanted.items() if release.get(key) != value}
        if changed:
            steps.append(Step("PUT", one, changed, f"set its {' and '.join(changed)}"))
    if wish.environment and not any(_is(deploy, wish) for deploy in deploys):
        body = {"environment": wish.environment, **({"name": wish.name} if wish.name else {})}
        steps.append(Step("POST", f"{one}deploys/", body, f"register its deploy to {wish.environment}"))
    return steps


def register(
    wish: Wish,
    exchange: Exchange,
    *,
    check_mode: bool = False,
    patience: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """Ask for what is missing; what was done, or would be, a few words each; none where all is there.

    :param patience: seconds to wait in all when Sentry says that it is asked too often.
    :raises DeployError: when it refuses, or nobody answers.
    """
    check(wish)
    ask = _Patient(exchange, patience, sleep)
    one = f"organizations/{quote(wish.organization, safe='')}/releases/{quote(wish.version, safe='')}/"
    found = ask("GET", one, None)
    release = found.document if found.status == 200 and isinstance(found.document, dict) else None
    if release is None and found.status != 404:
        raise _refusal("look up the release", found)
    deploys: list[Mapping[str, Any]] = []
    if release is not None and wish.environment:
        listed = ask("GET", f"{one}deploys/", None)
        if listed.status != 200 or not isinstance(listed.document, list):
            raise _refusal("list its deploys", listed)
        deploys = [deploy for deploy in listed.document if isinstance(deploy, dict)]
    steps = plan(wish, release, deploys)
    for step in steps if not check_mode else ():
        reply = ask(step.method, step.path, dict(step.body))
        if not 200 <= reply.status < 300:  # 208 says that somebody else was faster
            raise _refusal(step.what, reply)
    return [step.what for step in steps]


class _Patient:
    """Asks again when it was too often, as long as it may take."""

    def __init__(self, exchange: Exchange, patience: float, sleep: Callable[[float], None]) -> None:
        self._exchange, self._left, self._sleep = exchange, patience, sleep

    def __call__(self, method: str, path: str, body: Any) -> Reply:
        while True:
            try:
                reply = self._exchange(method, path, body)
            except OSError as error:
                remedy = "Check api_url, and that this machine reaches it."
                raise DeployError("Sentry does not answer.", seen=clean(str(error)), remedy=remedy) from error
            wait = _wait(reply)
            if reply.status != 429 or wait > self._left:
                return reply
            self._left -= wait
            self._sleep(wait)


def _wait(reply: Reply) -> float:
    try:
        return max(float(reply.headers.get("retry-after", "")), 1.0)
    except ValueError:
        return _DEFAULT_WAIT


def _is(deploy: Mapping[str, Any], wish: Wish) -> bool:
    return deploy.get("environment") == wish.environment and (deploy.get("name") or "") == wish.name


_REMEDIES = {
    401: "The token is not valid: create an organization token in Sentry's settings.",
    403: "The token lacks a scope: it needs project:releases (or org:ci) for this organization.",
    404: "There is no such organization or project for this token: correct their slugs, or api_url.",
    429: "It was asked too often; patience bounds how long that is waited for.",
}


def _refusal(what: str, reply: Reply) -> DeployError:
    document = reply.document
    detail = document.get("detail", document) if isinstance(document, dict) else reply.text
    return DeployError(
        f"Sentry did not {what}.",
        seen=f"status {reply.status}: {clean(' '.join(str(detail).split()), limit=200)}",
        remedy=_REMEDIES.get(reply.status, "If it is only down, run again later: nothing is registered twice."),
    )
