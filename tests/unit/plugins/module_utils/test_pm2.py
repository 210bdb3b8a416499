# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _axon, _pm2
from ansible_collections.nodeops.pm2.plugins.module_utils._command import Output
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

CORPUS = Path(__file__).parents[2] / "corpus" / "jlist"
VERSIONS = ["5.4.3", "6.0.14", "7.0.0", "7.0.4"]


def captured(version: str) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = json.loads((CORPUS / f"{version}.json").read_text())
    return answer


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_reads_the_same(version: str) -> None:
    records = _pm2.parse_records(captured(version))
    seen = [(r.name, r.pm_id, r.pid > 0, r.status, r.restarts, r.exit_code, r.exec_mode) for r in records]
    assert seen == [
        ("demo-fork", 0, True, "online", 0, None, "fork"),
        ("demo-crash", 1, False, "errored", 2, 3, "fork"),
        ("demo-cluster", 2, True, "online", 0, None, "cluster"),
        ("demo-cluster", 3, True, "online", 0, None, "cluster"),
        ("demo-never", 4, False, "online", 0, None, "fork"),
    ]
    assert all(record.started_at and 1.6e9 < record.started_at < 1e11 for record in records)


@pytest.mark.parametrize("version", VERSIONS)
def test_paths_are_read_as_configured(version: str) -> None:
    never = _pm2.parse_records(captured(version))[-1]
    assert (never.cwd, never.script) == ("/srv/demo/gone", "/srv/demo/releases/r1/server.js")
    assert (never.out_log, never.err_log) == (
        "/srv/demo/logs/demo-never-out.log",
        "/srv/demo/logs/demo-never-error.log",
    )
    assert (never.interpreter, never.unstable_restarts) == ("node", 0)


def test_the_environment_stays_behind() -> None:
    answer = captured("7.0.4")
    answer[0]["pm2_env"]["SECRET"] = answer[0]["pm2_env"]["env"]["SECRET"] = "hush-hush"
    assert "hush-hush" not in repr(_pm2.parse_records(answer))


def test_reading_starts_nothing(tmp_path: Path) -> None:
    pm2 = _pm2.Pm2(tmp_path / "home")
    assert (_pm2.records(pm2), _pm2.daemon_pid(pm2), _pm2.daemon_version(pm2)) == ([], None, None)
    assert not list(tmp_path.iterdir())


def test_the_installed_version_is_read_beside_the_script(tmp_path: Path) -> None:
    package = tmp_path / "node_modules" / "pm2"
    (package / "bin").mkdir(parents=True)
    (package / "bin" / "pm2").touch()
    (package / "package.json").write_text('{"name": "pm2", "version": "7.0.4"}')
    (tmp_path / "package.json").write_text('{"name": "other", "version": "1.0.0"}')
    link = tmp_path / "pm2"
    link.symlink_to("node_modules/pm2/bin/pm2")
    assert _pm2.version(_pm2.Pm2(tmp_path, str(link))) == "7.0.4"
    (package / "package.json").unlink()
    with pytest.raises(DeployError, match="version of PM2"):
        _pm2.version(_pm2.Pm2(tmp_path, str(link)))


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeployError, match=r"There is no .*/nothing"):
        _pm2.version(_pm2.Pm2(tmp_path, str(tmp_path / "nothing")))
    with pytest.raises(DeployError, match=r"There is no no-such-node\."):
        _pm2.node_version("no-such-node")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The commands that were run; the first word of the config's name is their exit code."""
    commands: list[dict[str, Any]] = []

    def run(argv: list[str], **how: Any) -> Output:
        commands.append({"argv": argv, **how})
        return Output(tuple(argv), int(Path(argv[3]).name[0]), "", "[PM2][ERROR] Script not found")

    monkeypatch.setattr(_pm2, "run", run)
    return commands


@pytest.fixture
def pm2(tmp_path: Path) -> _pm2.Pm2:
    for name in ("pm2", "node"):
        (tmp_path / name).touch()
    return _pm2.Pm2(tmp_path / "home", str(tmp_path / "pm2"), str(tmp_path / "node"))


def test_the_cli_runs_bare(
    tmp_path: Path, pm2: _pm2.Pm2, ran: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET", "x")
    _pm2.start(pm2, Path("0.cjs"), timeout=7)
    [command] = ran
    assert command["argv"][:4] == [pm2.node, pm2.pm2, "start", "0.cjs"]
    assert (command["cwd"], command["timeout"]) == ("/", 7)
    assert command["env"]["PM2_HOME"] == str(tmp_path / "home")
    assert command["env"]["PATH"].startswith(f"{tmp_path}:")
    assert "AWS_SECRET" not in command["env"]


def test_a_fresh_home_is_private_and_does_not_call_home(pm2: _pm2.Pm2, ran: list[dict[str, Any]]) -> None:
    _pm2.start(pm2, Path("0.cjs"), timeout=7)
    assert ran
    assert pm2.home.stat().st_mode & 0o777 == 0o700
    assert (pm2.home / "touch").exists()


def test_an_exit_code_shows_what_pm2_said(pm2: _pm2.Pm2, ran: list[dict[str, Any]]) -> None:
    with pytest.raises(DeployError, match=r"exit code 1: \[PM2\]\[ERROR\] Script not found"):
        _pm2.start(pm2, Path("1.cjs"), timeout=7)
    assert len(ran) == 1


def test_removing_stops_all_workers_at_once_and_then_deletes_them(
    pm2: _pm2.Pm2, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def calls(_path: Path, requests: list[tuple[str, Any]], *, timeout: float) -> list[Any]:
        asked.append((requests, timeout))
        return [captured("7.0.4")]

    monkeypatch.setattr(_axon, "calls", calls)
    _pm2.remove(pm2, "demo-cluster", timeout=7)
    assert asked[1:] == [
        ([("stopProcessId", 2), ("stopProcessId", 3)], 7),
        ([("deleteProcessId", 2), ("deleteProcessId", 3)], 7),
    ]


def test_removing_without_a_daemon_is_nothing_to_do(pm2: _pm2.Pm2) -> None:
    _pm2.remove(pm2, "demo-fork", timeout=1)
    assert not pm2.home.exists()
