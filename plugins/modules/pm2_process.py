#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: pm2_process
short_description: Start a release in a slot under PM2, or empty the slot
version_added: 0.1.0
author: nodeops maintainers (@nodeops)
description:
  - Runs a release in a slot. PM2 remembers script, arguments and environment of an app it knows, so the slot is
    never reloaded. It is stopped, deleted, proved to be empty, and started from the release's real path.
  - A process that PM2 no longer knows but that still runs in one of the app's releases is ended too.
  - Refuses the live slot, the live release, and an address that somebody else listens on.
  - That PM2 has started the process does not mean that it lives or serves. Ask M(nodeops.pm2.health_gate) for that.
extends_documentation_fragment:
  - nodeops.pm2.attributes
  - nodeops.pm2.layout
  - nodeops.pm2.pm2
  - nodeops.pm2.slot
attributes:
  check_mode:
    support: full
    details: PM2's command line is not used, since any call of it starts a daemon.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: O(state=started) always starts afresh, unless O(warm=true) and the release runs already.
options:
  release:
    description: Id of the release to start. Required with O(state=started).
    type: str
  state:
    description:
      - V(started) empties the slot and starts the release in it.
      - V(absent) empties the slot. A listener on its address that is not ours is left alone, with a warning.
    type: str
    choices: [started, absent]
    default: started
  warm:
    description: Leave the slot as it is where this very release already runs and listens in it.
    type: bool
    default: false
  timeout:
    description:
      - Seconds for the previous process to stop, and again for PM2 to start the new one.
      - A process that is still there then gets SIGTERM and, two seconds later, SIGKILL.
      - Let it be longer than the app's C(kill_timeout).
    type: float
    default: 30
  standby:
    description:
      - With O(state=absent), seconds the slot stays as it is before it is emptied, so that a rollback in that time is
        one rename.
      - Something above zero returns at once and goes on in the background. If the slot serves again by then, or runs
        something else, it is left alone.
    type: float
    default: 0
  drain_timeout:
    description: With O(state=absent), seconds to wait for open connections to end before the process is stopped.
    type: float
    default: 0
seealso:
  - module: nodeops.pm2.pm2_process_info
"""

EXAMPLES = r"""
- name: Start the release in the idle slot
  nodeops.pm2.pm2_process:
    root: /var/www/demo
    release: 20250301T120000Z-4f2c91a
    slot:
      name: green
      process: demo-green
      address: 127.0.0.1:3002
      socket: /run/demo/green.sock
    pm2_home: /home/deploy/.pm2

- name: Empty the slot
  nodeops.pm2.pm2_process:
    root: /var/www/demo
    state: absent
    slot:
      name: green
      process: demo-green
      address: 127.0.0.1:3002
      socket: /run/demo/green.sock
    pm2_home: /home/deploy/.pm2
"""

RETURN = r"""
pids:
  description: The processes that PM2 has started. Empty when PM2 has started none, which it does not call an error.
  returned: when O(state=started) and not in check mode
  type: list
  elements: int
  sample: [4711]
logs:
  description: The log files, and where in them this start begins. For a slot left warm, where they end now.
  returned: when O(state=started) and not in check mode
  type: dict
  contains:
    out:
      description: Standard output.
      type: dict
      contains:
        path:
          description: The file.
          type: str
        offset:
          description: Its size in bytes before the start.
          type: int
    error:
      description: Standard error.
      type: dict
      contains:
        path:
          description: The file.
          type: str
        offset:
          description: Its size in bytes before the start.
          type: int
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _options, _retire, _slot
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError, failure_of
from ansible_collections.nodeops.pm2.plugins.module_utils._facts import ProcessFacts, read_facts
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.SLOT,
    **_options.PM2,
    "release": {"type": "str"},
    "state": {"type": "str", "choices": ["started", "absent"], "default": "started"},
    "warm": {"type": "bool", "default": False},
    "timeout": {"type": "float", "default": 30.0},
    "standby": {"type": "float", "default": 0.0},
    "drain_timeout": {"type": "float", "default": 0.0},
}


def started(module: AnsibleModule, layout: Layout, slot: Slot, pm2: Pm2) -> dict[str, Any]:
    """Start the release, or leave it where it may stay and runs."""
    release = layout.release(module.params["release"])
    facts = read_facts(pm2, slot)
    if module.params["warm"] and _slot.is_warm(facts, release, slot):
        return {"changed": False, **outcome(_slot.keep(facts))}
    diff = {"before": describe(facts), "after": f"{slot.process}: started from {release.path}\n"}
    if module.check_mode:
        _slot.refuse_live(layout, slot, release)
        return {"changed": True, "diff": diff}
    begun = _slot.start(layout, release.id, slot, pm2, timeout=module.params["timeout"])
    return {"changed": True, "diff": diff, **outcome(begun)}


def absent(module: AnsibleModule, layout: Layout, slot: Slot, pm2: Pm2) -> dict[str, Any]:
    """Empty the slot."""
    before = describe(read_facts(pm2, slot))
    if module.check_mode:
        _slot.refuse_live(layout, slot)
        changed = _slot.occupied(layout, slot, pm2)
    else:
        changed = retired(module.params, layout, slot, pm2)
        if not module.params["standby"]:
            warn_occupied(module, slot)
    return {"changed": changed, "diff": {"before": before, "after": f"{slot.process}: absent\n"}}


def retired(params: dict[str, Any], layout: Layout, slot: Slot, pm2: Pm2) -> bool:
    """Empty the slot at once, drained, or in the background after it has stood by."""
    waits = {name: params[name] for name in ("standby", "drain_timeout", "timeout")}
    _slot.refuse_live(layout, slot)
    if params["standby"] > 0:
        _retire.retire_later(layout, slot, pm2, **waits)
        return False
    return _retire.retire(layout, slot, pm2, **waits)


def warn_occupied(module: AnsibleModule, slot: Slot) -> None:
    """Say who holds the address of the emptied slot; it is for the next start to refuse."""
    try:
        _slot.refuse_occupied(slot)
    except DeployError as stranger:
        module.warn(str(stranger))


def outcome(begun: _slot.Started) -> dict[str, Any]:
    """The documented form of what a start left."""
    return {"pids": list(begun.pids), "logs": {"out": asdict(begun.out), "error": asdict(begun.error)}}


def describe(facts: ProcessFacts) -> str:
    """One line for the diff."""
    if not facts.found:
        return f"{facts.name}: absent\n"
    return f"{facts.name}: {facts.status} from {', '.join(sorted(set(facts.cwds.values()))) or 'nowhere'}\n"


def main() -> None:
    """Read, decide, act, exit."""
    module = AnsibleModule(SPEC, required_if=[("state", "started", ["release"])], supports_check_mode=True)
    layout, slot = Layout(Path(module.params["root"])), _options.slot_of(module.params["slot"])
    pm2 = Pm2(Path(module.params["pm2_home"]), module.params["pm2_bin"], module.params["node_bin"])
    act = started if module.params["state"] == "started" else absent
    try:
        module.exit_json(**act(module, layout, slot, pm2))
    except (DeployError, OSError) as error:
        module.fail_json(**failure_of(error))


if __name__ == "__main__":
    main()
