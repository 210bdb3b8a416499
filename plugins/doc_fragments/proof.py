# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a release has to prove, matching ``_proof.SPEC``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
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
    description: Seconds that the youngest worker must have lived and, where it was just started, answered.
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
"""
