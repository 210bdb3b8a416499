# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that travel together, declared once; the doc fragments of the same names describe them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

ROOT: dict[str, Any] = {"root": {"type": "path", "required": True}}

PM2: dict[str, Any] = {
    "pm2_home": {"type": "path", "required": True},
    "pm2_bin": {"type": "str", "default": "pm2"},
    "node_bin": {"type": "str", "default": "node"},
}

SLOT_OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "process": {"type": "str", "required": True},
    "address": {"type": "str", "required": True},
    "socket": {"type": "path", "default": ""},
}

SLOT: dict[str, Any] = {"slot": {"type": "dict", "required": True, "options": SLOT_OPTIONS}}


def slots_of(params: Mapping[str, Any]) -> list[Slot]:
    """The typed form of the ``slots`` option."""
    return [slot_of(raw) for raw in params["slots"]]


def slot_of(params: Mapping[str, Any]) -> Slot:
    """The typed form of one ``slot`` option."""
    return Slot(
        name=params["name"],
        process=params["process"],
        address=params["address"],
        socket=params.get("socket") or "",
    )


def pm2_of(params: Mapping[str, Any]) -> Pm2:
    """The typed form of the options in :data:`PM2`."""
    return Pm2(home=Path(params["pm2_home"]), pm2=params["pm2_bin"], node=params["node_bin"])
