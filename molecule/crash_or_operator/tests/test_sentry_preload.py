# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An entry with a SyntaxError cannot tell Sentry of it; the preload does, and the process dies as it would without."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import PROJECT, Card
from ansible_collections.nodeops.pm2.molecule.crash_or_operator.lab import NODE, PATIENCE, pm2_of, sentry_sdk, until
from ansible_collections.nodeops.pm2.molecule.shared.outside import Outside
from ansible_collections.nodeops.pm2.plugins.module_utils import _pm2, _process

PRELOAD = PROJECT / "roles" / "bluegreen" / "files" / "sentry.mjs"
ENTRIES = {
    "commonjs.cjs": "const __dirname = 1;\n",
    "module.mjs": "import 'node:fs';\nconst twice = 1;\nconst twice = 2;\n",
    "own.cjs": "require('@sentry/node').init();\nthrow new TypeError('told by itself');\n",
}


@pytest.fixture(scope="module")
def release(card: Card) -> Path:
    """A release that has the SDK, and the preload where a deploy would put it."""
    sdk = sentry_sdk()
    directory = card.directory / "sentry"
    (directory / ".release").mkdir(parents=True)
    (directory / "node_modules").symlink_to(sdk / "node_modules")
    (directory / ".release" / PRELOAD.name).write_bytes(PRELOAD.read_bytes())
    for name, text in ENTRIES.items():
        (directory / name).write_text(text, encoding="utf-8")
    return directory


@pytest.fixture
def pm2(card: Card) -> Iterator[_pm2.Pm2]:
    used = pm2_of(card)
    yield used
    _pm2.remove(used, "sentry", timeout=PATIENCE)


def die(pm2: _pm2.Pm2, release: Path, entry: str, outside: Outside, mode: str, **changes: str) -> None:
    """Start an entry once, and wait until PM2 has seen it die."""
    app: dict[str, Any] = {
        "name": "sentry",
        "script": str(release / entry),
        "cwd": str(release),
        "exec_mode": mode,
        "autorestart": False,
        "node_args": f"--import file://{release}/.release/{PRELOAD.name} --unhandled-rejections=strict",
        "env": {
            "SENTRY_ENABLED": "true",
            "SENTRY_DSN": outside.url.replace("http://", "http://key@") + "/1",
            "SENTRY_RELEASE": "shop@r2",
            "SENTRY_ENVIRONMENT": "production",
            **changes,
        },
    }
    config = release / "sentry.json"
    config.write_text(json.dumps({"apps": [app]}), encoding="utf-8")
    _pm2.start(pm2, config, timeout=PATIENCE)
    until(lambda: [record.status for record in _pm2.records(pm2) if record.name == "sentry"] == ["stopped"])


def told(outside: Outside) -> list[dict[str, Any]]:
    """The events that Sentry was told."""
    items = [json.loads(line) for asked in outside.of("ingest") for line in asked.text.splitlines()]
    return [item for item in items if "exception" in item]


def telling() -> list[int]:
    """Processes that are about to tell."""
    return [pid for pid in _process.pids() if _process.command(pid).endswith(f"/.release/{PRELOAD.name}")]


@pytest.mark.parametrize("mode", ["fork", "cluster"])
@pytest.mark.parametrize("entry", ["commonjs.cjs", "module.mjs"])
def test_a_syntax_error_in_the_entry_is_told(pm2: _pm2.Pm2, release: Path, entry: str, mode: str) -> None:
    with Outside() as outside:
        die(pm2, release, entry, outside, mode)
        until(lambda: told(outside))
        until(lambda: not telling())
        [event] = told(outside)
        [exception] = event["exception"]["values"]
    assert exception["type"] == "SyntaxError"
    assert exception["value"].endswith("has already been declared")
    assert exception["mechanism"] == {"type": "preload", "handled": False}
    assert (event["release"], event["environment"], event["level"]) == ("shop@r2", "production", "fatal")


@pytest.mark.parametrize("changes", [{"SENTRY_ENABLED": "false"}, {"SENTRY_DSN": ""}])
def test_where_it_is_not_wanted_nothing_is_told(pm2: _pm2.Pm2, release: Path, changes: dict[str, str]) -> None:
    with Outside() as outside:
        die(pm2, release, "commonjs.cjs", outside, "fork", **changes)
        assert not telling()
        assert told(outside) == []


def test_where_there_is_no_sdk_nothing_is_told(pm2: _pm2.Pm2, release: Path) -> None:
    (release / "node_modules").unlink()
    try:
        with Outside() as outside:
            die(pm2, release, "commonjs.cjs", outside, "fork")
            until(lambda: not telling())
            assert told(outside) == []
    finally:
        (release / "node_modules").symlink_to(sentry_sdk() / "node_modules")


def test_what_the_app_tells_itself_is_told_once(release: Path) -> None:
    with Outside() as outside:
        environment = {"SENTRY_ENABLED": "true", "SENTRY_DSN": outside.url.replace("http://", "http://key@") + "/1"}
        command = [str(NODE), "--import", str(PRELOAD), str(release / "own.cjs")]
        assert subprocess.run(command, env=environment, check=False, capture_output=True).returncode != 0
        until(lambda: told(outside) and not telling())
        assert [event["exception"]["values"][0]["value"] for event in told(outside)] == ["told by itself"]
