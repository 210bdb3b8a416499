# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the tests of the modules that act on an app share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock
from ansible_collections.nodeops.pm2.tests.unit.plugins.modules.arguments import patch_module_args

OWNER = _lock.Owner("ann@laptop", "deploy", os.getpid(), _lock.this_boot(), _lock.started(os.getpid()))
Run = Callable[..., dict[str, Any]]


def current(app: Any, *releases: str) -> dict[str, str]:
    shown = (f"{app.layout.current} -> releases/{one}\n" if one else "" for one in releases)
    return dict(zip(("before", "after"), shown))


def fail(main: Callable[[], None], capsys: pytest.CaptureFixture[str], given: dict[str, Any]) -> dict[str, Any]:
    """What a module prints when it fails."""
    with patch_module_args(given), pytest.raises(SystemExit):
        main()
    return dict(json.loads(capsys.readouterr().out))
