#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release_verdict
short_description: Write down what was decided on a release
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Appends a verdict to the ledger. The last verdict counts; it drives rollback and pruning.
  - A release that already has this verdict since it was last published is left alone.
extends_documentation_fragment:
  - nodeops.pm2.layout
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
  release:
    description: Release id.
    type: str
    required: true
  verdict:
    description: V(good) was proved over its soak, V(bad) was proved not to be, V(aborted) was never decided on its own account, V(rolled_back) was left by an operator.
    type: str
    choices: [good, bad, aborted, rolled_back]
    required: true
  left_for:
    description: With O(verdict=rolled_back), the release it was left for. A step forward to a younger release is not held against the older one.
    type: str
    default: ""
  slot:
    description: Name of the slot it ran in.
    type: str
    default: ""
  reason:
    description: Why, in words.
    type: str
    default: ""
  freeze:
    description: Freeze the app for this reason, so that every further deploy is refused until a person has looked.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Confirm
  nodeops.pm2.release_verdict:
    root: /var/www/shop
    release: 20261123T101500-abc1234
    verdict: good
    slot: green
    lease: "{{ shop_lock.lease }}"
"""

RETURN = r"""
verdict:
  description: The verdict that stands now.
  returned: success
  type: str
release:
  description: The release it is on.
  returned: success
  type: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _lock, _options
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, release_id

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.LEASE,
    **_options.BY,
    "release": {"type": "str", "required": True},
    "verdict": {"type": "str", "choices": ["good", "bad", "aborted", "rolled_back"], "required": True},
    "left_for": {"type": "str", "default": ""},
    "slot": {"type": "str", "default": ""},
    "reason": {"type": "str", "default": ""},
    "freeze": {"type": "str", "default": ""},
}

def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Compare with the verdict that stands, and append."""
    layout = Layout(Path(params["root"]))
    release = release_id(params["release"])
    entries = _ledger.read(layout.ledger)
    before = _ledger.verdict(entries, release)
    wanted = params["verdict"]
    if wanted == "rolled_back" and not _ledger.is_step_back(entries, leaving=release, target=params["left_for"]):
        wanted = before
    changed = before != wanted
    if not check_mode:
        _lock.prove(layout.lock, params["lease"])
        entry = _ledger.Entry(_ledger.now(), wanted, release, params["slot"], params["by"], params["reason"])
        if changed:
            _ledger.append(layout.ledger, entry)
        if params["freeze"]:
            _lock.freeze(layout.root, params["freeze"])
            _ledger.append(layout.ledger, _ledger.Entry(entry.at, "frozen", release, reason=params["freeze"]))
    return {"changed": changed or bool(params["freeze"]), "verdict": wanted, "release": release}


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
