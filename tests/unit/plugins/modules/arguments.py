# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Arguments for a module that a test runs: by ansible-core's own way, or as before where that is 2.18."""

from __future__ import annotations

import contextlib
import json
from typing import Any
from unittest import mock

from ansible.module_utils import basic

try:
    from ansible.module_utils.testing import patch_module_args as _own_way
except ImportError:
    _own_way = None


def patch_module_args(given: dict[str, Any]) -> contextlib.AbstractContextManager[Any]:
    """What a module finds as its arguments, within."""
    if _own_way is not None:
        own: contextlib.AbstractContextManager[Any] = _own_way(given)
        return own
    return mock.patch.object(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
