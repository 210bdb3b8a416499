#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Take a release from an archive to its verdict
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Moves a release along its life. V(staged) puts it on disk, V(published) makes it the live one by one rename of
    C(current), and a verdict (V(good), V(bad), V(aborted), V(rolled_back)) writes down what was decided on it.
    V(unpublished) leaves nothing live, and V(pruned) deletes the releases that nobody can need any more.
  - Staging touches nothing that runs. An id that exists is never merged into; the same artifact under the same id is
    left as it is once every file has been found unchanged. The archive is a file on the controller, carried to the host
    by the action plugin of the same name.
  - The last verdict counts. It drives rollback and pruning.
  - Pruning keeps the live release, the one a rollback would go to, every release a process still runs from, and the
    O(keep) most recently confirmed good ones. Dependency store entries that no remaining release was staged from go as
    well; releases hold their own links, so none can be hurt.
extends_documentation_fragment:
  - nodeops.pm2.layout
  - nodeops.pm2.lease
  - nodeops.pm2.by
  - nodeops.pm2.slot
  - nodeops.pm2.slot.slots
attributes:
  check_mode:
    description: Reports what would change and touches nothing.
    support: full
  diff_mode:
    description: Shows the directory that is made, and where C(current) points before and after.
    support: full
options:
  release:
    description: Release id. Required but for V(unpublished) and V(pruned).
    type: str
  state:
    description: How far the release is to have come.
    type: str
    choices: [staged, published, unpublished, good, bad, aborted, rolled_back, pruned]
    default: staged
  slot:
    description: The slot it is started in. Required for V(published).
    required: false
  reason:
    description: Why, for the ledger.
    type: str
    default: ""
  left:
    description:
      - With V(good), the release that was left for it by a rollback. It is marked rolled back, unless it is the older
        of the two.
    type: str
    default: ""
  freeze:
    description:
      - With V(bad), freeze the app for this reason, so that every further deploy is refused until a person has looked.
    type: str
    default: ""
  slots:
    description: The slots of the app. Required for V(pruned).
    required: false
  keep:
    description: With V(pruned), how many good releases stay.
    type: int
    default: 5
  archive:
    description:
      - The artifact on the controller, a tar.gz, tar.zst, tar or zip. Required for V(staged), as are O(checksum) and
        O(ecosystems).
    type: path
  checksum:
    description: SHA-256 of the artifact, in hex.
    type: str
  revision:
    description: Commit or version the artifact was made from, for C(REVISION).
    type: str
    default: ""
  ecosystems:
    description: Text of the ecosystem file by slot name.
    type: dict
  shared_dirs:
    description: Directories of the release that live in C(shared/) instead; made where missing.
    type: list
    elements: str
    default: []
  shared_files:
    description: Files of the release that live in C(shared/) instead; they must exist there.
    type: list
    elements: str
    default: []
  dependencies:
    description:
      - V(install) brings node_modules from the store, keyed by the lockfile; V(shipped) takes what the artifact has.
    type: str
    choices: [install, shipped]
    default: install
  install_args:
    description: Arguments for the package manager.
    type: list
    elements: str
    default: []
  install_timeout:
    description: Seconds the package manager may take.
    type: float
    default: 600
  node_bin:
    description: The node program, a path or a name on the search path.
    type: str
    default: node
  check_skip:
    description: Rules of M(nodeops.pm2.release_check) that were skipped for this release; recorded in the ledger.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Stage
  nodeops.pm2.release:
    root: /var/www/shop
    release: 20261123T101500-abc1234
    archive: /tmp/shop.tar.gz
    checksum: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    lease: "{{ shop_lock.lease }}"
    ecosystems:
      blue: "{{ lookup('ansible.builtin.file', 'blue.cjs') }}"
      green: "{{ lookup('ansible.builtin.file', 'green.cjs') }}"

- name: Publish
  nodeops.pm2.release:
    root: /var/www/shop
    release: 20261123T101500-abc1234
    state: published
    slot: {name: green, process: shop-green, address: "127.0.0.1:3002", socket: /run/shop/green.sock}
    lease: "{{ shop_lock.lease }}"

- name: Confirm
  nodeops.pm2.release:
    root: /var/www/shop
    release: 20261123T101500-abc1234
    state: good
    lease: "{{ shop_lock.lease }}"
"""

RETURN = r"""
path:
  description: The release directory.
  returned: for V(staged)
  type: str
said:
  description: What was done, a sentence.
  returned: for V(staged)
  type: str
dependencies:
  description: Key of the store entry, empty where nothing was installed.
  returned: for V(staged)
  type: str
previous:
  description: What was live before, empty where nothing was.
  returned: for V(published) and V(unpublished)
  type: str
seconds:
  description: How long the rename took, in seconds, with its fsync of the directory.
  returned: for V(published)
  type: float
verdict:
  description: The verdict that stands now.
  returned: for a verdict
  type: str
release:
  description: The release it is on.
  returned: for a verdict
  type: str
