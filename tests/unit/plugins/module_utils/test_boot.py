# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What comes back at boot: by the unit's own files, and by what deploys have left in the PM2 home."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _boot

SHOP = Path("/srv/shop")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A PM2 home as provisioning leaves it."""
    (tmp_path / "pm2/boot").mkdir(parents=True)
    return tmp_path / "pm2"


@pytest.fixture
def units(tmp_path: Path, home: Path) -> Path:
    """A host with the service of this PM2, with somebody's ``pm2 startup``, and with the service of another user."""
    units = tmp_path / "units"
    units.mkdir()
    (units / "pm2-deploy.service").write_text(f"ExecStart=python3 service.py --home {home} run\n")
    (units / "pm2-app.service").write_text(f"Environment=PM2_HOME={home}\nExecStart=pm2 resurrect\n")
    (units / "pm2-other.service").write_text("ExecStart=python3 service.py --home /home/other/.pm2 run\n")
    return units


def test_an_app_is_named_once_and_two_of_like_paths_are_two(home: Path) -> None:
    assert _boot.register(home, SHOP)
    assert not _boot.register(home, SHOP)
    assert _boot.register(home, Path("/srv-shop"))
    (home / "boot/.half.abc.new~").symlink_to("/srv/half")
    (home / "boot/README").write_text("not a link")
    assert _boot.roots(home) == [SHOP, Path("/srv-shop")]


def test_where_no_service_looks_nothing_is_written(tmp_path: Path) -> None:
    assert not _boot.register(tmp_path, SHOP)
    assert list(tmp_path.iterdir()) == []
    assert _boot.roots(tmp_path) == []


@pytest.mark.parametrize(
    ("said_by", "aware"),
    [("nobody", False), ("a deploy", True), ("provisioning", True), ("provisioning of a namesake", False)],
)
def test_a_service_that_does_not_know_the_app_is_named(units: Path, home: Path, said_by: str, aware: bool) -> None:
    if said_by == "a deploy":
        _boot.register(home, SHOP)
    elif said_by != "nobody":
        root = SHOP if said_by == "provisioning" else f"{SHOP}-old"
        (units / "pm2-deploy.service.d").mkdir()
        line = f"ExecStartPost=-python3 service.py --home {home} start-live --pm2 pm2 {root}\n"
        (units / "pm2-deploy.service.d/app.conf").write_text(line)
    assert _boot.unaware(home, SHOP, units=units) == ("" if aware else str(units / "pm2-deploy.service"))


def test_a_host_without_the_service_has_nobody_who_could_forget(units: Path, home: Path) -> None:
    (units / "pm2-deploy.service").unlink()
    assert _boot.unaware(home, SHOP, units=units) == ""
    assert _boot.unaware(home, SHOP, units=units / "nowhere") == ""
