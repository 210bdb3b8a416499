#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: deploy
short_description: Take an artifact to the gate, or the whole way
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - "V(gated): check, lock, stage, start and gate. The artifact and the host are inspected before anything is touched;
    the release is put into a directory of its own, started in the idle slot and proved there. Nothing live is touched.
    A release that is live already is only proved. M(nodeops.pm2.release) goes on from here, when all hosts have come so
    far."
  - "V(good): all of that, then publish, soak, confirm, retire, prune and unlock, for a host that waits for no other."
  - Where it fails, undoing it is for M(nodeops.pm2.release) with V(aborted) and RV(lease).
  - A deploy whose controller is gone by the time it would publish or confirm does neither, and is undone.
  - What an interrupted run left is finished or undone before anything else, and told in RV(found). A lease is taken
    over only where its owner is provably dead.
  - Staging never merges into a release that exists. The same artifact under the same id is left as it is once every
    file has been found unchanged.
  - Pruning keeps the live release, the one a rollback would go to, every release a process still runs from, and the
    O(keep) most recently confirmed good ones.
extends_documentation_fragment:
  - nodeops.pm2.attributes
  - nodeops.pm2.layout
  - nodeops.pm2.act
  - nodeops.pm2.app
  - nodeops.pm2.proof
  - nodeops.pm2.inspection
attributes:
  check_mode:
    support: full
    details: Inspects the artifact and the host, says what would change and touches nothing.
  diff_mode:
    support: full
    details: Shows the directory that is made, and where C(current) points before and after.
  idempotent:
    support: full
