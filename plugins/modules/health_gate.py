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
  host:
    description: The C(Host) header of all questions. Empty means the host and port that are asked.
    type: str
    default: ''
  health:
    description: The question that is asked again and again, and what makes its answer good. Redirects are not followed.
    type: dict
    suboptions:
      method: {description: HTTP method., type: str, default: GET}
      path: {description: Path and query. The query is never shown., type: str, default: /health}
      headers: {description: Request headers. They are never shown., type: dict, default: {}}
      status: {description: Any of these statuses., type: list, elements: int, default: [200]}
      json:
        description:
          - Wanted values by dotted key, such as C(checks.db) or C(workers.0.id). Scalars are compared as text.
        type: dict
        default: {}
      body: {description: Regular expression that is found somewhere in the first 64 KiB., type: str, default: ''}
      latency: {description: "Seconds the whole answer may take, 0 for any.", type: float, default: 0}
      timeout: {description: Seconds after which any question counts as unanswered., type: float, default: 5}
  consecutive:
    description: Good answers needed in a row.
    type: int
    default: 3
  interval:
    description: Seconds between two questions.
    type: float
    default: 0.5
  deadline:
    description: Seconds within which the good answers in a row must have come.
    type: float
    default: 30
  min_uptime:
    description: Seconds that the youngest worker must have lived.
    type: float
    default: 2
  duration:
    description: Seconds of the soak, which begins when the good answers in a row have come. 0 means none.
    type: float
    default: 0
  failures:
    description: Bad answers in a row that end the soak.
    type: int
    default: 2
  smoke:
    description: Questions asked once, after the good answers in a row and before the soak. One bad answer refuses.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: What it proves. The default is method and path., type: str, default: ''}
      method: {description: HTTP method., type: str, default: GET}
      path: {description: Path and query. The query is never shown., type: str, required: true}
      headers: {description: Request headers. They are never shown., type: dict, default: {}}
      data: {description: Body that is sent. It is never shown., type: str, default: ''}
      status: {description: As in O(health.status)., type: list, elements: int, default: [200]}
      json: {description: As in O(health.json)., type: dict, default: {}}
      body: {description: As in O(health.body)., type: str, default: ''}
      latency: {description: As in O(health.latency)., type: float, default: 0}
  log_patterns:
    description:
      - Patterns for new lines of the process's error log. The first pattern found in a line decides about it.
      - They come before the built-in ones. Critical of these are a C(SyntaxError) that is not about JSON, a regular
        expression or a BigInt, C(... is not defined in ES module scope), C(ERR_REQUIRE_CYCLE_MODULE),
        C(ERR_REQUIRE_ESM), C(ERR_MODULE_NOT_FOUND), C(Cannot find module), C(UnhandledPromiseRejection), C(EADDRINUSE)
        and heap out of memory, each only where Node.js itself would print it, at the beginning of a line.
        Warnings are C(ECONNREFUSED) and a missing environment variable.
    type: list
    elements: dict
    default: []
    suboptions:
      pattern: {description: Regular expression., type: str, required: true}
      severity:
        description: V(critical) refuses, V(warning) is returned, V(ignore) silences a built-in pattern for the line.
        type: str
        choices: [critical, warning, ignore]
        default: critical
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


def hide_secrets(params: dict[str, Any]) -> None:
    """Take headers and bodies out of what Ansible repeats as the module's invocation."""
    for question in (params["health"], *params["smoke"]):
        for name in ("headers", "data"):
            if question.get(name):
                question[name] = "hidden"


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    params = copy.deepcopy(module.params)
    hide_secrets(module.params)
    try:
        module.exit_json(**_proof.run(params, check_mode=module.check_mode))
    except DeployError as error:
        module.fail_json(**error.failure())


if __name__ == "__main__":
    main()
