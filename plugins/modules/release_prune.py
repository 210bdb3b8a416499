#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release_prune
short_description: Delete releases that nobody can need any more
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Keeps the live release, the one a rollback would go to, every release a process still runs from, and the O(keep) most recently confirmed good ones.
  - Dependency store entries that no remaining release was staged from go as well; releases hold their own links, so none can be hurt.
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
options:
  keep:
    description: How many good releases stay.
    type: int
    default: 5
"""

EXAMPLES = r"""
- name: Prune
  nodeops.pm2.release_prune:
    root: /var/www/shop
    slots: "{{ shop_slots }}"
    lease: "{{ shop_lock.lease }}"
"""

RETURN = r"""
pruned:
  description: Releases that went, or would go in check mode.
  returned: success
  type: list
  elements: str
"""

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _dependencies, _ledger, _lock, _options, _prune, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.SLOTS,
    **_options.LEASE,
    **_options.BY,
    "keep": {"type": "int", "default": 5},
}

def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Read, decide, delete."""
    layout = Layout(Path(params["root"]))
    state = _state.read(layout, _options.slots_of(params), now=time.time())
    pruned = _prune.expendable(
        [release.id for release in state.releases],
        _ledger.read(layout.ledger),
        live=state.live,
        rollback_target=state.rollback_target,
        running=_prune.running_from(layout.releases),
        keep=params["keep"],
    )
    if not check_mode:
        _lock.prove(layout.lock, params["lease"])
        for release in pruned:
            _prune.remove(layout.release(release).path)
            _ledger.append(layout.ledger, _ledger.Entry(_ledger.now(), "pruned", release, by=params["by"]))
        in_use = {release.dependencies for release in state.releases if release.id not in pruned}
        for entry in _dependencies.unused(layout.deps, in_use):
            _prune.remove(entry)
    return {"changed": bool(pruned), "pruned": pruned}


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
