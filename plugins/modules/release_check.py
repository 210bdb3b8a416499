#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release_check
short_description: Inspect a release and its host before anything is touched
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Reads an artifact, without unpacking it, and applies named rules to it, to how it is started, and to the host.
  - An ecosystem file in the release is evaluated by Node.js in a sandbox, within bounds of time, memory and output; it
    can start nothing, connect to nothing and write nothing, and values of its variables are not told.
  - A finding of severity V(error) fails the task and says where it can be seen, what to do, and how to skip the rule.
  - Rules on compiled output are V(stale_build_output), V(stale_compiled_entry), V(output_not_ignored),
    V(workspace_stale), V(source_map_foreign).
  - Rules on the source are V(cjs_in_esm), V(esm_in_cjs), V(duplicate_dirname), V(node_check),
    V(duplicate_declaration), V(js_beside_ts), V(health_route_missing).
  - Rules on what is started are V(entry_missing), V(interpreter_missing), V(args_missing), V(loader_missing),
    V(ecosystem_unreadable), V(ecosystem_differs), V(ecosystem_limits).
  - Rules on other ways to deploy are V(deploy_builds_unused), V(deploy_starts_otherwise).
  - Rules on dependencies are V(lockfile_missing), V(lockfile_out_of_step), V(lockfile_several), V(engines_node),
    V(lockfile_integrity), V(dependency_outside).
  - Rules on the environment are V(env_keys_missing), V(env_file_missing), V(env_file_readable), V(node_env_unset),
    V(sentry_disabled).
  - Rules on secrets are V(env_committed), V(private_key_committed), V(token_committed).
  - Rules on the host are V(node_missing), V(node_too_old), V(pm2_missing), V(pm2_too_old), V(daemon_out_of_step),
    V(port_busy), V(disk_space), V(inodes), V(root_owner), V(path_too_long), V(shared_missing).
  - Rules on the artifact are V(unsafe_modes), V(artifact_grew), V(native_module_foreign), V(not_read).
extends_documentation_fragment:
  - nodeops.pm2.attributes.info_module
  - nodeops.pm2.layout
  - nodeops.pm2.pm2
