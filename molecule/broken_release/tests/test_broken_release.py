# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""However a release is broken, it is refused by name, and the live one answers as if nothing had happened."""

from __future__ import annotations

import contextlib
import re
import socket
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED
from load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.nodeops.pm2.molecule.conftest import App

pytestmark = pytest.mark.usefixtures("as_users_see_it")


@dataclass(frozen=True)
class Breakage:
    """How a release breaks.

    :param rule: the gate's, which decides; a regular expression.
    :param says: what else has to be told.
    """

    variant: str
    rule: str
    says: str
    options: dict[str, Any] = field(default_factory=dict)


BREAKAGES = [
    Breakage("never_ready", "never_ready", "status 503, expected 200"),
    Breakage("never_listens", "no_listener", "it is alive, but nothing listens on its address"),
    # PM2 would swallow this boot error and call it online; the flag that makes it die honestly is ours.
    Breakage("alive_without_listener", "crashed_at_boot", "connect ECONNREFUSED 127.0.0.1:5432"),
    Breakage(
        "wrong_port", "no_listener", "nothing listens on its address", {"env": {"GREETING": "Hello", "WRONG_PORT": "0"}}
    ),
    Breakage("crash_at_boot", "crashed_at_boot", "Error: crashed at boot"),
    # On a busy machine it may be gone before it was first seen to listen.
    Breakage("crash_1200ms", "crashed(_at_boot)?", "crashed 1200 ms after it began to listen"),
    Breakage("wrong_status", "wrong_status", "status 500, expected 200"),
    Breakage(
        "env_missing",
        "crashed_at_boot",
        "Probably env_missing: Error: REQUIRED_SECRET is not set",
        {"check_skip": ["env_keys_missing"]},
    ),
]


@pytest.fixture(scope="module", autouse=True)
def live(app: App) -> int:
    """A release that serves; its pid."""
    app.options["gate_timeout"] = 6
    app.deploy("release-1", release="live", gate_timeout=30)
    return int(app.answer()["pid"])


def is_untouched(app: App, live: int) -> None:
    """The live release is answered by the very process of before, and nothing of another one is left running."""
    app.is_answered_by("live", "blue")
    assert app.answer()["pid"] == live
    assert not app.listeners("green")
    assert not app.layout.lock.exists()


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.variant)
def test_the_gate_refuses_it(app: App, live: int, breakage: Breakage) -> None:
    release = breakage.variant.replace("_", "-")
    with app.asked():
        run = app.deploy(breakage.variant, release=release, ends=REFUSED, **breakage.options)
    assert re.search(f"Release {release} is refused in slot green by {breakage.rule}: ", run.output), run.output
    assert breakage.says in run.output
    assert "Live is live." in run.output
    assert app.events(release) == ["staged", "bad"]
    is_untouched(app, live)


def test_the_soak_takes_back_what_crashes_after_15_seconds(app: App, live: int) -> None:
    with Load(f"{app.front}/health", rate=200) as load:
        run = app.deploy("crash_15s", release="late", soak=20, ends=REFUSED)
    assert "Release late is refused in slot green by crashed_in_soak: " in run.output
    assert "crashed 15000 ms after it began to listen" in run.output
    assert app.events("late") == ["staged", "gated", "published", "bad"]
    seen = load.result()
    assert seen.releases["late"].answers > 0
    published = next(moment(entry) for entry in app.entries("late") if entry["event"] == "published")
    assert not [line for line in seen.failures if float(line.split()[0]) < published]
    is_untouched(app, live)


def test_an_env_key_that_is_set_nowhere_is_missed_before_the_start(app: App, live: int) -> None:
    run = app.deploy("env_missing", release="unset", ends=REFUSED)
    assert "[env_keys_missing]" in run.output
    assert "REQUIRED_SECRET" in run.output
    assert not app.events("unset")
    is_untouched(app, live)


def test_a_stranger_on_the_idle_port_is_seen_by_the_check_and_by_the_start(app: App, live: int) -> None:
    with app.asked(), stranger(app.card.ports["green"]):
        run = app.deploy("release-2", release="early", ends=REFUSED)
        assert "[port_busy]" in run.output
        assert not app.events("early")
        run = app.deploy("release-2", release="pushed", check_skip=["port_busy"], ends=REFUSED)
        assert "The slot's address is taken by a process that is not ours." in run.output
        assert app.events("pushed") == ["staged", "aborted"]
        assert app.listeners("green"), "a stranger is left alone"
    is_untouched(app, live)


def test_a_front_door_that_does_not_lead_to_the_slot_is_found_in_two_answers(app: App, live: int) -> None:
    elsewhere = {"blue": app.card.ports["main"], "green": app.card.ports["spare"]}
    run = app.deploy("release-2", release="elsewhere", ports=elsewhere, gate_timeout=60, ends=REFUSED)
    assert "The slot had just answered, so look at what stands in front of it" in run.output
    published, bad = app.entries("elsewhere")[-2:]
    assert (published["event"], bad["event"]) == ("published", "bad")
    assert moment(bad) - moment(published) < 30, "it did not wait as for an app that boots"
    is_untouched(app, live)


def test_a_good_release_gets_through_after_all_that(app: App) -> None:
    app.deploy("release-2", release="good", gate_timeout=30)
    app.is_answered_by("good", "green")


@contextlib.contextmanager
def stranger(port: int) -> Iterator[None]:
    """Somebody else who listens there."""
    with socket.create_server(("127.0.0.1", port)):
        yield


def moment(entry: dict[str, Any]) -> float:
    """When it was written, seconds since the epoch."""
    return datetime.fromisoformat(entry["at"].replace("Z", "+00:00")).timestamp()
