#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: waivers
short_description: Write into the ledger what was waived for an artifact, why and until when
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Appends an event C(waived) for every waiver that the ledger does not have yet for this artifact.
  - The ledger is only ever appended to; what has been waived stays on record.
extends_documentation_fragment:
  - nodeops.pm2.attributes
  - nodeops.pm2.layout
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  release:
    description: Release id.
    type: str
    default: ''
  revision:
    description: Commit or version the artifact was made from.
    type: str
    default: ''
  artifact_sha256:
    description: SHA-256 of the artifact in hex.
    type: str
    default: ''
  by:
    description: Who ran the check.
    type: str
    default: ''
  waivers:
    description: The waivers.
    type: list
    elements: dict
    required: true
    suboptions:
      waives: {description: Id of an item of the checklist or of a rule., type: str, required: true}
      reason: {description: Why., type: str, required: true}
      until: {description: "The last day on which it counts, V(2027-01-31).", type: str, required: true}
      by: {description: Who answers for it., type: str, default: ''}
seealso:
  - plugin: nodeops.pm2.checklist
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Keep on record what was waived
  nodeops.pm2.waivers:
    root: /var/www/shop
    release: 20261123T101500-abc1234
    artifact_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    by: mia@laptop
    waivers:
      - {waives: smoke_ready, reason: The route comes with the next release., until: "2027-01-31", by: Mia}
"""

RETURN = r"""
recorded:
  description: What the ledger did not have, by id.
  returned: success
  type: list
  elements: str
  sample: [smoke_ready]
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _options, _waived
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import failure_of
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC: dict[str, Any] = {
    **_options.ROOT,
    "release": {"type": "str", "default": ""},
    "revision": {"type": "str", "default": ""},
    "artifact_sha256": {"type": "str", "default": ""},
    "by": {"type": "str", "default": ""},
    "waivers": {**_waived.WAIVERS, "required": True},
}


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Append what is new."""
    layout = Layout(Path(params["root"]))
    about = {name: params[name] for name in ("release", "revision", "artifact_sha256", "by")}
    new = _waived.unrecorded(layout, params["waivers"], **about)
    if new and not check_mode:
        layout.root.mkdir(parents=True, exist_ok=True)
        _waived.record(layout, new)
    shown = "".join(f"waived {one.detail['waives']} until {one.detail['until']}: {one.reason}\n" for one in new)
    recorded = [str(one.detail["waives"]) for one in new]
    return {"changed": bool(new), "recorded": recorded, "diff": {"before": "", "after": shown}}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        module.exit_json(**run(module.params, check_mode=module.check_mode))
    except OSError as error:
        module.fail_json(**failure_of(error))


if __name__ == "__main__":
    main()