options:
  state:
    description: How far the release is to have come.
    type: str
    choices: [gated, good]
    required: true
  release:
    description: Release id.
    type: str
    required: true
  revision:
    description: Commit or version the artifact was made from, for C(REVISION).
    type: str
    default: ""
  ecosystems:
    description: Text of the ecosystem file by slot name.
    type: dict
    default: {}
  preloads:
    description:
      - Text by name of files that are put into C(.release/) for the ecosystem files to load, such as C(sentry.mjs).
    type: dict
    default: {}
  shared_dirs:
    description: Directories of the release that live in C(shared/) instead; made where missing.
    type: list
    elements: str
    default: []
  dependencies:
    description:
      - V(install) brings node_modules from the store, keyed by the lockfile; V(shipped) takes what the artifact has.
    type: str
    choices: [install, shipped]
    default: install
  install_timeout:
    description: Seconds the package manager may take.
    type: float
    default: 600
  remote_src:
    description: Whether O(archive) lies on the host already.
    type: bool
    default: false
  lenient:
    description: Whether errors of the inspection are only told. For a release that runs already and is adopted.
    type: bool
    default: false
  waivers:
    description:
      - Rules of the inspection that are passed over as those of O(skip) are, and why. The ledger keeps each of them,
        once for an artifact.
      - Whether one still counts today is not asked here; the filter P(nodeops.pm2.checklist#filter) tells them apart.
    type: list
    elements: dict
    default: []
    suboptions:
      waives: {description: Id of a rule., type: str, required: true}
      reason: {description: Why., type: str, required: true}
      until: {description: "The last day on which it counts, V(2027-01-31).", type: str, required: true}
      by: {description: Who answers for it., type: str, default: ''}
  guard_dir:
    description: Where the guard of the host looks for the apps that it watches. Without such a directory there is none.
    type: path
    default: /var/lib/bluegreen
  allow_silent:
    description:
      - Whether a release may be V(gated) on a host whose guard cannot reach people, or has not proved that it can. The
        ledger records it. Without, such a release is refused before anything is touched.
      - A host without any guard is no such host, unless O(guard) says how one is to watch.
    type: bool
    default: false
seealso:
  - module: nodeops.pm2.release
  - module: nodeops.pm2.release_check
"""

EXAMPLES = r"""
- name: Put a release on disk, start it in the idle slot and prove it there
  nodeops.pm2.deploy:
    root: /var/www/shop
    release: 20261123T101500-abc1234
    state: gated
    archive: /tmp/shop.tar.gz
    checksum: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    entry: {script: src/server.ts, loader: tsx}
    ecosystems:
      blue: "{{ lookup('ansible.builtin.file', 'blue.cjs') }}"
      green: "{{ lookup('ansible.builtin.file', 'green.cjs') }}"
    app: shop
    slots:
      - {name: blue, process: shop-blue, address: "127.0.0.1:3001", socket: /run/shop/blue.sock}
      - {name: green, process: shop-green, address: "127.0.0.1:3002", socket: /run/shop/green.sock}
    pm2_home: /home/deploy/.pm2
    front: http://127.0.0.1
    duration: 30
  register: shop

- name: Switch to it, watch it for half a minute and declare it good
  nodeops.pm2.release:
    root: /var/www/shop
    release: "{{ shop.release }}"
    state: good
    lease: "{{ shop.lease }}"
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
app:
  description: The state of the app afterwards, as in M(nodeops.pm2.release_info).
  returned: always
  type: dict
counts:
  description: How many findings the inspection had, by severity.
  returned: success
  type: dict
holder:
  description: The lease that is in the way.
  returned: when somebody else holds the lock
  type: dict
"""

import copy
import functools
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _act,
    _alert_path,
    _app,
    _begin,
    _boot,
    _deploy,
    _inspection,
    _ledger,
    _lock,
    _proof,
    _recovery,
    _registry,
    _road,
    _stage,
    _state,
    _waived,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._act import UNCHANGED
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

SPEC: dict[str, Any] = {
    **_act.SPEC,
    **_app.SPEC,
    **_inspection.SPEC,
    "state": {"type": "str", "required": True, "choices": ["gated", "good"]},
    "release": {"type": "str", "required": True},
    "revision": {"type": "str", "default": ""},
    "ecosystems": {"type": "dict", "default": {}},
    "preloads": {"type": "dict", "default": {}},
    "shared_dirs": {"type": "list", "elements": "str", "default": []},
    "dependencies": {"type": "str", "choices": ["install", "shipped"], "default": "install"},
    "install_timeout": {"type": "float", "default": 600},
    "remote_src": {"type": "bool", "default": False},
    "lenient": {"type": "bool", "default": False},
    "waivers": {**_waived.WAIVERS, "default": []},
    "guard_dir": {"type": "path", "default": str(_registry.DIRECTORY)},
    "allow_silent": {"type": "bool", "default": False},
}
REQUIRED_IF = [("state", state, ["archive", "entry"]) for state in SPEC["state"]["choices"]]


class Deploy(_act.Act):
    """One call of the module.

    :param tmpdir: where the artifact is unpacked to be inspected.
    :ivar unaware: the unit that would not bring the app back at boot; empty where none would fail to.
    """

    def __init__(self, params: dict[str, Any], *, check_mode: bool, tmpdir: str = "/tmp") -> None:  # noqa: S108
        super().__init__(params, check_mode=check_mode)
        self.tmpdir = tmpdir
        self.inspected: dict[str, Any] = {}
        self.path = _alert_path.AlertPath()
        self.unaware = ""

    @property
    def passed_over(self) -> list[str]:
        """The rules that are not asked, each once."""
        return list(dict.fromkeys([*self.params["skip"], *(one["waives"] for one in self.params["waivers"])]))

    @property
    def goes_on(self) -> bool:
        """Whether it is published once it is gated."""
        return bool(self.params["state"] == "good")

    def done(self) -> dict[str, Any]:
        """Take it as far as it is to come."""
        journey = self.gated()
        if self.goes_on:
            _deploy.confirm(journey)
        return {**self.told(journey), **self.inspected}

    def gated(self) -> _road.Journey:
        """Inspect, take the lock, tidy up, stage, start, gate."""
        self.inspect()
        app = _app.of(self.params)
        with self.course.phase("lock"):
            self.layout.root.mkdir(parents=True, exist_ok=True)
            _begin.take_lock(self.layout, self.claim, self.course)
            self.note_silence()
            self.note_waivers()
            tidied = _begin.tidy_up(self.layout, by=self.by, course=self.course)
            tidied |= _registry.register(Path(self.params["guard_dir"]), app.name, self.layout.root)
            tidied |= _boot.register(app.pm2.home, self.layout.root)
            self.unaware = _boot.unaware(app.pm2.home, self.layout.root)
            stage = functools.partial(_stage.stage, self.layout, self.order())
            more = {"stage": stage, "changed": tidied, "soak": app.proof["duration"]}
            journey = _deploy.aimed(self.layout, self.release, app, self.run("deploy"), self.course, **more)
            journey.notes.update({"check": self.path.remark} if self.path.remark else {})
        _deploy.gate(journey)
        return journey

    def inspect(self) -> None:
        """Look at the artifact and the host, and whether anybody would be told, before anything is touched."""
        with self.course.phase("check"):
            directory = Path(self.params["guard_dir"])
            self.path = _alert_path.read(directory, wanted=bool(self.params["guard"]))
            if not self.params["allow_silent"]:
                _alert_path.refuse_dead(self.path, where=directory)
            params = {**self.params, "skip": self.passed_over, "health_path": self.params["health"]["path"]}
            try:
                if not self.params["unfreeze"]:
                    _lock.refuse_frozen(self.layout.root)
                self.inspected = _inspection.run(params, tmpdir=self.tmpdir, fail=not self.params["lenient"])
            except DeployError as error:
                if not self.check_mode:
                    _registry.note_refusal(directory, self.params["app"], self.release, by=self.by, reason=str(error))
                raise

    def note_silence(self) -> None:
        """Whoever asks later why nobody was told has to find out who allowed that."""
        if self.path.dead:
            reason = f"{self.release} goes on although nobody would be told. {self.path.dead}"
            _ledger.append(self.layout.ledger, _ledger.Entry(_ledger.now(), "silent", by=self.by, reason=reason))

    def note_waivers(self) -> None:
        """A check may have done so before, for the same artifact."""
        about = {"release": self.release, "revision": self.params["revision"]}
        about |= {"artifact_sha256": self.params["checksum"], "by": self.by}
        _waived.record(self.layout, _waived.unrecorded(self.layout, self.params["waivers"], **about))

    def order(self) -> _stage.Order:
        """What is to be staged."""
        return _stage.Order(
            release=self.release,
            revision=self.params["revision"],
            archive=Path(self.params["archive"]),
            sha256=self.params["checksum"],
            ecosystems=self.params["ecosystems"],
            record=_app.record(self.params),
            shared_dirs=self.params["shared_dirs"],
            shared_files=self.params["shared_files"],
            install=self.params["dependencies"] == "install",
            install_args=self.params["install_args"],
            install_timeout=self.params["install_timeout"],
            node=self.params["node_bin"],
            check_skip=self.passed_over,
            by=self.by,
            preloads=self.params["preloads"],
        )

    def rehearsed(self) -> dict[str, Any]:
        """Inspects, and says whether staging, and publishing where that is next, would change anything."""
        self.inspect()
        found = _recovery.of(self.layout)
        self.course.found += found.sentences()
        planned = _stage.plan(self.layout, self.order())
        is_next = self.goes_on and self.live != self.release
        changed = planned.changed or found.any or is_next
        diff = self.shown(planned.changed, self.release)
        return {"changed": changed, "previous": self.live, "diff": diff, **self.as_result(), **self.inspected}

    def diff(self, journey: _road.Journey) -> dict[str, str]:
        """What has changed, as text."""
        return self.shown("stage" in self.course.seconds and journey.changed, _state.live_release(self.layout))

    def shown(self, is_staged: bool, live: str) -> dict[str, str]:
        """A release directory that was not there before, and where ``current`` points."""
        staged = {"before": "", "after": f"{self.layout.release(self.release).path}\n"} if is_staged else UNCHANGED
        switched = self.switched(live) if self.goes_on else UNCHANGED
        return {side: switched[side] + staged[side] for side in staged}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, required_if=REQUIRED_IF, supports_check_mode=True)
    params = copy.deepcopy(module.params)
    _proof.hide_secrets(module.params)
    act = Deploy(params, check_mode=module.check_mode, tmpdir=module.tmpdir)
    result = _act.carry_out(act, module)
    if act.path.dead:
        module.warn(f"Nobody would be told if this release died. {act.path.dead} {act.path.remedy}")
    for notice in _inspection.notices(act.inspected):
        module.warn(notice)
    if act.unaware:
        module.warn(f"{_boot.UNAWARE} {act.unaware} does not know it. {_boot.REMEDY}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
