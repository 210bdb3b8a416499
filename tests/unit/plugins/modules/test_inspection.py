# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an adoption is asked of a host, where that differs from a deploy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nodeops.pm2.plugins.module_utils import _host, _inspection
from ansible_collections.nodeops.pm2.plugins.module_utils._placement import slots
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree
from ansible_collections.nodeops.pm2.plugins.modules import release_check

PORTS = {"blue": 3001, "green": 3002, "main": 3000, "spare": 3009}


@pytest.mark.parametrize(
    ("strategy", "lenient", "busy"),
    [
        pytest.param("restart", True, ["spare"], id="the old app has its port, and perhaps its name"),
        pytest.param("restart", False, ["main", "spare"], id="nothing is adopted"),
        pytest.param("edge", True, ["blue", "green"], id="the old app is beside it"),
    ],
)
def test_who_is_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str, lenient: bool, busy: list[str]
) -> None:
    monkeypatch.setattr(_host, "_stranger", lambda *_about: "pid 7")
    made = slots("shop", strategy=strategy, listen="port", ports=PORTS, run_dir="/run/shop")
    given: dict[str, Any] = {
        "root": str(tmp_path / "root"),
        "path": str(tmp_path),
        "pm2_home": str(tmp_path),
        "node_bin": "/nowhere/node",
        "pm2_bin": "/nowhere/pm2",
        "slots": made,
        "entry": {"script": "server.js"},
    }
    validated = ArgumentSpecValidator(release_check.SPEC).validate(given)
    assert validated.error_messages == []
    subject = _inspection.look({**validated.validated_parameters, "lenient": lenient}, Tree(tmp_path))
    assert [holder.slot for holder in subject.host.holders if holder.who] == busy
    assert len(subject.slots) == 2
