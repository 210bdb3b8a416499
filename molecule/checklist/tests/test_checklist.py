# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What can be known before a deploy is asked before it, by evidence; and whoever asks changes nothing that is live."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tarfile
import time
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import variants
from ansible_collections.nodeops.pm2.molecule.conftest import PASSED, PROJECT, REFUSED, Run, listing
from ansible_collections.nodeops.pm2.plugins.module_utils import _private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.nodeops.pm2.molecule.conftest import App

pytestmark = pytest.mark.usefixtures("_as_users_see_it")

TODAY = datetime.now(timezone.utc).date()
TOMORROW, LONG_AGO = ((TODAY + timedelta(days=days)).isoformat() for days in (1, -30))
UNWATCHED = {"waives": "monitoring_set_up", "reason": "No guard on this machine.", "until": TOMORROW, "by": "Mia"}
VALUE = "made-up-9f3c"  # which nobody may see
SMOKE = [{"name": "greets", "path": "/", "status": [200, 404]}]


def rehearsal(app: App) -> Path:
    """Where releases are rehearsed on the host."""
    return app.card.directory / "rehearsal"


def report(app: App, name: str, cases: str) -> str:
    """A report of the tests on the controller."""
    path = app.card.directory / "input" / f"{name}.xml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"<testsuites><testsuite name='unit'>{cases}</testsuite></testsuites>", encoding="utf-8")
    return os.path.relpath(path, PROJECT)


def check(app: App, *, ends: int, **options: Any) -> Run:
    """Play the checklist; afterwards what is live is as it was, and nothing is left of the rehearsal."""
    given: dict[str, Any] = {
        "test_reports": [{"junit": report(app, "good", "<testcase name='adds'/><testcase name='greets'/>")}],
        "smoke": SMOKE,
        "waivers": [UNWATCHED],
        **options,
    }
    with untouched(app):
        return app.play("check", ends=ends, **given)


@contextlib.contextmanager
def untouched(app: App) -> Iterator[None]:
    """All but the ledger is as it was, the processes included."""
    before, pid = listing(app.card.root), app.answer()["pid"]
    yield
    after = listing(app.card.root)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert changed <= {str(app.layout.ledger)}
    assert app.answer()["pid"] == pid
    assert left_behind(app) == []


def left_behind(app: App) -> list[str]:
    """Of a rehearsal: processes, and the directory."""
    place = rehearsal(app)
    return [*map(str, sorted(_private.inhabitants(place))), *([str(place)] if place.exists() else [])]


@pytest.fixture(scope="module", autouse=True)
def _live(app: App) -> None:
    """There is something live that nobody may touch."""
    app.deploy("release-1", release="r1")


@pytest.fixture
def reports(tmp_path: Path) -> dict[str, str]:
    """Where reports are written."""
    return {form: str(tmp_path / f"check.{form}") for form in ("markdown", "json", "junit", "sarif")}


def test_a_healthy_release_passes_and_it_is_written_down(app: App, reports: dict[str, str]) -> None:
    # From where the playbook is started, not from where it lies.
    relative = {form: os.path.relpath(path, PROJECT) for form, path in reports.items()}
    with app.asked():
        run = check(app, ends=PASSED, source=str(app.source("release-2")), check_reports=relative)
    assert "may be deployed: 8 of 9 answered by evidence, 1 waived" in run.output
    assert "good: 2 tests passed" in run.output
    assert f"waived until {TOMORROW}: No guard on this machine. (Mia)" in run.output
    found = json.loads(Path(reports["json"]).read_text(encoding="utf-8"))
    states = {item["id"]: item["state"] for item in found["questions"]}
    assert {name for name, state in states.items() if state != "proved"} == {"monitoring_set_up"}
    (waived,) = (entry for entry in app.entries() if entry["event"] == "waived")
    assert (waived["reason"], waived["detail"]["waives"]) == (UNWATCHED["reason"], "monitoring_set_up")
    assert waived["detail"]["artifact_sha256"] == found["artifact_sha256"]
    junit = ET.parse(reports["junit"]).getroot()  # noqa: S314 - it was written here
    assert (len(junit.findall(".//testcase")), junit.findall(".//failure")) == (9, [])
    sarif = json.loads(Path(reports["sarif"]).read_text(encoding="utf-8"))
    (told,) = sarif["runs"]
    assert sarif["version"] == "2.1.0"
    assert {result["ruleId"].partition("/")[0] for result in told["results"]} == {"checklist"}
    assert Path(reports["markdown"]).read_text(encoding="utf-8").count("| yes |") == 8