options:
  archive:
    description:
      - "The artifact: tar.gz, tar.zst, tar or zip, a file on the controller. The action plugin carries it to the host."
      - Exactly one of O(archive) and O(path) is needed.
    type: path
  checksum:
    description: SHA-256 of O(archive) in hex, compared on the controller before the transfer. Not compared when empty.
    type: str
    default: ""
  path:
    description: A directory on the host that holds the release unpacked, in place of O(archive).
    type: path
  entry:
    description: How the release is started, as the filter P(nodeops.pm2.entry#filter) tells it.
    type: dict
    required: true
    suboptions:
      script:
        description: The script, relative to the release, or an absolute path on the host.
        type: str
        required: true
      interpreter:
        description: V(node), V(none), or another program.
        type: str
        default: node
      node_args:
        description: Flags of Node.js.
        type: list
        elements: str
        default: []
      args:
        description: Arguments of the script.
        type: list
        elements: str
        default: []
      exec_mode:
        description: PM2's mode.
        type: str
        default: fork
      loader:
        description: V(tsx), or empty.
        type: str
        default: ""
      env:
        description: Names of the environment variables that the ecosystem file sets.
        type: list
        elements: str
        default: []
      env_file:
        description: Path of the first env file among the flags, empty without one.
        type: str
        default: ""
      env_on:
        description: Names of those variables whose value says yes.
        type: list
        elements: str
        default: []
      name:
        description: What PM2 calls the process in the first slot. Empty where it is not known.
        type: str
        default: ""
      max_restarts:
        description: Crashes after which PM2 gives up. V(0) where it is not known.
        type: int
        default: 0
      min_uptime:
        description: Milliseconds below which an end counts as a crash.
        type: int
        default: 0
      restart_delay:
        description: Milliseconds that PM2 waits before it restarts.
        type: int
        default: 0
  slots:
    description: The places a release can run in, whose addresses must be free or the app's own.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Name of the slot., type: str, required: true}
      process: {description: Its PM2 process., type: str, required: true}
      address:
        description: "Where the app listens: V(127.0.0.1:3001) or V(unix:/run/app/blue.sock)."
        type: str
        required: true
      socket: {description: "What the edge dials, empty where there is no edge.", type: path, default: ""}
  health_path:
    description: The path that the gate asks for. Where it is empty, nobody looks for it in the sources.
    type: str
    default: ""
  shared_files:
    description: Files of the release that live in C(shared/) instead, and must exist there.
    type: list
    elements: str
    default: []
  env_file:
    description: The file of environment variables on the host, in place of that of O(entry); relative to the release.
    type: str
    default: ""
  install_args:
    description: Arguments for the package manager; they tell whether devDependencies will be there.
    type: list
    elements: str
    default: []
  node_minimum:
    description: The oldest Node.js that will do.
    type: str
    default: 20.6.0
  pm2_minimum:
    description: The oldest PM2 that will do.
    type: str
    default: 5.0.0
  disk_minimum_mb:
    description: MiB that must be free beyond three times the unpacked release.
    type: int
    default: 200
  skip:
    description: Rules to leave out. An unknown one is refused before anything else.
    type: list
    elements: str
    default: []
  fail:
    description: Whether a finding of severity V(error) fails the task.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Inspect the artifact and the host
  nodeops.pm2.release_check:
    root: /var/www/shop
    archive: /tmp/shop.tar.gz
    entry:
      script: src/server.ts
      loader: tsx
    pm2_home: /home/deploy/.pm2

- name: Inspect it, knowing that the disk is small
  nodeops.pm2.release_check:
    root: /var/www/shop
    archive: /tmp/shop.tar.gz
    entry:
      script: dist/server.js
    pm2_home: /home/deploy/.pm2
    skip: [disk_space]
"""

RETURN = r"""
findings:
  description: What was found, errors first.
  returned: always
  type: list
  elements: dict
  contains:
    rule: {description: Id of the rule., type: str}
    severity: {description: V(error) or V(warning)., type: str}
    message: {description: What is wrong., type: str}
    remedy: {description: What to do., type: str}
    evidence:
      description: Where it can be seen.
      type: list
      elements: dict
      contains:
        file: {description: "Path in the release, or on the host.", type: str}
        line: {description: "Line, from 1; 0 where the file as a whole is meant.", type: int}
        text: {description: "What stands there, never the value of a variable.", type: str}
passed_over:
  description: Ids of the rules that were left out.
  returned: always
  type: list
  elements: str
counts:
  description: How many findings of each severity, and how many rules were left out.
  returned: always
  type: dict
  sample: {error: 0, warning: 1, skipped: 0}
"""

import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

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

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.PM2,
    "archive": {"type": "path"},
    "checksum": EMPTY,
    "path": {"type": "path"},
    "entry": {
        "type": "dict",
        "required": True,
        "options": {
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
        },
    },
    "slots": {"type": "list", "elements": "dict", "default": [], "options": _options.SLOT_OPTIONS},
    "health_path": EMPTY,
    "shared_files": WORDS,
    "env_file": EMPTY,
    "install_args": WORDS,
    "node_minimum": {"type": "str", "default": "20.6.0"},
    "pm2_minimum": {"type": "str", "default": "5.0.0"},
    "disk_minimum_mb": {"type": "int", "default": 200},
    "skip": WORDS,
    "fail": {"type": "bool", "default": True},
}


def run(params: dict[str, Any], *, tmpdir: str) -> dict[str, Any]:
    """Refuse a wrong ``skip``, read, look, and say what was found; raises where that is to fail the task."""
    _check.refuse_unknown(params["skip"], _rules.RULES)
    with tempfile.TemporaryDirectory(dir=tmpdir, prefix="release-check-") as scratch:
        subject = look(params, tree_of(params, Path(scratch)))
        findings = _check.run(subject, _rules.RULES, skip=params["skip"])
    if params["fail"] and any(finding.severity == _check.ERROR for finding in findings):
        raise _check.refusal(findings, params["skip"])
    return {"changed": False, **_check.as_results(findings, params["skip"])}


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
    host = _host.read_host(layout, pm2, tree, entry, slots=slots, env_file=env_file, shared_files=shared)
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


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=SPEC,
        supports_check_mode=True,
        required_one_of=[("archive", "path")],
        mutually_exclusive=[("archive", "path")],
    )
    try:
        result = run(module.params, tmpdir=module.tmpdir)
    except DeployError as error:
        module.fail_json(**error.failure())
    for notice in notices(result):
        module.warn(notice)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
