# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts of a host, each rule with one that trips it and one that does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _rules_host as rules
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding, Rule
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Holder, Program

GONE = Program(error="There is no node.")
MIB = 1 << 20


@pytest.mark.parametrize(
    ("rule", "host", "hit"),
    [
        (rules.node_missing, {"node": GONE}, True),
        (rules.node_missing, {}, False),
        (rules.node_too_old, {"node": Program("20.5.1")}, True),
        (rules.node_too_old, {"node": Program("20.6.0")}, False),
        (rules.node_too_old, {"node": GONE}, False),
        (rules.pm2_missing, {"pm2": GONE}, True),
        (rules.pm2_missing, {}, False),
        (rules.pm2_too_old, {"pm2": Program("4.5.6")}, True),
        (rules.pm2_too_old, {"pm2": Program("5.0.0")}, False),
        (rules.daemon_out_of_step, {"pm2": Program("7.0.4"), "daemon": "6.0.14"}, True),
        (rules.daemon_out_of_step, {"pm2": Program("7.0.4"), "daemon": "7.0.4"}, False),
        (rules.daemon_out_of_step, {"pm2": Program("7.0.4"), "daemon": None}, False),
        (rules.port_busy, {"holders": (Holder("blue", "127.0.0.1:3001", "pid 7 (nc -l)"),)}, True),
        (rules.port_busy, {"holders": (Holder("blue", "127.0.0.1:3001"),)}, False),
        (rules.name_busy, {"holders": (Holder("blue", "127.0.0.1:3001", "", "shop-blue", "/var/www/other"),)}, True),
        (rules.name_busy, {"holders": (Holder("blue", "127.0.0.1:3001", "", "shop-blue"),)}, False),
        (rules.disk_space, {"free_bytes": 10 * MIB + 29}, True),
        (rules.disk_space, {"free_bytes": 10 * MIB + 30}, False),
        (rules.inodes, {"free_inodes": 10_001}, True),
        (rules.inodes, {"free_inodes": 10_002}, False),
        (rules.inodes, {"free_inodes": None}, False),
        (rules.root_owner, {"uid": 7, "root_uid": 0}, True),
        (rules.root_owner, {"uid": 7, "root_uid": 7, "writable": False}, True),
        (rules.root_owner, {"uid": 7, "root_uid": None, "writable": False}, True),
        (rules.root_owner, {"uid": 7, "root_uid": None, "writable": True}, False),
        (rules.root_owner, {"uid": 7, "root_uid": 7}, False),
        (rules.path_too_long, {"sockets": ("/" + "x" * 107,)}, True),
        (rules.path_too_long, {"sockets": ("/" + "x" * 106,)}, False),
        (rules.path_too_long, {"sockets": ("/" + "ä" * 54,)}, True),
        (rules.shared_missing, {"shared_missing": (".env",)}, True),
        (rules.shared_missing, {}, False),
    ],
)
def test_host_rules(find: Callable[..., list[Finding]], rule: Rule, host: Any, hit: bool) -> None:
    found = find(rule, {"server.js": "x" * 10}, host=host, disk_minimum=10 * MIB, root=Path("/var/www/shop"))
    severity = WARNING if rule is rules.daemon_out_of_step else ERROR
    assert [item.severity for item in found] == ([severity] if hit else [])