def test_the_incident_is_caught_twice_over(app: App, reports: dict[str, str]) -> None:
    run = check(app, ends=REFUSED, source=str(app.source("incident")), check_reports=reports)
    assert "not proved boots_locally, gitignore_current; refused by stale_build_output" in run.output
    assert "dist/app.js:5  const __dirname = path.resolve();" in run.output
    assert "SyntaxError: Identifier '__dirname' has already been declared" in run.output
    junit = ET.parse(reports["junit"]).getroot()  # noqa: S314
    failed = {case.get("name") for case in junit.iter("testcase") if case.find("failure") is not None}
    assert failed == {"boots_locally", "gitignore_current", "stale_build_output on alpha"}
    (told,) = json.loads(Path(reports["sarif"]).read_text(encoding="utf-8"))["runs"]
    places = [one["physicalLocation"] for result in told["results"] for one in result.get("locations", [])]
    assert {place["artifactLocation"]["uri"] for place in places} == {"package.json"}


def test_what_no_rule_can_see_is_caught_by_the_rehearsal_and_its_secret_kept(app: App) -> None:
    source = app.source("crash_at_boot")
    secrets = app.card.directory / "input" / "env"
    secrets.write_text(f"PASSPHRASE={VALUE}\n", encoding="utf-8")
    secrets.chmod(0o600)
    server = source / "src/server.ts"
    server.write_text(f"console.error(`with ${{process.env.PASSPHRASE}}`);\n{server.read_text(encoding='utf-8')}")
    variants.commit(source, "says what it should not")
    run = check(app, ends=REFUSED, source=str(source), env_file=str(secrets))
    assert "not proved boots_locally." in run.output
    assert "is refused in slot rehearsal by crashed_at_boot" in run.output
    assert "with ***" in run.output
    assert VALUE not in run.output


def test_a_waiver_has_a_reason_and_an_end(app: App) -> None:
    source = str(app.source("release-2"))
    run = check(app, ends=REFUSED, source=source, waivers=[{**UNWATCHED, "reason": ""}])
    assert "The waiver of monitoring_set_up gives no reason." in run.output
    assert "rehearse" not in run.output
    late, failed = {**UNWATCHED, "until": LONG_AGO}, report(app, "bad", "<testcase name='adds'><failure/></testcase>")
    options = {"test_reports": [{"junit": failed}], "smoke": [], "waivers": [late], "rehearsal": False}
    run = check(app, ends=REFUSED, source=source, **options)
    assert f"EXPIRED the waiver of monitoring_set_up, on {LONG_AGO}" in run.output
    assert "not proved tests_passed, boots_locally, smoke_ready, monitoring_set_up; expired is the" in run.output


def test_a_rehearsal_whose_controller_dies_is_cleared_away(app: App) -> None:
    with untouched(app), app.playing("check", source=str(app.source("never_ready")), gate_timeout=120) as running:
        until(lambda: len(_private.inhabitants(rehearsal(app))) > 1)
        running.kill()
        until(lambda: not left_behind(app))


def test_a_file_that_tells_its_secrets_throws_and_never_ends_among_links_in_circles(app: App) -> None:
    text = f"const a = '{VALUE}'; console.log(a); console.error(a); setTimeout(() => {{ throw a; }}); for (;;);"
    links = {"round": "about", "about": "round", "src/self": "../src"}
    artifact = archive(app, {"ecosystem.config.cjs": text, "a b ☃.ts": "export {};"}, links)
    run = check(app, ends=REFUSED, artifact=artifact, rehearsal=False)
    assert "not proved boots_locally, ecosystem_in_step." in run.output
    assert "ecosystem.config.cjs cannot be evaluated: it did not end within 5 s." in run.output
    assert "It was not started anywhere." in run.output
    assert VALUE not in run.output


@pytest.mark.parametrize("name", ["two\nlines\x07.ts", "not-utf-8-\udcff.ts"], ids=ascii)
def test_a_name_that_no_terminal_should_see(app: App, name: str) -> None:
    run = check(app, ends=REFUSED, artifact=archive(app, {name: ""}), rehearsal=False)
    assert run.output.count("a name with control characters or bytes that are not UTF-8") == 1
    assert ascii(name)[1:-1] in run.output


def archive(app: App, files: dict[str, str], links: dict[str, str] | None = None) -> str:
    """An artifact of the next release, with all of that in it as well."""
    path = app.card.directory / "input" / "hostile.tar.gz"
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as made:
        source = app.source("release-2")
        made.add(source, arcname=".", filter=lambda member: None if "/.git" in member.name else member)
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            made.addfile(info, io.BytesIO(text.encode()))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            made.addfile(info)
    return str(path)


def until(seen: Any, *, seconds: float = 60.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.2)
