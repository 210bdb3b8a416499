#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: rehearsal
short_description: Start a release in private, prove that it answers, and leave nothing of it
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Stages, starts and gates a release as a deploy does, in O(directory), with a PM2 of its own and on an address of its
    own. Slots, PM2, releases, ledger and lock of the app are not touched.
  - Afterwards everything that was started is ended and O(directory) is removed, also where the module or its connection
    is killed. If anything is left, that is a failure.
  - The app really runs, with its environment. What it does at boot (a queue that it reads, a schedule that it keeps) it
    does here too, as it would in the idle slot.
  - Shared files are lent as copies, shared directories as empty ones; dependencies that the app's store has are linked,
    others are installed for the occasion.
  - Of O(hooks) only C(after_stage) is run, with C(BLUEGREEN_ACTION=rehearsal).
extends_documentation_fragment:
  - nodeops.pm2.attributes
  - nodeops.pm2.layout
  - nodeops.pm2.slot
  - nodeops.pm2.proof
attributes:
  check_mode:
    support: none
    details: Skipped, because it starts the app.
  diff_mode:
    support: N/A
    details: Nothing is left that could be shown.
  idempotent:
    support: full
    details: Never changes anything for good.
options:
  directory:
    description: Directory on the host, made and removed again; at most 90 bytes long, not on a C(noexec) mount.
    type: path
    required: true
  release:
    description: Release id.
    type: str
    required: true
  archive:
    description:
      - "The artifact: tar.gz, tar.zst, tar or zip, a file on the controller. The action plugin carries it to the host."
    type: path
    required: true
  checksum:
    description: SHA-256 of O(archive) in hex, compared on the controller before the transfer. Not compared when empty.
    type: str
    default: ''
  revision:
    description: Commit or version the artifact was made from.
    type: str
    default: ''
  ecosystem:
    description: Text of the ecosystem file, for O(slot) and O(directory).
    type: str
    required: true
  app:
    description: Name of the app, for its hook.
    type: str
    default: ''
  shared_dirs:
    description: Directories of the release that live in C(shared/) instead.
    type: list
    elements: str
    default: []
  shared_files:
    description: Files of the release that live in C(shared/) instead, and must exist in O(root).
    type: list
    elements: str
    default: []
  dependencies:
    description:
      - V(install) brings node_modules by the lockfile; V(shipped) takes what the artifact has.
    type: str
    choices: [install, shipped]
    default: install
  install_args:
    description: Arguments for the package manager.
    type: list
    elements: str
    default: []
  install_timeout:
    description: Seconds the package manager may take.
    type: float
    default: 600
  hooks:
    description: Lists of commands (argument lists) by name of the hook.
    type: dict
    default: {}
  hook_timeout:
    description: Seconds that one command of a hook may take.
    type: float
    default: 600
  stop_timeout:
    description: Seconds that PM2 may take to start the process.
    type: float
    default: 30
  secret_files:
    description: Env files on the host whose values are never shown in a message.
    type: list
    elements: path
    default: []
  pm2_bin:
    description: PM2 on the host. A path to its script, or a name on the system's path.
    type: str
    default: pm2
  node_bin:
    description: Node.js on the host. A path, or a name on the system's path.
    type: str
    default: node
  fail:
    description: Whether a release that does not pass fails the task.
    type: bool
    default: true
seealso:
  - module: nodeops.pm2.deploy
  - plugin: nodeops.pm2.checklist
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See the release answer before anything is touched
  nodeops.pm2.rehearsal:
    root: /var/www/shop
    directory: /var/tmp/shop-rehearsal
    release: 20261123T101500-abc1234
    archive: /tmp/shop.tar.gz
    ecosystem: "{{ lookup('ansible.builtin.file', 'rehearsal.cjs') }}"
    slot: {name: rehearsal, process: shop-rehearsal, address: "127.0.0.1:3999"}
    health: {path: /health}
"""

RETURN = r"""
passed:
  description: Whether it was started and passed the gate.
  returned: success
  type: bool
where:
  description: The address it was asked at.
  returned: success
  type: str
  sample: 127.0.0.1:3999
seconds:
  description: Seconds from its start to the end of the gate.
  returned: success
  type: float
why:
  description: Why it did not pass, beginning with the phase. Empty where it did.
  returned: success
  type: str
"""

import copy
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _proof, _rehearsal

SPEC: dict[str, Any] = {**_rehearsal.SPEC, "fail": {"type": "bool", "default": True}}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=False)
    params = copy.deepcopy(module.params)
    _proof.hide_secrets(module.params)
    result = _rehearsal.run(params)
    if params["fail"] and not result["passed"]:
        module.fail_json(msg=result["why"], **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