pruned:
  description: Releases that went, or would go in check mode.
  returned: for V(pruned)
  type: list
  elements: str
"""

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _dependencies,
    _lock,
    _options,
    _prune,
    _stage,
    _state,
    _switch,
    _verdict,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError, failure_of
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.LEASE,
    **_options.BY,
    "release": {"type": "str"},
    "state": {
        "type": "str",
        "choices": ["staged", "published", "unpublished", "good", "bad", "aborted", "rolled_back", "pruned"],
        "default": "staged",
    },
    "slot": {"type": "dict", "options": _options.SLOT_OPTIONS},
    "reason": {"type": "str", "default": ""},
    "left": {"type": "str", "default": ""},
    "freeze": {"type": "str", "default": ""},
    "slots": {"type": "list", "elements": "dict", "options": _options.SLOT_OPTIONS},
    "keep": {"type": "int", "default": 5},
    "archive": {"type": "path"},
    "checksum": {"type": "str"},
    "revision": {"type": "str", "default": ""},
    "ecosystems": {"type": "dict"},
    "shared_dirs": {"type": "list", "elements": "str", "default": []},
    "shared_files": {"type": "list", "elements": "str", "default": []},
    "dependencies": {"type": "str", "choices": ["install", "shipped"], "default": "install"},
    "install_args": {"type": "list", "elements": "str", "default": []},
    "install_timeout": {"type": "float", "default": 600},
    "node_bin": {"type": "str", "default": "node"},
    "check_skip": {"type": "list", "elements": "str", "default": []},
}
REQUIRED_IF = [
    ("state", "staged", ["release", "archive", "checksum", "ecosystems"]),
    ("state", "published", ["release", "slot"]),
    ("state", "pruned", ["slots"]),
    *(("state", verdict, ["release"]) for verdict in ("good", "bad", "aborted", "rolled_back")),
]


def staged(layout: Layout, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Put the release on disk, or find it there."""
    order = _stage.Order(
        release=params["release"],
        revision=params["revision"],
        archive=Path(params["archive"]),
        sha256=params["checksum"],
        ecosystems=params["ecosystems"],
        shared_dirs=params["shared_dirs"],
        shared_files=params["shared_files"],
        install=params["dependencies"] == "install",
        install_args=params["install_args"],
        install_timeout=params["install_timeout"],
        node=params["node_bin"],
        check_skip=params["check_skip"],
        by=params["by"],
    )
    done = _stage.plan(layout, order) if check_mode else _stage.stage(layout, order)
    path = str(layout.release(params["release"]).path)
    return {
        "changed": done.changed,
        "path": path,
        "said": done.sentence,
        "dependencies": done.dependencies,
        "diff": {"before": "", "after": f"{path}\n" if done.changed else ""},
    }


def published(layout: Layout, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Make the release the live one, or nothing."""
    previous = _state.live_release(layout)
    wanted = params["release"] if params["state"] == "published" else ""
    seconds = 0.0
    if wanted and previous != wanted and not check_mode:
        slot = _options.slot_of(params["slot"])
        seconds = _switch.publish(layout, wanted, slot, by=params["by"], reason=params["reason"])
    elif previous and not wanted and not check_mode:
        _switch.unpublish(layout)
    before, after = (f"{layout.current} -> releases/{one}\n" if one else "" for one in (previous, wanted))
    return {
        "changed": previous != wanted,
        "previous": previous,
        "seconds": seconds,
        "diff": {"before": before, "after": after},
    }


def decided(layout: Layout, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Write down what was decided on the release."""
    verdict = _verdict.Verdict(
        release=params["release"],
        verdict=params["state"],
        slot=params["slot"]["name"] if params["slot"] else "",
        by=params["by"],
        reason=params["reason"],
    )
    changed = _verdict.decide(layout, verdict, left=params["left"], freeze=params["freeze"], check_mode=check_mode)
    return {"changed": changed, "verdict": verdict.verdict, "release": verdict.release}


def pruned(layout: Layout, params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Delete what nobody can need any more."""
    state = _state.read(layout, _options.slots_of(params), now=time.time())
    going = _prune.plan(layout, state, keep=params["keep"])
    if not check_mode:
        _prune.carry_out(layout, going, by=params["by"])
        in_use = {release.dependencies for release in state.releases if release.id not in going}
        for entry in _dependencies.unused(layout.deps, in_use):
            _prune.remove(entry)
    return {"changed": bool(going), "pruned": going}


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Prove that the lock is held, then do what the state asks for."""
    layout = Layout(Path(params["root"]))
    if not check_mode:
        _lock.prove(layout.lock, params["lease"])
    acts = {"staged": staged, "published": published, "unpublished": published, "pruned": pruned}
    return acts.get(params["state"], decided)(layout, params, check_mode=check_mode)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, required_if=REQUIRED_IF, supports_check_mode=True)
    try:
        result = run(module.params, check_mode=module.check_mode)
    except (DeployError, OSError) as error:
        module.fail_json(**failure_of(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
