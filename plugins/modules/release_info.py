#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Say what is live, what is on disk, and what was decided of it
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Reads the C(current) symlink, the release directories, the ledger and the lock of an app, and concludes from them.
  - What is live is what C(current) points to, and nothing else is ever asked.
extends_documentation_fragment:
  - nodeops.pm2.layout
attributes:
  check_mode:
    description: Reads only.
    support: full
  diff_mode:
    description: Shows nothing.
    support: none
"""

EXAMPLES = r"""
- name: Read what is so
  nodeops.pm2.release_info:
    root: /var/www/shop
  register: shop
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
    releases:
      description: Releases on disk in name order.
      type: list
      elements: dict
    lock: {description: "Who holds the lock, empty where nobody does.", type: str}
    frozen: {description: "Why the app is frozen, empty where it is not.", type: str}
history:
  description: The last 20 events of the ledger, oldest first.
  returned: success
  type: list
  elements: dict
"""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _options, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC = {**_options.ROOT}


def run(params: dict[str, Any]) -> dict[str, Any]:
    """Read, and return what was read."""
    layout = Layout(Path(params["root"]))
    state = _state.read(layout, now=time.time())
    history = [asdict(entry) for entry in _ledger.read(layout.ledger)[-20:]]
    return {"changed": False, "app": asdict(state), "history": history}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = run(module.params)
    except DeployError as error:
        module.fail_json(**error.failure())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
