# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rehearsal, a check and a status tell what is or would be, and leave not a byte or a date changed on the host."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.nodeops.pm2.molecule.conftest import App

# The controller's own: an embedded host shares its directory with it.
CONTROLLERS = ("artifacts", "source")
# Nobody told of tests and smoke tests, and no guard is here; all else is as it should be.
UNPROVED = "not proved tests_passed, smoke_ready, monitoring_set_up."


@contextlib.contextmanager
def nothing_changes(app: App) -> Iterator[None]:
    """Neither a file, a date, the processes' answer nor PM2's daemon, which is not even started."""
    before, answer = on_the_host(app), app.answer().get("pid")
    yield
    after = on_the_host(app)
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == set()
    assert app.answer().get("pid") == answer


def on_the_host(app: App) -> dict[str, str]:
    """All of the host's directory that is not the controller's."""
    parts = [path for path in app.card.directory.iterdir() if path.name not in CONTROLLERS]
    return {path: seen for part in parts for path, seen in listing(part).items()}


def rehearse(app: App, playbook: str, **options: Any) -> str:
    """What ``--check --diff`` prints; it has to end well."""
    return app.play(playbook, "--check", "--diff", **options).output


def test_a_first_deploy_is_rehearsed(app: App) -> None:
    with nothing_changes(app):
        output = rehearse(app, "deploy", source=str(app.source("release-1")), release="r1")
    assert f"+{app.layout.release('r1').path}\n" in output
    assert f"+{app.layout.current} -> releases/r1\n" in output
    assert not app.card.root.exists()


def test_a_new_host_is_checked_and_shown(app: App) -> None:
    with nothing_changes(app):
        run = app.play("check", source=str(app.source("release-1")), ends=REFUSED)
        assert run.changed == 0
        assert UNPROVED in run.output
        run = app.play("status")
        assert "nothing is live" in run.output
        run = app.play("check", source=str(app.source("incident")), ends=REFUSED)
        assert "refused by stale_build_output" in run.output


def test_a_later_deploy_and_the_way_back_are_rehearsed(app: App) -> None:
    app.deploy("release-1", release="r1")
    app.deploy("release-2", release="r2")
    current = app.layout.current
    with nothing_changes(app):
        output = rehearse(app, "deploy", source=str(app.source("release-1")), release="r3")
        assert f"-{current} -> releases/r2\n+{current} -> releases/r3\n" in output
        output = rehearse(app, "rollback")
        assert f"-{current} -> releases/r2\n+{current} -> releases/r1\n" in output
        output = rehearse(app, "deploy", source=str(app.source("release-2")), release="r2")
        assert "changed=0" in output
    app.is_answered_by("r2", "green")


def test_a_host_that_serves_is_checked_and_shown(app: App) -> None:
    with nothing_changes(app):
        run = app.play("check", source=str(app.source("release-1")), ends=REFUSED)
        assert run.changed == 0
        assert UNPROVED in run.output
        run = app.play("status")
        assert run.changed == 0
        assert f"backend on {app.card.name}: r2 is live in green" in run.output
        assert "rollback goes to r1" in run.output
