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
    V(port_busy), V(name_busy), V(disk_space), V(inodes), V(root_owner), V(path_too_long), V(shared_missing).
  - Rules on the artifact are V(unsafe_modes), V(artifact_grew), V(native_module_foreign), V(not_read).
extends_documentation_fragment:
  - nodeops.pm2.attributes.info_module
  - nodeops.pm2.layout
  - nodeops.pm2.pm2
  - nodeops.pm2.inspection
options:
  archive:
    description:
      - "The artifact: tar.gz, tar.zst, tar or zip, a file on the controller. The action plugin carries it to the host."
      - Exactly one of O(archive) and O(path) is needed.
  path:
    description: A directory on the host that holds the release unpacked, in place of O(archive).
    type: path
  entry:
    required: true
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
free_port:
  description: A TCP port of 127.0.0.1 that nobody listened on, for whoever wants to start something beside the slots.
  returned: success
  type: int
"""

import socket
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _inspection, _options
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.PM2,
    **_inspection.SPEC,
    "entry": {**_inspection.SPEC["entry"], "required": True},
    "slots": {"type": "list", "elements": "dict", "default": [], "options": _options.SLOT_OPTIONS},
    "path": {"type": "path"},
    "health_path": {"type": "str", "default": ""},
    "fail": {"type": "bool", "default": True},
}


def run(params: dict[str, Any], *, tmpdir: str) -> dict[str, Any]:
    """Say what was found; raises where that is to fail the task."""
    found = _inspection.run(params, tmpdir=tmpdir, fail=params["fail"])
    return {"changed": False, **found, "free_port": _free_port()}


def _free_port() -> int:
    """One that the kernel would have given to a connection, so that no service has it for its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    for notice in _inspection.notices(result) if module.params["fail"] else ():  # else the caller tells them
        module.warn(notice)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
