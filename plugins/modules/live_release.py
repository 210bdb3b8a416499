#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: live_release
short_description: Have a release that is on disk be the live one
version_added: 0.1.0
author: nodeops maintainers (@nodeops)
description:
  - Starts the release in its slot where it does not run any more, gates it there, publishes it by one rename, proves it
    through the front door and declares it good. This is the road of a rollback and of every take-back, in one go.
  - A release that is live already is only proved.
  - When it is refused on the way, what has to be undone is told by what is live then.
extends_documentation_fragment:
  - nodeops.pm2.attributes
  - nodeops.pm2.layout
  - nodeops.pm2.pm2
  - nodeops.pm2.slot
  - nodeops.pm2.proof
  - nodeops.pm2.lease
  - nodeops.pm2.by
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Shows where C(current) points before and after.
  idempotent:
    support: full
options:
  release:
    description: Id of the release.
    type: str
    required: true
  serving:
    description:
      - The slot it serves in, in the end. Behind an edge that is O(slot) itself. Without one it is the main slot, and
        O(slot) the spare, or the main slot too where that is down already.
    type: dict
    required: true
    suboptions:
      name: {description: "Name, such as V(main).", type: str, required: true}
      process: {description: Its PM2 process., type: str, required: true}
      address: {description: Where the app listens., type: str, required: true}
      socket: {description: "What the edge dials, empty where there is no edge.", type: path, default: ''}
  through:
    description: Where a user comes in, as in M(nodeops.pm2.health_gate).
    type: str
    required: true
  left:
    description: The release that is left for it. It is marked rolled back, unless it is the older of the two.
    type: str
    default: ''
  reason:
    description: Why, for the ledger.
    type: str
    default: rollback
  timeout:
    description: Seconds a process may take to stop, and PM2 to start one.
    type: float
    default: 30
  retiring:
    description: The slot that is drained and stopped when all is done. Without it both go on running.
    type: dict
    suboptions:
      name: {description: "Name, such as V(main).", type: str, required: true}
      process: {description: Its PM2 process., type: str, required: true}
      address: {description: Where the app listens., type: str, required: true}
      socket: {description: "What the edge dials, empty where there is no edge.", type: path, default: ''}
  standby:
    description: Seconds O(retiring) stays warm first, as in M(nodeops.pm2.pm2_process).
    type: float
    default: 0
  drain_timeout:
    description: Seconds to wait for the open connections of O(retiring) to end.
    type: float
    default: 30
  hooks:
    description: Lists of commands by C(before_PHASE) and C(after_PHASE), run in the release directory.
    type: dict
    default: {}
  hook_environment:
    description: Variables that the hooks get.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Roll back
  nodeops.pm2.live_release:
    root: /var/www/shop
    pm2_home: /home/deploy/.pm2
    release: 20261123T101500-abc1234
    slot: &slot {name: green, process: shop-green, address: "127.0.0.1:3002", socket: /run/shop/green.sock}
    serving: *slot
    through: http://127.0.0.1
    lease: "{{ shop_lock.lease }}"
"""

RETURN = r"""
previous:
  description: What was live before, empty where nothing was.
  returned: success
  type: str
release:
  description: What is live now.
  returned: success
  type: str
verdict:
  description: V(good).
  returned: success
  type: str
seconds:
  description: How long the rename took, in seconds, with its fsync of the directory.
  returned: success
  type: float
phases:
  description: Seconds by phase.
  returned: success
  type: dict
"""

import copy
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock, _options, _proof, _road, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError, failure_of
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.PM2,
    **_options.SLOT,
    **_options.LEASE,
    **_options.BY,
    **_proof.SPEC,
    "release": {"type": "str", "required": True},
    "serving": {"type": "dict", "required": True, "options": _options.SLOT_OPTIONS},
    "through": {"type": "str", "required": True},
    "left": {"type": "str", "default": ""},
    "reason": {"type": "str", "default": "rollback"},
    "timeout": {"type": "float", "default": 30},
    "retiring": {"type": "dict", "options": _options.SLOT_OPTIONS},
    "standby": {"type": "float", "default": 0},
    "drain_timeout": {"type": "float", "default": 30},
    "hooks": {"type": "dict", "default": {}},
    "hook_environment": {"type": "dict", "default": {}},
}


def journey_of(params: dict[str, Any]) -> _road.Journey:
    """The typed form of the options."""
    return _road.Journey(
        layout=Layout(Path(params["root"])),
        pm2=_options.pm2_of(params),
        release=params["release"],
        slot=_options.slot_of(params["slot"]),
        serving=_options.slot_of(params["serving"]),
        front=params["through"],
        proof={name: params[name] for name in _proof.SPEC},
        left=params["left"],
        by=params["by"],
        reason=params["reason"],
        lease=params["lease"],
        timeout=params["timeout"],
        retiring=_options.slot_of(params["retiring"]) if params["retiring"] else None,
        standby=params["standby"],
        drain_timeout=params["drain_timeout"],
        hooks=params["hooks"],
        environment={name: str(value) for name, value in params["hook_environment"].items()},
    )


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Compare what is live with what is to be live, and go there."""
    journey = journey_of(params)
    release, previous = journey.release, _state.live_release(journey.layout)
    seconds = 0.0
    if previous == release:
        _proof.run({**params, "slot": params["serving"], "log_offset": -1}, check_mode=check_mode)
    elif not check_mode:
        _lock.prove(journey.layout.lock, journey.lease)
        seconds = _road.go(journey)
    before, after = (f"{journey.layout.current} -> releases/{one}\n" if one else "" for one in (previous, release))
    return {
        "changed": previous != release,
        "previous": previous,
        "release": release,
        "verdict": "good",
        "seconds": seconds,
        "phases": journey.seconds,
        "diff": {"before": before, "after": after},
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = copy.deepcopy(module.params)
    _proof.hide_secrets(module.params)
    try:
        result = run(params, check_mode=module.check_mode)
    except (DeployError, OSError) as error:
        module.fail_json(**failure_of(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
