#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: pm2_process_info
short_description: Tell what really runs in a slot
version_added: 0.1.0
author: nodeops maintainers (@nodeops)
description:
  - Puts PM2's record, the processes' real working directories and the owner of the slot's address side by side.
  - Reads PM2's socket and C(/proc). Starts nothing and works where no PM2 daemon runs.
  - The environment is never returned.
extends_documentation_fragment:
  - nodeops.pm2.attributes.info_module
  - nodeops.pm2.pm2
  - nodeops.pm2.slot
seealso:
  - module: nodeops.pm2.pm2_process
"""

EXAMPLES = r"""
- name: See what runs in the slot
  nodeops.pm2.pm2_process_info:
    slot:
      name: green
      process: demo-green
      address: 127.0.0.1:3002
      socket: /run/demo/green.sock
    pm2_home: /home/deploy/.pm2
  register: result
"""

RETURN = r"""
facts:
  description: The evidence about the slot at one moment.
  returned: success
  type: dict
  contains:
    name:
      description: The PM2 name that was looked for.
      type: str
    found:
      description: Whether PM2 has a record of that name.
      type: bool
    status:
      description: What PM2 calls the worst worker. Empty where there is no record.
      type: str
    exec_mode:
      description: V(fork), V(cluster), or empty where there is no record.
      type: str
    pids:
      description: The processes that PM2 started and that are alive.
      type: list
      elements: int
    restarts:
      description: Restarts of all workers together, operators' restarts included.
      type: int
    exit_code:
      description: Of the last exit, a failure before a success. Null before the first one.
      type: int
    uptime:
      description: Seconds that the youngest worker has lived. 0 where there is none.
      type: float
    cwds:
      description: Real working directory by pid, of the workers and of what listens below them.
      type: dict
    listener_pids:
      description: The processes that listen on the slot's address, as far as this user can see them.
      type: list
      elements: int
    listener_is_ours:
      description:
        - Whether somebody listens, and nobody but the slot's own processes.
        - In cluster mode PM2's daemon listens in their place.
      type: bool
    listener_seen:
      description: Whether anybody listens.
      type: bool
    out_log:
      description: The file of standard output. Empty where there is no record.
      type: str
    err_log:
      description: The file of standard error. Empty where there is no record.
      type: str
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _options
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import read_facts
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2


def main() -> None:
    """Read and exit."""
    module = AnsibleModule({**_options.SLOT, **_options.PM2}, supports_check_mode=True)
    pm2 = Pm2(Path(module.params["pm2_home"]), module.params["pm2_bin"], module.params["node_bin"])
    try:
        facts = read_facts(pm2, _options.slot_of(module.params["slot"]))
    except DeployError as error:
        module.fail_json(**error.failure())
    module.exit_json(changed=False, facts=asdict(facts))


if __name__ == "__main__":
    main()
