# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.outside import Answer, Outside
from ansible_collections.nodeops.pm2.plugins.module_utils import _apprise
from ansible_collections.nodeops.pm2.plugins.module_utils._apprise import Apprise, find_apprise
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Message, Receipt
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret

URL = "json://app:hunter2@example.com/hook"
# What apprise would see: its arguments, its input, and what its configuration says.
PROGRAM = """
import json, os, pathlib, sys
config = sys.argv[sys.argv.index("--config") + 1].removeprefix("file://").removesuffix("?format=text")
seen = {"argv": sys.argv[1:], "config": pathlib.Path(config).read_text(), "body": sys.stdin.read()}
pathlib.Path(os.path.dirname(__file__), "seen.json").write_text(json.dumps(seen))
"""


def program(directory: Path, more: str = "") -> tuple[str, ...]:
    path = directory / "apprise.py"
    path.write_text(PROGRAM + more)
    return (sys.executable, str(path))


def test_the_address_is_in_no_argument_and_no_file(tmp_path: Path, message: Message) -> None:
    channel = Apprise(Secret(URL), 2, program(tmp_path))
    assert channel.send(message, remarks=["late"], timeout=20) == Receipt("delivered")
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["config"] == f"{URL}\n"
    assert "hunter2" not in " ".join(seen["argv"])
    title, _, body = message.text.partition("\n")
    assert seen["body"] == f"{body}\nlate"
    assert seen["argv"][2:] == ["--input-format", "text", "--notification-type", "failure", "--title", title]
    assert channel.name == "apprise 2"
    assert "hunter2" not in repr(channel)


@pytest.mark.parametrize(
    ("more", "receipt"),
    [
        ("sys.exit(1)", Receipt("failed", "apprise could not deliver it")),
        (
            f"print('ERROR - Unparseable URL {URL}', file=sys.stderr); sys.exit(1)",
            Receipt("failed", "apprise could not deliver it: ERROR - Unparseable URL ***"),
        ),
        ("import time; time.sleep(9)", Receipt("unknown", "apprise: no output")),
    ],
)
def test_what_went_wrong_is_told_without_the_address(
    tmp_path: Path, message: Message, more: str, receipt: Receipt
) -> None:
    timeout = 3 if "sleep" in more else 20
    assert Apprise(Secret(URL), 1, program(tmp_path, more)).send(message, timeout=timeout) == receipt


def test_a_program_that_is_gone_is_told(tmp_path: Path, message: Message) -> None:
    receipt = Apprise(Secret(URL), 1, (str(tmp_path / "apprise"),)).send(message, timeout=5)
    assert receipt.fate == "failed"
    assert "No such file" in receipt.text


@pytest.mark.skipif(importlib.util.find_spec("apprise") is None, reason="there is no apprise beside this Python")
def test_a_real_apprise_delivers(outside: Outside, message: Message) -> None:
    url = Secret(outside.url.replace("http:", "json:") + "/hook")
    channel = Apprise(url, 1, find_apprise())
    assert channel.send(message, timeout=60) == Receipt("delivered")
    title, _, body = message.text.partition("\n")
    [taken] = outside.taken("hook")
    assert (taken["title"], taken["message"], taken["type"]) == (title, body, "failure")
    outside.script("hook", *[Answer(500)] * 10)
    assert channel.send(message, timeout=60).fate == "failed"
    assert Apprise(Secret("nonsense://hunter2"), 1, find_apprise()).send(message, timeout=60).fate == "failed"


def test_the_program_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "apprise"
    own.touch(mode=0o755)
    assert find_apprise(str(own)) == (str(own),)
    with pytest.raises(DeployError, match="no apprise"):
        find_apprise(str(tmp_path / "none"))
    monkeypatch.setattr(_apprise, "SYSTEM_PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(DeployError, match="apt install apprise"):
        find_apprise()
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: "there")
    assert find_apprise()[0] == "/nowhere/python3"
    monkeypatch.setattr(_apprise, "SYSTEM_PATH", str(tmp_path))
    assert find_apprise() == (str(own),)
