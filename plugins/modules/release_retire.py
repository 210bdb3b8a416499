#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release_retire
short_description: Drain and stop the slot that does not serve
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Stops whatever runs in the slots that do not serve, once their connections have ended or O(drain_timeout) is over.
  - With O(standby) the old release stays warm for that long first, so that a rollback in that time is one rename. Run it with C(async) and C(poll=0) then.
    If the slot serves again by then, or runs something else, it is left alone.
extends_documentation_fragment:
  - nodeops.pm2.layout
  - nodeops.pm2.slots
  - nodeops.pm2.pm2
attributes:
  check_mode:
    description: Reports what would change and touches nothing.
    support: full
  diff_mode:
    description: Shows nothing.
    support: none
options:
  standby:
    description: Seconds the old release stays warm.
    type: float
    default: 0
  drain_timeout:
    description: Seconds to wait for open connections to end.
    type: float
    default: 30
  timeout:
    description: Seconds a process may take to stop before it is killed.
    type: float
    default: 30
"""

EXAMPLES = r"""
- name: Retire the old slot in five minutes
  nodeops.pm2.release_retire:
    root: /var/www/shop
    slots: "{{ shop_slots }}"
    pm2_home: /home/deploy/.pm2
    standby: 300
  async: 400
  poll: 0
"""

RETURN = r"""
said:
  description: What was done, a sentence a slot.
  returned: success
  type: list
  elements: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _facts, _options, _retire
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.SLOTS,
    **_options.PM2,
    "standby": {"type": "float", "default": 0},
    "drain_timeout": {"type": "float", "default": 30},
    "timeout": {"type": "float", "default": 30},
}


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Retire every slot that does not serve."""
    layout = Layout(Path(params["root"]))
    slots = _options.slots_of(params)
    pm2 = _options.pm2_of(params)
    idle = _retire.idle(layout, slots)
    if check_mode:
        running = [slot for slot in idle if _facts.read_facts(pm2, slot).found]
        return {"changed": bool(running), "said": [f"would stop {slot.process}" for slot in running]}
    waits = {name: params[name] for name in ("standby", "drain_timeout", "timeout")}
    retired = [_retire.retire(layout, slots, slot, pm2, **waits) for slot in idle]
    return {"changed": any(one.changed for one in retired), "said": [one.said for one in retired]}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = run(module.params, check_mode=module.check_mode)
    except DeployError as error:
        module.fail_json(**error.failure())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
