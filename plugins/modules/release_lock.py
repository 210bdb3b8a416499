#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release_lock
short_description: Hold the lock of an app while it is deployed, and say where the deploy goes
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Takes or gives back the lease that keeps two deploys of one app apart.
  - A lease left behind is taken over only when its owner is provably dead, i.e. its process is gone from the host or
    from the controller that asks, the machine it ran on has been booted since, or it has not been renewed for O(ttl)
    seconds.
  - Everything the owner does on the host first proves that it still holds the lease, so that a deploy that was taken
    over cannot go on.
  - Whoever takes the lock tidies up after whoever held it before. A stage that never ended is removed, a release that
    was never decided on is marked aborted, half-written files go. A live release that was never confirmed is named in
    RV(unconfirmed); the caller soaks it to its verdict.
  - Then it says where this run goes from here, in RV(target).
  - Who holds it (user, controller, process) is filled in by the action plugin of the same name on the controller.
extends_documentation_fragment:
  - nodeops.pm2.layout
  - nodeops.pm2.slot.slots
attributes:
  check_mode:
    description: Reports what would change and touches nothing.
    support: full
  diff_mode:
    description: Shows nothing.
    support: none
options:
  state:
    description: Whether this run holds the lock. V(present) takes it, V(absent) gives it back.
    type: str
    choices: [present, absent]
    default: present
  lease:
    description:
      - Id of a lease that was taken before, to give it back or to plan anew under it. Required with O(state=absent).
    type: str
  ttl:
    description:
      - Seconds without a sign of life after which the owner counts as dead. Must exceed the longest single step.
    type: float
    default: 900
  wait:
    description: Seconds to wait for a lock that somebody else holds, before giving up.
    type: float
    default: 0
  unfreeze:
    description: Lift a freeze that an earlier failure left.
    type: bool
    default: false
  what:
    description: What the lock is taken for; shown to whoever meets it.
    type: str
    default: deploy
  release:
    description: Id of the release this run is about. Empty means the last good one before the live one.
    type: str
    default: ""
  existing:
    description: Whether the release has to be on disk already, as for a rollback.
    type: bool
    default: false
  owner:
    description: Who takes it. Filled in by the action plugin.
    type: dict
    suboptions:
      who: {description: "V(user@machine).", type: str, required: true}
      what: {description: What it is doing., type: str, required: true}
      pid: {description: Its process on its machine., type: int, required: true}
      boot_id: {description: "Of its machine; empty where that has none.", type: str, required: true}
      started: {description: "The start time of its process, in clock ticks since boot.", type: int, required: true}
  proven_dead:
    description: Id of a lease whose owner the action plugin has looked for on the controller and found gone.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Take the lock, waiting up to a minute
  nodeops.pm2.release_lock:
    root: /var/www/shop
    wait: 60
  register: shop_lock

- name: Give it back
  nodeops.pm2.release_lock:
    root: /var/www/shop
    state: absent
    lease: "{{ shop_lock.lease }}"
"""

RETURN = r"""
lease:
  description: Id of the lease that was taken.
  returned: with O(state=present)
  type: str
by:
  description: Who took it, V(user@machine), for the ledger entries of the run.
  returned: always
  type: str
took_over:
  description: Whose lease was taken over and why, empty where none was.
  returned: with O(state=present)
  type: str
app:
  description: The state of the app, as in M(nodeops.pm2.release_info).
  returned: with O(state=present)
  type: dict
found:
  description: What was found and done about it, a sentence each.
  returned: with O(state=present)
  type: list
  elements: str
unconfirmed:
  description: The live release that was never confirmed, empty where there is none.
  returned: with O(state=present)
  type: str
target:
  description: Where this run goes.
  returned: with O(state=present)
  type: dict
  contains:
    release: {description: Release id., type: str}
    slot: {description: "The slot it is to start in, or serves in.", type: dict}
    previous: {description: "The live release, empty where nothing is live.", type: str}
    live: {description: Whether the release is live already., type: bool}
    proven: {description: Whether its verdict was good before., type: bool}
holder:
  description: The lease that is in the way.
  returned: when somebody else holds the lock
  type: dict
"""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _aim, _ledger, _lock, _options, _recovery, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError, failure_of
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

OWNER = {
    "who": {"type": "str", "required": True},
    "what": {"type": "str", "required": True},
    "pid": {"type": "int", "required": True},
    "boot_id": {"type": "str", "required": True},
    "started": {"type": "int", "required": True},
}
SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.SLOTS,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "lease": {"type": "str"},
    "ttl": {"type": "float", "default": 900},
    "wait": {"type": "float", "default": 0},
    "unfreeze": {"type": "bool", "default": False},
    "what": {"type": "str", "default": "deploy"},
    "release": {"type": "str", "default": ""},
    "existing": {"type": "bool", "default": False},
    "owner": {"type": "dict", "options": OWNER},
    "proven_dead": {"type": "str", "default": ""},
}


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Take the lease and plan, or give it back."""
    layout = Layout(Path(params["root"]))
    if params["state"] == "absent":
        if not check_mode:
            _lock.release(layout.lock, params["lease"])
        return {"changed": False}
    # Where nothing was ever deployed a rollback has nowhere to go, and must not make the root to find that out.
    if check_mode or (params["existing"] and not layout.root.exists()):
        if not params["unfreeze"]:
            _lock.refuse_frozen(layout.root)
        return {"lease": "", "took_over": "", **plan(layout, params, check_mode=True)}
    lease, took_over = take(layout, params)
    try:
        return {"lease": lease, "took_over": took_over, **plan(layout, params, check_mode=False)}
    except (DeployError, OSError):
        _lock.release(layout.lock, lease)
        raise


def take(layout: Layout, params: dict[str, Any]) -> tuple[str, str]:
    """The id of the lease, and whose was taken over."""
    if params["lease"]:
        _lock.prove(layout.lock, params["lease"])
        return params["lease"], ""
    layout.root.mkdir(parents=True, exist_ok=True)
    owner = _lock.owner_from(params["owner"])
    if params["unfreeze"] and _lock.unfreeze(layout.root):
        _ledger.append(layout.ledger, _ledger.Entry(_ledger.now(), "unfrozen", by=owner.who))
    lease, took_over = _lock.acquire(layout.lock, owner, ttl=params["ttl"], proven_dead=params["proven_dead"])
    return lease.id, took_over


def plan(layout: Layout, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Tidy up, read what is so, and aim."""
    slots = _options.slots_of(params)
    recovery = _recovery.decide(_state.read(layout, slots, now=time.time()), _ledger.read(layout.ledger))
    removed: list[str] = []
    if not check_mode:
        removed = _recovery.carry_out(layout, recovery, by=params["owner"]["who"])
    state = _state.read(layout, slots, now=time.time())
    # The lock is no change of the host that anybody would want to hear of: it is given back in the end.
    return {
        "changed": bool(recovery.unfinished or recovery.abandoned or removed),
        "found": recovery.sentences() + [f"Removed {path}, half-written." for path in removed],
        "unconfirmed": recovery.unconfirmed,
        "app": asdict(state),
        "target": asdict(_aim.aim(state, slots, release=params["release"], existing=params["existing"])),
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, required_if=[("state", "absent", ["lease"])], supports_check_mode=True)
    try:
        result = run(module.params, check_mode=module.check_mode)
    except (DeployError, OSError) as error:
        module.fail_json(**failure_of(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
