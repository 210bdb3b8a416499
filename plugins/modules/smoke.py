#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: smoke
short_description: Ask an app from where its users are, and tell people where it does not answer well
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Carried out on the controller, by an action plugin; run it once for all hosts.
  - Asks for health until good answers have come in a row, then every other question once. Where an answer is not good,
    an alert is sent and the task fails.
  - It never leads to a rollback. A release is judged by its hosts, which see its process and its log; a place outside
    may just have no way to them.
extends_documentation_fragment:
  - nodeops.pm2.attributes.info_module
options:
  url:
    description: Where users come in, such as V(https://shop.example.com).
    type: str
    required: true
  host:
    description: The C(Host) header of all questions. Empty means the host and port that are asked.
    type: str
    default: ""
  health:
    description: The question that is asked until it is answered well, as in M(nodeops.pm2.health_gate).
    type: dict
    suboptions:
      method: {description: HTTP method., type: str, default: GET}
      path: {description: Path and query. The query is never shown., type: str, default: /health}
      headers: {description: Request headers. They are never shown., type: dict, default: {}}
      status: {description: Any of these statuses., type: list, elements: int, default: [200]}
      json: {description: Wanted values by dotted key., type: dict, default: {}}
      body: {description: Regular expression that is found somewhere in the first 64 KiB., type: str, default: ""}
      latency: {description: "Seconds the whole answer may take, 0 for any.", type: float, default: 0}
      timeout: {description: Seconds after which any question counts as unanswered., type: float, default: 5}
  smoke:
    description: Questions asked once, as in M(nodeops.pm2.health_gate).
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: What it proves. The default is method and path., type: str, default: ""}
      method: {description: HTTP method., type: str, default: GET}
      path: {description: Path and query. The query is never shown., type: str, required: true}
      headers: {description: Request headers. They are never shown., type: dict, default: {}}
      data: {description: Body that is sent. It is never shown., type: str, default: ""}
      status: {description: As in O(health.status)., type: list, elements: int, default: [200]}
      json: {description: As in O(health.json)., type: dict, default: {}}
      body: {description: As in O(health.body)., type: str, default: ""}
      latency: {description: As in O(health.latency)., type: float, default: 0}
  consecutive:
    description: Good answers of O(health) that are needed in a row.
    type: int
    default: 1
  interval:
    description: Seconds between two of them.
    type: float
    default: 0.5
  deadline:
    description: Seconds within which the first of them must have come.
    type: float
    default: 30
  app:
    description: Name of the app, for the alert.
    type: str
    default: app
  release:
    description: Id of the release that should answer, for the alert.
    type: str
    default: ""
  webhook:
    description: Address that takes the alert as JSON by POST, in the form in which the guard sends its own.
    type: str
    default: ""
seealso:
  - module: nodeops.pm2.health_gate
"""

EXAMPLES = r"""
- name: Ask from here what users ask
  nodeops.pm2.smoke:
    url: https://shop.example.com
    health:
      path: /health
    smoke:
      - name: The catalogue has products
        path: /products?limit=1
        body: '"id":'
    app: shop
    webhook: "{{ lookup('ansible.builtin.env', 'BLUEGREEN_ALERT_WEBHOOK') }}"
  run_once: true
"""

RETURN = r"""
good:
  description: Whether all answers were good.
  returned: always
  type: bool
reasons:
  description: Why not, a sentence each.
  returned: always
  type: list
  elements: str
asked:
  description: Questions that were asked.
  returned: always
  type: int
seconds:
  description: Seconds that it took.
  returned: always
  type: float
smoke:
  description: The questions that were asked once, in order.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: What it proves., type: str}
    status: {description: "HTTP status, 0 where no answer came.", type: int}
    seconds: {description: Seconds that the answer took., type: float}
alerted:
  description: Whether an alert was delivered.
  returned: always
  type: bool
"""

# Carried out on the controller by the action plugin of the same name.
