#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release_recovery
short_description: Finish or undo what an interrupted deploy left
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - A deploy can be killed at any point. This module finds what it left: a stage that never ended is removed, a release that was never decided on is marked aborted, half-written files go.
  - A live release that was never confirmed is named in RV(unconfirmed); the caller soaks it to its verdict.
  - Returns the state of the app as M(nodeops.pm2.release_info) does, read after the tidying.
extends_documentation_fragment:
  - nodeops.pm2.layout
  - nodeops.pm2.slots
  - nodeops.pm2.lease
  - nodeops.pm2.by
attributes:
  check_mode:
    description: Reports what would change and touches nothing.
    support: full
  diff_mode:
    description: Shows nothing.
    support: none
"""

EXAMPLES = r"""
- name: Tidy up after an interrupted deploy
  nodeops.pm2.release_recovery:
    root: /var/www/shop
    slots: "{{ shop_slots }}"
    lease: "{{ shop_lock.lease }}"
  register: shop
"""

RETURN = r"""
app:
  description: The state of the app, as in M(nodeops.pm2.release_info).
  returned: success
  type: dict
found:
  description: What was found and done about it, a sentence each.
  returned: success
  type: list
  elements: str
unconfirmed:
  description: The live release that was never confirmed, empty where there is none.
  returned: success
  type: str
"""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _lock, _options, _recovery, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC = {**_options.ROOT, **_options.SLOTS, **_options.LEASE, **_options.BY}

def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Read, decide, tidy, and read again."""
    layout = Layout(Path(params["root"]))
    slots = _options.slots_of(params)
    recovery = _recovery.decide(_state.read(layout, slots, now=time.time()), _ledger.read(layout.ledger))
    removed: list[str] = []
    if not check_mode:
        _lock.prove(layout.lock, params["lease"])
        removed = _recovery.carry_out(layout, recovery, by=params["by"])
    return {
        "changed": bool(recovery.unfinished or recovery.abandoned or removed),
        "found": recovery.sentences() + [f"Removed {path}, half-written." for path in removed],
        "unconfirmed": recovery.unconfirmed,
        "app": asdict(_state.read(layout, slots, now=time.time())),
    }


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
