# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""On whose behalf something is done to an app, under which lock, and what is run in between."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  hooks:
    description:
      - Lists of commands (argument lists) by C(before_PHASE) and C(after_PHASE), run in the release directory.
      - C(before_stage) runs in O(root). C(before_confirm), the last that can take a release back, ends the soak.
      - They get C(BLUEGREEN_APP), C(BLUEGREEN_ACTION), C(BLUEGREEN_RELEASE), C(BLUEGREEN_SLOT) and
        C(BLUEGREEN_PREVIOUS).
    type: dict
    default: {}
  hook_timeout:
    description: Seconds that one command of a hook may take.
    type: float
    default: 600
  ttl:
    description: Seconds without a sign of life after which a lease counts as abandoned. Longer than any single phase.
    type: float
    default: 900
  wait:
    description: Seconds to wait for a lock that somebody else holds.
    type: float
    default: 0
  unfreeze:
    description: Lift a freeze first.
    type: bool
    default: false
  owner:
    description: Who takes the lock; the action plugin says it.
    type: dict
    suboptions:
      who: {description: "User and machine, V(user@machine).", type: str, required: true}
      what: {description: What it is doing., type: str, required: true}
      pid: {description: Its process., type: int, required: true}
      boot_id: {description: The boot of its machine and the container it runs in., type: str, required: true}
      started: {description: "Start of that process, in clock ticks since the boot.", type: int, required: true}
  proven_dead:
    description: A lease whose owner is dead on its controller; the action plugin says it.
    type: str
    default: ""
"""
