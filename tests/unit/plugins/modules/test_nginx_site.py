# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The exchange of one file, with a program in nginx's place that dumps a directory and refuses the word ``refused``."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _process
from ansible_collections.nodeops.pm2.plugins.modules import nginx_site
from ansible_collections.nodeops.pm2.tests.unit.plugins.modules.arguments import patch_module_args

NGINX = """#!/bin/sh
cd {directory} || exit 1
grep -n refused *.conf >&2 && exit 1
[ "$1" = -t ] || for file in *.conf; do printf '# configuration file %s:\\n' "$PWD/$file"; cat "$file"; done
"""
SITE = "server { listen unix:/nowhere/shop.sock; }"


class Nginx:
    """A configuration, and the module run on one file of it."""

    def __init__(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = tmp_path / "conf.d"
        self.directory.mkdir()
        (self.directory / "other.conf").write_text("server { listen unix:/nowhere/other.sock; }\n")
        self.program = tmp_path / "nginx"
        self.program.write_text(NGINX.format(directory=self.directory))
        self.program.chmod(0o755)
        self.site = self.directory / "shop.conf"
        self._capsys = capsys

    def run(self, *, check: bool = False, **given: Any) -> dict[str, Any]:
        """What the module returns."""
        options = {"path": str(self.site), "content": SITE, "nginx_bin": str(self.program)}
        with patch_module_args({**options, **given, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            nginx_site.main()
        result: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return result


@pytest.fixture
def nginx(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Nginx:
    # An nginx that happens to run on the machine of the test has nothing to do with this one.
    command = _process.command
    monkeypatch.setattr(_process, "command", lambda pid: command(pid).replace("nginx: worker", "another nginx: worker"))
    return Nginx(tmp_path, capsys)


def test_a_site_from_nothing_to_nothing(nginx: Nginx) -> None:
    rehearsed = nginx.run(check=True)
    assert (rehearsed["changed"], rehearsed["reload"], rehearsed["diff"]["after"]) == (True, True, SITE)
    assert not nginx.site.exists()
    assert nginx.run()["changed"] is True
    assert nginx.site.read_text() == SITE
    again = nginx.run()
    assert (again["changed"], again["reload"]) == (False, False)
    assert nginx.run(content=f"{SITE}\n")["changed"] is True
    assert nginx.run(state="absent")["changed"] is True
    assert not nginx.site.exists()
    assert nginx.run(state="absent")["changed"] is False


@pytest.mark.parametrize("before", [None, SITE])
def test_what_nginx_refuses_is_put_back_as_it_was(nginx: Nginx, before: str | None) -> None:
    if before:
        nginx.site.write_text(before)
    failed = nginx.run(content="refused;")
    assert "nginx refuses the site" in failed["msg"]
    assert "shop.conf:1:refused;" in failed["msg"]
    assert (nginx.site.read_text() if nginx.site.exists() else None) == before


def test_a_configuration_that_is_broken_before_is_left_alone(nginx: Nginx) -> None:
    (nginx.directory / "other.conf").write_text("refused;\n")
    assert "nginx refuses its configuration as it is" in nginx.run()["msg"]
    assert not nginx.site.exists()


@pytest.mark.parametrize("check", [True, False])
def test_what_another_file_has_is_refused_in_a_rehearsal_too(nginx: Nginx, check: bool) -> None:
    failed = nginx.run(check=check, content="server { listen unix:/nowhere/other.sock; }")
    assert f"the socket /nowhere/other.sock: {nginx.directory}/other.conf" in failed["msg"]
    assert not nginx.site.exists()


def test_an_address_that_another_program_listens_on_is_refused(nginx: Nginx) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        failed = nginx.run(content=f"server {{ listen {port}; }}")
        assert f"pid {os.getpid()}" in failed["msg"]
    assert nginx.run(content=f"server {{ listen {port}; }}")["changed"] is True


def test_without_nginx_only_a_rehearsal_is_possible(nginx: Nginx) -> None:
    nginx.program.unlink()
    assert nginx.run(check=True)["changed"] is True
    assert "Cannot run" in nginx.run()["msg"]
