#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Take a release that is on disk along its road
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Goes on where M(nodeops.pm2.deploy) has brought a release to the gate, or goes back to one that was live before.
  - "V(published): publish and soak. C(current) is renamed, and the release watched through the front door. Without an
    edge the one process is restarted in between. One that was published before is only watched again, without hooks."
  - "V(good): confirm, retire, prune and unlock; a release that was gated and not published yet is published first."
  - "V(good) without O(lease) is a rollback: the release goes the whole road in one go, as its own deploy described it.
    Where it fails it is undone."
  - "V(aborted): what is not confirmed is undone. What was published is taken back by the same road, to the last good
    release; what was not is stopped. A take-back that fails as well freezes the app."
  - A deploy whose controller is gone by the time it would publish or confirm does neither, and is undone.
  - What an interrupted run left is finished or undone before anything else, and told in RV(found). A lease is taken
    over only where its owner is provably dead.
extends_documentation_fragment:
  - nodeops.pm2.attributes
  - nodeops.pm2.layout
  - nodeops.pm2.act
attributes:
  check_mode:
    support: full
    details: Says what would change and touches nothing.
  diff_mode:
    support: full
    details: Shows where C(current) points before and after.
  idempotent:
    support: full
options:
  state:
    description: How far the release is to have come.
    type: str
    choices: [published, good, aborted]
    required: true
  release:
    description: Release id. Required, but for a rollback, where it is by default the last good one before the live one.
    type: str
  before:
    description:
      - For a rollback, a release whose deploy was cut short, in place of O(release). What it published is taken back,
        and the app goes to where it was before, however far that deploy came.
      - Where something else is live, that is only proved.
    type: str
    default: ""
  lease:
    description: Lease of the app's lock that an earlier task of this run returned. Without it the lock is taken.
    type: str
  reason:
    description: With V(aborted), why, for the ledger.
    type: str
    default: ""
  verdict:
    description: With V(aborted), whether the release was proved V(bad), or was only cut short.
    type: str
    choices: [bad, aborted]
    default: aborted
seealso:
  - module: nodeops.pm2.deploy
  - module: nodeops.pm2.release_info
"""

EXAMPLES = r"""
- name: Switch to what has passed the gate, and watch it
  nodeops.pm2.release:
    root: /var/www/shop
    release: "{{ shop.release }}"
    state: published
    lease: "{{ shop.lease }}"

- name: Declare it good
  nodeops.pm2.release:
    root: /var/www/shop
    release: "{{ shop.release }}"
    state: good
    lease: "{{ shop.lease }}"

- name: Roll back to the last good release
  nodeops.pm2.release:
    root: /var/www/shop
    state: good

- name: Take back what a pipeline that was cancelled had begun
  nodeops.pm2.release:
    root: /var/www/shop
    state: good
    before: 20261123T101500-abc1234
"""

RETURN = r"""
release:
  description: The release this was about.
  returned: always
  type: str
previous:
  description: What was live before, empty where nothing was.
  returned: success
  type: str
lease:
  description: Lease of the lock that is held now, empty where none is.
  returned: always
  type: str
by:
  description: Who did it, V(user@machine).
  returned: success
  type: str
phases:
  description: Seconds by phase.
  returned: always
  type: dict
  sample: {check: 0.21, lock: 0.01, stage: 0.4, start: 0.3, gate: 1.5}
phase:
  description: The last phase; of a failure, the one that failed.
  returned: always
  type: str
notes:
  description: Remarks by phase.
  returned: success
  type: dict
  sample: {publish: switched in 0.42 ms}
found:
  description: What an earlier run left and what was done about it, a sentence each.
  returned: always
  type: list
  elements: str
switch:
  description: How long the rename took, in seconds, with its fsync of the directory. 0 where nothing was switched.
  returned: success
  type: float
answered_at:
  description: When it first answered at the front door, in seconds since the epoch. 0 where nothing was switched.
  returned: success
  type: float
taken_back:
  description: Whether the release was live and is no more.
  returned: with O(state=aborted)
  type: bool
frozen:
  description: Why the app had to be frozen, empty where it had not.
  returned: with O(state=aborted)
  type: str
app:
  description: The state of the app afterwards, as in M(nodeops.pm2.release_info).
  returned: always
  type: dict
holder:
  description: The lease that is in the way.
  returned: when somebody else holds the lock
  type: dict
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _act, _aim, _deploy, _ledger, _state, _undo

SPEC: dict[str, Any] = {
    **_act.SPEC,
    "state": {"type": "str", "required": True, "choices": ["published", "good", "aborted"]},
    "release": {"type": "str"},
    "before": {"type": "str", "default": ""},
    "lease": {"type": "str"},
    "reason": {"type": "str", "default": ""},
    "verdict": {"type": "str", "choices": ["bad", "aborted"], "default": "aborted"},
}
REQUIRED_IF = [
    ("state", "published", ["release", "lease"]),
    ("state", "aborted", ["release", "lease"]),
]


class Release(_act.Act):
    """One call of the module."""

    def __init__(self, params: dict[str, Any], *, check_mode: bool) -> None:
        super().__init__(params, check_mode=check_mode, lease=params["lease"] or "")

    @property
    def is_rollback(self) -> bool:
        """Whether it begins by itself rather than going on with what a deploy has begun."""
        return self.params["state"] == "good" and not self.params["lease"]

    def done(self) -> dict[str, Any]:
        """Take it as far as it is to come."""
        if self.params["state"] == "aborted":
            return self.aborted()
        if self.params["before"]:
            return self.taken_back()
        if self.is_rollback:
            back = _deploy.roll_back(self.layout, self.release, self.claim, self.run("rollback"), self.course)
            return self.told(back)
        journey = _deploy.resumed(self.layout, self.release, self.run("deploy"), self.course)
        (_deploy.publish if self.params["state"] == "published" else _deploy.confirm)(journey)
        return self.told(journey)

    def taken_back(self) -> dict[str, Any]:
        """Where the app was before a deploy that was cut short."""
        before = self.params["before"]
        journey = _deploy.take_back(self.layout, before, self.claim, self.run("rollback"), self.course)
        changed = bool(self.course.found)
        return self.told(journey) if journey else {"changed": changed, "previous": self.live, **self.as_result()}

    def aborted(self) -> dict[str, Any]:
        """Undo what is not confirmed."""
        failure = _undo.Failure(self.params["reason"], self.params["verdict"])
        undone = _deploy.abort(self.layout, self.release, failure, by=self.by, course=self.course)
        taken_back = undone.changed and self.live == self.release != undone.live
        return {"changed": undone.changed, "taken_back": taken_back, "frozen": undone.frozen, **self.as_result()}

    def rehearsed(self) -> dict[str, Any]:
        """What would change; touches nothing."""
        changed, diff = False, _act.UNCHANGED
        if self.params["state"] != "aborted":
            self.release = self.aim()
            changed, diff = self.live != self.release, self.switched(self.release)
        return {"changed": changed, "previous": self.live, "diff": diff, **self.as_result()}

    def aim(self) -> str:
        """What would be live in the end."""
        if self.params["before"]:
            entries = _ledger.read(self.layout.ledger)
            return _aim.before(_state.read(self.layout, now=time.time()), self.params["before"], entries)
        if self.is_rollback and not self.release:
            return _aim.existing(_state.read(self.layout, now=time.time()), wanted="")
        return self.release


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, required_if=REQUIRED_IF, supports_check_mode=True)
    act = Release(module.params, check_mode=module.check_mode)
    module.exit_json(**_act.carry_out(act, module))


if __name__ == "__main__":
    main()
