#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release_live
short_description: Make a release the live one
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Publishes by one rename of C(current). The release must be complete, and started and gated in its slot before.
  - With O(state=absent) nothing is live afterwards, the road back of a first deploy.
extends_documentation_fragment:
  - nodeops.pm2.layout
  - nodeops.pm2.lease
  - nodeops.pm2.by
attributes:
  check_mode:
    description: Reports what would change and touches nothing.
    support: full
  diff_mode:
    description: Shows where C(current) points before and after.
    support: full
options:
  release:
    description: Release id. Required with O(state=published).
    type: str
  state:
    description: Whether O(release) is live, or nothing.
    type: str
    choices: [published, absent]
    default: published
  slot:
    description: The slot the release was gated in. Required with O(state=published).
    type: dict
    suboptions:
      name: {description: "Name, V(blue) or V(green).", type: str, required: true}
      process: {description: Its PM2 process., type: str, required: true}
      address: {description: Where the app listens., type: str, required: true}
      socket: {description: "What the edge dials, empty where there is no edge.", type: path, default: ""}
  reason:
    description: Why, for the ledger.
    type: str
    default: deploy
"""

EXAMPLES = r"""
- name: Publish
  nodeops.pm2.release_live:
    root: /var/www/shop
    release: 20261123T101500-abc1234
    slot: {name: green, process: shop-green, address: "127.0.0.1:3002", socket: /run/shop/green.sock}
    lease: "{{ shop_lock.lease }}"
"""

RETURN = r"""
previous:
  description: What was live before, empty where nothing was.
  returned: success
  type: str
seconds:
  description: How long the rename took, in seconds, with its fsync of the directory.
  returned: success
  type: float
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock, _options, _state, _switch
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.LEASE,
    **_options.BY,
    "release": {"type": "str"},
    "state": {"type": "str", "choices": ["published", "absent"], "default": "published"},
    "slot": {"type": "dict", "options": _options.SLOT_OPTIONS},
    "reason": {"type": "str", "default": "deploy"},
}
REQUIRED_IF = [("state", "published", ["release", "slot"])]

def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Compare what is live with what is to be live, and switch."""
    layout = Layout(Path(params["root"]))
    previous = _state.live_release(layout)
    wanted = params["release"] if params["state"] == "published" else ""
    seconds = 0.0
    if previous != wanted and not check_mode:
        _lock.prove(layout.lock, params["lease"])
        if wanted:
            slot = _options.slot_of(params["slot"])
            seconds = _switch.publish(layout, wanted, slot, by=params["by"], reason=params["reason"])
        else:
            _switch.unpublish(layout)
    return {
        "changed": previous != wanted,
        "previous": previous,
        "seconds": seconds,
        "diff": {"before": _line(layout, previous), "after": _line(layout, wanted)},
    }


def _line(layout: Layout, release: str) -> str:
    return f"{layout.current} -> releases/{release}\n" if release else ""


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, required_if=REQUIRED_IF, supports_check_mode=True)
    try:
        result = run(module.params, check_mode=module.check_mode)
    except DeployError as error:
        module.fail_json(**error.failure())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
