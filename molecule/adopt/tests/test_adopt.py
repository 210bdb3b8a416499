# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app that was started by hand becomes a release that is good, and loses nothing on the way."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import NODE, PM2, REFUSED, App, cards

pytestmark = pytest.mark.usefixtures("as_users_see_it")

PRIVATE = "made-up 'secret' of the shell"


@dataclass(frozen=True)
class Old:
    """The backend as somebody started it in a shell, as in the incident: ``tsx src/server.ts`` beside a stale dist/."""

    app: App

    @property
    def directory(self) -> Path:
        return self.app.card.directory / "old/backend"

    @property
    def home(self) -> Path:
        return self.app.card.directory / "old-pm2"

    @property
    def port(self) -> int:
        """Where it has always been; without an edge the copy has to come there too."""
        return self.app.card.ports["alien" if self.app.slots[0].socket else "main"]

    def pm2(self, *arguments: str) -> str:
        environment = {"PATH": f"{NODE.parent}:/usr/bin:/bin", "PM2_HOME": str(self.home), "HOME": str(self.home)}
        more = {"PORT": str(self.port), "GREETING": "Hello by hand", "SIGNING_KEY": PRIVATE}
        argv = [str(NODE), str(PM2), *arguments]
        ended = subprocess.run(
            argv, cwd=self.directory, env={**environment, **more}, stdout=subprocess.PIPE, check=True, text=True
        )
        return ended.stdout

    def start(self, source: str) -> None:
        shutil.copytree(self.app.source(source), self.directory)
        npm = [str(NODE), str(NODE.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"), "ci", "--no-audit"]
        subprocess.run(npm, cwd=self.directory, check=True, stdout=subprocess.DEVNULL)
        (self.directory / "dist").mkdir(exist_ok=True)
        (self.directory / "dist/old.js").write_text("const __dirname = 1;\n", encoding="utf-8")
        package = self.directory / "package.json"
        described = json.loads(package.read_text(encoding="utf-8"))
        described["scripts"]["build"] = "tsc --outDir dist"
        package.write_text(json.dumps(described), encoding="utf-8")
        (self.directory / ".gitignore").write_text("node_modules/\n.env\n", encoding="utf-8")
        (self.directory / ".env").write_text("GREETING=from the tree\n", encoding="utf-8")
        (self.directory / "uploads").mkdir()
        (self.directory / "uploads/one.txt").write_text("one", encoding="utf-8")
        self.pm2("start", "node_modules/.bin/tsx", "--name", "by-hand", "--", "src/server.ts")
        self.pm2("save")
        self.wait()

    def wait(self) -> None:
        end = time.monotonic() + 30
        while not self.answer():
            assert time.monotonic() < end, self.pm2("list")
            time.sleep(0.1)

    def answer(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                return dict(json.load(answer))
        except OSError:
            return {}

    def listed(self) -> list[str]:
        return [one["name"] for one in json.loads(self.pm2("jlist"))]

    def adopt(self, *, ends: int = 0, **options: Any) -> str:
        given = {
            "script": "",
            "env": {},
            "adopt_process": "by-hand",
            "adopt_pm2_home": str(self.home),
            "adopt_owner": getpass.getuser(),
            "adopt_become": False,
            "shared_dirs": ["uploads"],
            **options,
        }
        return self.app.play("adopt", ends=ends, **given).output


@pytest.fixture(scope="module")
def alone() -> Old:
    """Without an edge."""
    old = Old(App(cards()[0], {"strategy": "restart"}))
    old.start("release-1")
    return old


@pytest.fixture(scope="module")
def behind() -> Old:
    """Behind an edge."""
    old = Old(App(cards()[1]))
    old.start("release-1")
    return old


def test_looking_at_it_changes_nothing(alone: Old) -> None:
    output = alone.app.play(
        "adopt",
        "--check",
        adopt_process="by-hand",
        adopt_pm2_home=str(alone.home),
        adopt_become=False,
        adopt_owner=getpass.getuser(),
        script="",
    ).output
    assert "would pass" in output
    assert not alone.app.card.root.exists()


def test_what_cannot_be_adopted_is_refused_in_words(alone: Old) -> None:
    assert "PM2 runs no app called nobody." in alone.adopt(adopt_process="nobody", ends=REFUSED)
    assert "No PM2 daemon runs there." in alone.adopt(adopt_pm2_home="/nowhere", ends=REFUSED)
    assert "There is no such deploy user" in alone.adopt(adopt_owner="nobody-here", ends=REFUSED)
    assert alone.answer()


def test_a_copy_that_does_not_prove_itself_leaves_the_old_one_running(alone: Old) -> None:
    before = json.loads(alone.pm2("jlist"))[0]["pid"]
    output = alone.adopt(release="broken", health={"path": "/nowhere"}, gate_timeout=4, ends=REFUSED)
    assert "is refused in slot spare by wrong_status" in output
    assert "The old app was not touched." in output
    assert json.loads(alone.pm2("jlist"))[0]["pid"] == before
    assert alone.app.live() == ""


def test_a_switch_that_fails_starts_the_old_one_again(alone: Old) -> None:
    output = alone.adopt(release="failed", edge_url="", pm2_bin="/nowhere/pm2", ends=REFUSED)
    assert "The old app was not touched." in output
    wrong = {"path": "/health", "json": {"slot": "spare"}}
    output = alone.adopt(release="half", health=wrong, gate_timeout=4, ends=REFUSED)
    assert "The old app was started again as it was." in output
    alone.wait()
    assert alone.answer()["greeting"] == "Hello by hand from the first release"
    assert (alone.listed(), alone.app.live()) == (["by-hand"], "")


def test_without_an_edge_it_is_replaced_on_its_port(alone: Old) -> None:
    app = alone.app
    output = alone.adopt()
    assert "stale" in output or "dist" in output, "what is wrong with it is told"
    assert "Stop that program" not in output, "that would be the app itself"
    assert "Nothing answered for" in output
    app.is_answered_by("adopted", "main")
    assert app.events("adopted") == ["staged", "gated", "published", "good"]
    assert app.answer("/")["greeting"] == "Hello by hand from the first release"
    assert alone.listed() == []
    for name in ("dump.pm2", "dump.pm2.before-adoption"):
        assert ("by-hand" in (alone.home / name).read_text(encoding="utf-8")) is name.endswith("adoption")


def test_nothing_of_it_is_lost_and_its_secrets_are_nobody_elses(alone: Old) -> None:
    app = alone.app
    assert (alone.directory / "dist/old.js").exists()
    assert (app.card.root / "shared/uploads/one.txt").read_text(encoding="utf-8") == "one"
    assert (app.layout.release("adopted").path / ".env").resolve() == app.card.root / "shared/.env"
    private = app.card.root / "shared/adopted.env"
    assert PRIVATE in private.read_text(encoding="utf-8")
    assert private.stat().st_mode & 0o777 == 0o600
    assert not (app.card.root / "adopted.tar").exists()
    (pid,) = app.listeners("main")
    assert f"SIGNING_KEY={PRIVATE}".encode() not in Path(f"/proc/{pid}/environ").read_bytes()


def test_it_is_not_adopted_twice(alone: Old) -> None:
    assert "PM2 runs no app called by-hand" in alone.adopt(release="again", ends=REFUSED)


def test_the_first_deploy_has_something_to_go_back_to(alone: Old) -> None:
    app = alone.app
    app.deploy("release-2", release="r1")
    app.is_answered_by("r1", "main")
    app.rollback()
    app.is_answered_by("adopted", "main")
    app.has_not_drifted()


def test_behind_an_edge_nobody_notices(behind: Old) -> None:
    app = behind.app
    output = behind.adopt(env={"GREETING": "Hello by the edge"})
    app.is_answered_by("adopted", "blue")
    assert "The old app goes on running on port" in output
    assert behind.answer()["greeting"] == "Hello by hand from the first release"
    with app.asked():
        app.deploy("release-2", release="r1")
        app.rollback()
    app.is_answered_by("adopted", "blue")
    app.has_not_drifted()
    os.kill(json.loads(behind.pm2("jlist"))[0]["pid"], 0)
