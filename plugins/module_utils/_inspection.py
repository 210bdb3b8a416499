# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Inspecting an artifact and a host before anything is touched: options in, findings out, or a refusal."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _check,
    _ecosystem_file,
    _host,
    _options,
    _pack,
    _rules,
    _subject,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

WORDS: dict[str, Any] = {"type": "list", "elements": "str", "default": []}
EMPTY: dict[str, Any] = {"type": "str", "default": ""}
NUMBER: dict[str, Any] = {"type": "int", "default": 0}

ENTRY: dict[str, Any] = {
    "script": {"type": "str", "required": True},
    "interpreter": {"type": "str", "default": "node"},
    "node_args": WORDS,
    "args": WORDS,
    "exec_mode": {"type": "str", "default": "fork"},
    "loader": EMPTY,
    "env": WORDS,
    "env_file": EMPTY,
    "env_on": WORDS,
    "name": EMPTY,
    "max_restarts": NUMBER,
    "min_uptime": NUMBER,
    "restart_delay": NUMBER,
}

SPEC: dict[str, Any] = {
    "archive": {"type": "path"},
    "checksum": EMPTY,
    "entry": {"type": "dict", "options": ENTRY},
    "shared_files": WORDS,
    "env_file": EMPTY,
    "install_args": WORDS,
    "node_minimum": {"type": "str", "default": "20.6.0"},
    "pm2_minimum": {"type": "str", "default": "5.0.0"},
    "disk_minimum_mb": {"type": "int", "default": 200},
    "skip": WORDS,
}


def run(params: dict[str, Any], *, tmpdir: str, fail: bool = True) -> dict[str, Any]:
    """Refuse a wrong ``skip``, read, look, and say what was found.

    :param params: options of :data:`SPEC`, of :data:`_options.ROOT` and :data:`_options.PM2`, ``slots`` and
        ``health_path``; ``lenient`` where something that runs is adopted.
    :param fail: whether an error among the findings is raised.
    """
    _check.refuse_unknown(params["skip"], _rules.RULES)
    with tempfile.TemporaryDirectory(dir=tmpdir, prefix="release-check-") as scratch:
        subject = look(params, tree_of(params, Path(scratch)))
        findings = _check.run(subject, _rules.RULES, skip=params["skip"])
    if fail and any(finding.severity == _check.ERROR for finding in findings):
        raise _check.refusal(findings, params["skip"])
    return _check.as_results(findings, params["skip"])


def notices(result: dict[str, Any]) -> list[str]:
    """What a person has to be told although nothing is refused: milder findings, and rules nobody asked."""
    said = [f"[{one['rule']}] {one['message']} {one['remedy']}" for one in result["findings"]]
    passed_over = ", ".join(result["passed_over"])
    return said + ([f"Rules passed over: {passed_over}."] if passed_over else [])


def tree_of(params: dict[str, Any], scratch: Path) -> Tree:
    """The release's tree: the given directory, or what the archive holds; ``scratch`` takes its contents."""
    if params["archive"]:
        return _pack.pack(Path(params["archive"]), scratch)
    path = Path(params["path"])
    if not path.is_dir():
        raise DeployError("There is no release to check.", expected="a directory", where=str(path))
    return Tree(path)


def look(params: dict[str, Any], tree: Tree) -> _subject.Subject:
    """Everything the rules look at."""
    layout = Layout(Path(params["root"]))
    entry = _subject.entry_of(params["entry"], root=params["root"])
    shared = params["shared_files"]
    env_file = _host.resolve_env_file(layout, tree, params["env_file"] or entry.env_file, shared)
    slots = _options.slots_of(params)
    pm2 = _options.pm2_of(params)
    # Without an edge the main slot is still the old app's while that one is adopted: its port, and maybe its name.
    free = slots[1:] if params.get("lenient") and slots and not slots[0].socket else slots
    host = _host.read_host(layout, pm2, tree, entry, slots=free, env_file=env_file, shared_files=shared)
    places = ("", tree.package_of(entry.script))
    return _subject.Subject(
        tree=tree,
        entry=entry,
        host=host,
        root=layout.root,
        slots=tuple(slots),
        health_path=params["health_path"],
        ecosystems=_ecosystem_file.read_all(tree, places, node=pm2.node, version=host.node.version),
        env_file=env_file,
        shared_files=tuple(shared),
        install_args=tuple(params["install_args"]),
        node_minimum=params["node_minimum"],
        pm2_minimum=params["pm2_minimum"],
        disk_minimum=params["disk_minimum_mb"] << 20,
    )
