#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Say what is live, whether it serves, who watches it, and what was decided of it
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Reads the C(current) symlink, the release directories, the ledger and the lock of an app, its process and its
    incidents, and concludes from them.
  - What is live is what C(current) points to, and nothing else is ever asked.
  - How to reach the process stands in the live release itself, so that nothing else has to be given.
  - With O(drift) all that should agree is compared, file by file.
extends_documentation_fragment:
  - nodeops.pm2.attributes.info_module
  - nodeops.pm2.layout
options:
  guard_dir:
    description: Where the guard of the host keeps its things.
    type: path
    default: /var/lib/bluegreen
  host:
    description: What the host is called in RV(lines). By default its own name.
    type: str
    default: ''
  drift:
    description:
      - Whether to compare what is with what was declared when the live release was staged. Every file of it is hashed
        (20,000 files take half a second), PM2's memory and dump are read, and the front door is asked once.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Read what is so
  nodeops.pm2.release_info:
    root: /var/www/shop
  register: shop

- name: See that nobody has changed anything by hand
  nodeops.pm2.release_info:
    root: /var/www/shop
    drift: true
  register: shop
  failed_when: shop.drift | length > 0
"""

RETURN = r"""
app:
  description: The state of the app.
  returned: success
  type: dict
  contains:
    live: {description: "Id of the live release, empty where nothing is live.", type: str}
    live_slot: {description: The slot it is live in., type: str}
    verdict:
      description: What was decided on the live release. Anything but V(good) means that it was never confirmed.
      type: str
    since: {description: "When it was published, UTC, ISO 8601.", type: str}
    rollback_target: {description: "Where a rollback goes, empty where there is nothing to go to.", type: str}
    came_from:
      description: The good release before the live one, also where that is the same code with the same settings.
      type: str
    releases:
      description: Releases on disk in name order.
      type: list
      elements: dict
    lock: {description: "Who holds the lock, empty where nobody does.", type: str}
    frozen: {description: "Why the app is frozen, empty where it is not.", type: str}
name:
  description: Name of the app, as the live release has it.
  returned: success
  type: str
good:
  description: >-
    Whether nobody need look. Something good is live and serves, and the app is not frozen. Nothing is in RV(drift),
    and if there is a guard, it runs.
  returned: success
  type: bool
serves:
  description: Whether the live release is what runs in its slot and owns its address.
  returned: success
  type: bool
process:
  description: What runs there, as RV(nodeops.pm2.pm2_process_info#module:facts). Null where nothing is live.
  returned: success
  type: dict
freeze:
  description: How the app is frozen. Null where it is not.
  returned: success
  type: dict
  contains:
    reason: {description: Why., type: str}
    by: {description: "Who did it, V(user@machine), empty where nobody noted.", type: str}
    at: {description: "When, in seconds since the epoch, 0 where nobody noted.", type: float}
left:
  description: Why whoever holds the lock is provably dead. Empty where they may live, or nobody holds it.
  returned: success
  type: str
deadline:
  description: By when the live release has to be confirmed, in seconds since the epoch. Null where nothing is due.
  returned: success
  type: dict
  contains:
    release: {description: Id of the release., type: str}
    until: {description: "The end of its time, in seconds since the epoch.", type: float}
    armed:
      description: >-
        When it was set: C(wall), in seconds since the epoch, and C(steady), in seconds since the C(boot), by which it
        is measured.
      type: dict
    by: {description: "Who published, V(user@machine).", type: str}
incidents:
  description: The last 20 incidents that the guard recorded, oldest first.
  returned: success
  type: list
  elements: dict
history:
  description: The last 20 events of the ledger, oldest first.
  returned: success
  type: list
  elements: dict
guard:
  description: Who watches. Null where no guard ever was on this host.
  returned: success
  type: dict
  contains:
    running: {description: Whether its very process runs., type: bool}
    pid: {description: "Its process, 0 where this user may not know.", type: int}
    watches: {description: Whether it knows this app., type: bool}
    channels:
      description: "The ways it reaches people by: C(name), whether the last test C(proved) it, and C(at) what time."
      type: list
      elements: dict
    problems:
      description: What it cannot do, a sentence each.
      type: list
      elements: str
silent:
  description: Why people would not hear of an incident. Empty where they would, and where nobody has asked for that.
  returned: success
  type: str
drift:
  description: What is not as it was declared. Null without O(drift).
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: "What kind of difference, such as V(file_changed) or V(process_differs).", type: str}
    what: {description: One sentence., type: str}
    expected: {description: What was declared., type: str}
    seen: {description: "What is. Of variables and arguments the names, never a value.", type: str}
    where: {description: "The path, process or address.", type: str}
    remedy: {description: What to do., type: str}
lines:
  description: All of it for people, as C(bluegreen status) shows it on the host.
  returned: success
  type: list
  elements: str
"""

import os
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _options, _registry, _status
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError, failure_of
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC: dict[str, Any] = {
    **_options.ROOT,
    "guard_dir": {"type": "path", "default": str(_registry.DIRECTORY)},
    "host": {"type": "str", "default": ""},
    "drift": {"type": "bool", "default": False},
}


def run(params: dict[str, Any]) -> dict[str, Any]:
    """Read, and return what was read."""
    layout, guard = Layout(Path(params["root"])), Path(params["guard_dir"])
    status = _status.read(layout, guard=guard, drift=params["drift"])
    found = status.as_dict()
    name, state = found.pop("app"), found.pop("state")
    lines = _status.lines(status, host=params["host"] or os.uname().nodename)
    return {"changed": False, "name": name, "app": state, **found, "lines": lines}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = run(module.params)
    except (DeployError, OSError) as error:
        module.fail_json(**failure_of(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
