#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: health_gate
short_description: Prove that a release in a slot is good, or refuse it
version_added: 0.1.0
author: nodeops maintainers (@nodeops)
description:
  - Asks the release over HTTP and looks at its process until enough good answers have come in a row. With O(duration)
    it goes on asking for that long, which is the soak.
  - An answer counts only while the process facts of the same moment agree. No restart, the same workers, the release as
    their working directory, and nobody else on the slot's address. That PM2 says C(online) proves nothing.
  - Refuses at once what waiting cannot mend, such as a restart, and at the deadline what has not become good. Only
    where the process has lived for a minute already, as in a slot that was left warm, earlier restarts are history.
  - Changes nothing. It asks with GET unless told otherwise.
extends_documentation_fragment:
  - nodeops.pm2.attributes
  - nodeops.pm2.layout
  - nodeops.pm2.pm2
  - nodeops.pm2.slot
  - nodeops.pm2.proof
attributes:
  check_mode:
    support: full
    details: Asks nothing and is skipped, because in check mode nothing has been started.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
    details: It changes nothing.
options:
  release:
    description: Id of the release that has to run in the slot.
    type: str
    required: true
  through:
    description:
      - Where the questions go. V(127.0.0.1:3001), V(http://127.0.0.1:8080), V(unix:/path) or V(/path).
      - Empty means the slot's own address. For a soak it is the edge.
    type: str
    default: ''
  log_offset:
    description:
      - Bytes of the error log before which nothing matters, which is its size when the process was started.
      - V(-1) is its present end.
    type: int
    default: -1
  lease:
    description: Lease of the app's lock to keep alive meanwhile. When it has been lost, the gate stops.
    type: str
    default: ''
seealso:
  - module: nodeops.pm2.pm2_process
"""

EXAMPLES = r"""
- name: Gate the release in the idle slot
  nodeops.pm2.health_gate:
    root: /var/www/shop
    pm2_home: /home/deploy/.pm2
    release: 20261123T101500-abc1234
    slot:
      name: green
      process: shop-green
      address: 127.0.0.1:3002
    health:
      path: /health
      json:
        release: 20261123T101500-abc1234
    smoke:
      - name: The catalogue has products
        path: /products?limit=1
        body: '"id":'

- name: Soak it for half a minute through the edge
  nodeops.pm2.health_gate:
    root: /var/www/shop
    pm2_home: /home/deploy/.pm2
    release: 20261123T101500-abc1234
    slot:
      name: green
      process: shop-green
      address: 127.0.0.1:3002
    through: http://127.0.0.1:8080
    host: shop.example.com
    duration: 30
"""

RETURN = r"""
verdict:
  description: V(good), V(refused), or V(not asked) in check mode.
  returned: always
  type: str
answers:
  description: Good answers of the health question.
  returned: when asked
  type: int
seconds:
  description: Seconds that it took.
  returned: when asked
  type: float
first_answer_after:
  description: Seconds until the first good answer.
  returned: success
  type: float
slowest:
  description: Seconds that the slowest good answer took.
  returned: success
  type: float
findings:
  description: Lines of the error log, and bad answers, that did not refuse. At most 20.
  returned: when asked
  type: list
  elements: str
pids:
  description: The workers at the end.
  returned: success
  type: list
  elements: int
smoke:
  description: The smoke questions that were asked, in order.
  returned: when asked
  type: list
  elements: dict
  contains:
    name: {description: What it proves., type: str}
    status: {description: "HTTP status, 0 where no answer came.", type: int}
    seconds: {description: Seconds that the answer took., type: float}
rule:
  description: Id of the rule that decided.
  returned: refused
  type: str
  sample: crashed_at_boot
cause:
  description: The line of the error log that most likely tells why, C(line) and its C(rule). None where none does.
  returned: refused
  type: dict
reasons:
  description: All reasons, C(rule) and C(text) each; the first one decided.
  returned: refused
  type: list
  elements: dict
probe:
  description: The last question, C(method), C(through) and C(path).
  returned: refused
  type: dict
answer:
  description: What came back last, C(status), C(body) (its first 300 characters), C(error) and C(seconds).
  returned: refused
  type: dict
needed:
  description: Good answers in a row that were needed.
  returned: refused
  type: int
process:
  description:
    - The process at the end, C(name), C(status), C(pids), C(restarts), C(exit_code), C(uptime) in seconds and
      C(listener_pids), who has its address.
  returned: refused
  type: dict
log:
  description: The last lines of its error log since O(log_offset), at most 15.
  returned: refused
  type: list
  elements: str
"""

import copy
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _options, _proof
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.PM2,
    **_options.SLOT,
    **_proof.SPEC,
    "release": {"type": "str", "required": True},
    "through": {"type": "str", "default": ""},
    "log_offset": {"type": "int", "default": -1},
    "lease": {"type": "str", "default": ""},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = copy.deepcopy(module.params)
    _proof.hide_secrets(module.params)
    try:
        module.exit_json(**_proof.run(params, check_mode=module.check_mode))
    except DeployError as error:
        module.fail_json(**error.failure())


if __name__ == "__main__":
    main()
