# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A first deploy puts a release on disk, proves it, and makes it the one that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host

    from ansible_collections.nodeops.pm2.molecule.conftest import App


def test_a_first_deploy_answers_through_the_front_door(app: App) -> None:
    run = app.deploy("release-1", release="r1")
    app.is_answered_by("r1", "blue")
    assert app.events("r1") == ["staged", "gated", "published", "good"]
    assert "failed=0" in run.output


def test_the_release_on_disk_is_what_people_look_for(app: App, host: Host) -> None:
    release = app.card.root / "releases/r1"
    assert len(host.file(str(release / "REVISION")).content_string.strip()) == 40
    assert host.file(str(release / ".release/manifest.json")).is_file
    assert host.file(str(release / "ecosystem.config.cjs")).contains("backend-blue")
    assert not host.file(str(app.card.root / "lock")).exists
