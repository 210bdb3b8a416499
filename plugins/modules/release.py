#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Take a release along its road, as far as its state says
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - A release goes from phase to phase, each with its hooks, and has a state at the end of each stretch of them.
  - "V(gated): check, lock, stage, start and gate. The artifact and the host are inspected before anything is touched;
    the release is put into a directory of its own, started in the idle slot and proved there. Nothing live is touched.
    A release that is live already is only proved."
  - "V(published): publish and soak. C(current) is renamed, and the release watched through the front door. Without an
    edge the one process is restarted in between. One that was published before is only watched again, without hooks."
  - "V(good): confirm, retire, prune and unlock; a release that was gated and not published yet is published first."
  - "V(good) with O(archive) goes the whole road in one go, for a host that waits for no other. Where it fails, undoing
    it is another task's, with RV(lease)."
  - "V(good) without O(archive) and O(lease) is a rollback: the release is on disk, and goes the whole road, as its own
    deploy described it. Where it fails it is undone."
  - A deploy whose controller is gone by the time it would publish or confirm does neither.
  - "V(aborted): what is not confirmed is undone. What was published is taken back by the same road, to the last good
    release; what was not is stopped. A take-back that fails as well freezes the app."
  - What an interrupted run left is finished or undone before anything else, and told in RV(found). A lease is taken
    over only where its owner is provably dead.
  - Staging never merges into a release that exists. The same artifact under the same id is left as it is once every
    file has been found unchanged.
  - Pruning keeps the live release, the one a rollback would go to, every release a process still runs from, and the
    O(keep) most recently confirmed good ones.
extends_documentation_fragment:
  - nodeops.pm2.attributes
  - nodeops.pm2.layout
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
    choices: [gated, published, good, aborted]
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
  lease:
    description: Lease of the app's lock that an earlier task of this run returned. Without it the lock is taken.
    type: str
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
  reason:
    description: With V(aborted), why, for the ledger.
    type: str
    default: ""
  verdict:
    description: With V(aborted), whether the release was proved V(bad), or was only cut short.
    type: str
    choices: [bad, aborted]
    default: aborted
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
  owner:
    description: Who takes the lock; the action plugin says it.
    type: dict
    suboptions:
      who: {description: "User and machine, V(user@machine).", type: str, required: true}
      what: {description: What it is doing., type: str, required: true}
      pid: {description: Its process., type: int, required: true}
      boot_id: {description: The boot of its machine., type: str, required: true}
      started: {description: "Start of that process, in clock ticks since the boot.", type: int, required: true}
  proven_dead:
    description: A lease whose owner is dead on its controller; the action plugin says it.
    type: str
    default: ""
seealso:
  - module: nodeops.pm2.release_info
  - module: nodeops.pm2.release_check
"""

EXAMPLES = r"""
- name: Put a release on disk, start it in the idle slot and prove it there
  nodeops.pm2.release:
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

- name: Switch to it, and watch it for half a minute
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
counts:
  description: How many findings the inspection had, by severity.
  returned: with O(archive)
  type: dict
holder:
  description: The lease that is in the way.
  returned: when somebody else holds the lock
  type: dict
"""

import copy
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _aim,
    _alert_path,
    _app,
    _audience,
    _begin,
    _deploy,
    _inspection,
    _ledger,
    _lock,
    _options,
    _phases,
    _proof,
    _recovery,
    _registry,
    _road,
    _stage,
    _state,
    _undo,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError, failure_of
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

OWNER: dict[str, Any] = {
    "who": {"type": "str", "required": True},
    "what": {"type": "str", "required": True},
    "pid": {"type": "int", "required": True},
    "boot_id": {"type": "str", "required": True},
    "started": {"type": "int", "required": True},
}
SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_app.SPEC,
    **_inspection.SPEC,
    "state": {"type": "str", "required": True, "choices": ["gated", "published", "good", "aborted"]},
    "release": {"type": "str"},
    "before": {"type": "str", "default": ""},
    "revision": {"type": "str", "default": ""},
    "ecosystems": {"type": "dict", "default": {}},
    "preloads": {"type": "dict", "default": {}},
    "shared_dirs": {"type": "list", "elements": "str", "default": []},
    "dependencies": {"type": "str", "choices": ["install", "shipped"], "default": "install"},
    "install_timeout": {"type": "float", "default": 600},
    "remote_src": {"type": "bool", "default": False},
    "lenient": {"type": "bool", "default": False},
    "hooks": {"type": "dict", "default": {}},
    "hook_timeout": {"type": "float", "default": 600},
    "lease": {"type": "str"},
    "ttl": {"type": "float", "default": 900},
    "wait": {"type": "float", "default": 0},
    "unfreeze": {"type": "bool", "default": False},
    "reason": {"type": "str", "default": ""},
    "verdict": {"type": "str", "choices": ["bad", "aborted"], "default": "aborted"},
    "guard_dir": {"type": "path", "default": str(_registry.DIRECTORY)},
    "allow_silent": {"type": "bool", "default": False},
    "owner": {"type": "dict", "options": OWNER},
    "proven_dead": {"type": "str", "default": ""},
}
REQUIRED_IF = [
    ("state", "gated", ["release", "archive", "entry"]),
    ("state", "published", ["release", "lease"]),
    ("state", "aborted", ["release", "lease"]),
]
UNCHANGED = {"before": "", "after": ""}


class Act:
    """One call of the module: its options in their typed forms, and what comes of it.

    :param tmpdir: where the artifact is unpacked to be inspected.
    """

    def __init__(self, params: dict[str, Any], *, check_mode: bool, tmpdir: str = "/tmp") -> None:  # noqa: S108
        self.params = params
        self.check_mode = check_mode
        self.tmpdir = tmpdir
        self.layout = Layout(Path(params["root"]))
        self.release: str = params["release"] or ""
        self.course = _phases.Course(params["lease"] or "")
        self.inspected: dict[str, Any] = {}
        self.path = _alert_path.AlertPath()
        self.live = _state.live_release(self.layout)

    @property
    def by(self) -> str:
        """Who acts, for the ledger."""
        return str(self.params["owner"]["who"]) if self.params["owner"] else ""

    @property
    def claim(self) -> _begin.Claim:
        """On what terms the lock is wanted."""
        owner = _lock.owner_from(self.params["owner"])
        return _begin.Claim(owner, self.params["ttl"], self.params["proven_dead"], self.params["unfreeze"])

    def run(self, action: str) -> _phases.Run:
        """On whose behalf; a rollback is so badly wanted that it goes on when its connection is lost."""
        hooks, timeout = self.params["hooks"], self.params["hook_timeout"]
        if action == "rollback":
            return _phases.Run(action, self.by, hooks, timeout)
        return _phases.Run(action, self.by, hooks, timeout, lambda: _audience.is_waiting(self.claim.owner))

    def do(self) -> dict[str, Any]:
        """Carry it out, and return what a module returns."""
        _phases.refuse_unknown_hooks(self.params["hooks"])
        if self.check_mode:
            return self.rehearsed()
        if self.params["state"] == "aborted":
            return self.aborted()
        if self.params["before"]:
            return self.taken_back()
        acts: dict[str, Callable[[], _road.Journey]] = {
            "gated": self.gated,
            "published": self.published,
            "good": self.finished,
        }
        return self.told(acts[self.params["state"]]())

    def told(self, journey: _road.Journey) -> dict[str, Any]:
        """What is returned at the end of a journey."""
        self.release = journey.release
        return {
            "changed": journey.changed,
            "previous": journey.previous,
            "by": self.by,
            "switch": journey.switch,
            "answered_at": journey.answered_at,
            "notes": journey.notes,
            "diff": self.diff(journey),
            **self.as_result(),
            **self.inspected,
        }

    def gated(self) -> _road.Journey:
        """Inspect, take the lock, tidy up, stage, start, gate."""
        self.inspect()
        app = _app.of(self.params)
        with self.course.phase("lock"):
            self.layout.root.mkdir(parents=True, exist_ok=True)
            _begin.take_lock(self.layout, self.claim, self.course)
            self.note_silence()
            tidied = _begin.tidy_up(self.layout, by=self.by, course=self.course)
            tidied |= _registry.register(Path(self.params["guard_dir"]), app.name, self.layout.root)
            more = {"order": self.order(), "changed": tidied, "soak": app.proof["duration"]}
            journey = _deploy.aimed(self.layout, self.release, app, self.run("deploy"), self.course, **more)
            journey.notes.update({"check": self.path.remark} if self.path.remark else {})
        _deploy.gate(journey)
        return journey

    def published(self) -> _road.Journey:
        """Switch and soak."""
        journey = _deploy.resumed(self.layout, self.release, self.run("deploy"), self.course)
        _deploy.publish(journey)
        return journey

    def finished(self) -> _road.Journey:
        """To the end of the road: with an archive, from where an earlier task has left it, or what is on disk."""
        if not self.params["archive"] and not self.params["lease"]:
            return _deploy.roll_back(self.layout, self.release, self.claim, self.run("rollback"), self.course)
        if self.params["archive"]:
            journey = self.gated()
        else:
            journey = _deploy.resumed(self.layout, self.release, self.run("deploy"), self.course)
        _deploy.confirm(journey)
        return journey

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

    def inspect(self) -> None:
        """Look at the artifact and the host, and whether anybody would be told, before anything is touched."""
        with self.course.phase("check"):
            directory = Path(self.params["guard_dir"])
            self.path = _alert_path.read(directory, wanted=bool(self.params["guard"]))
            if not self.params["allow_silent"]:
                _alert_path.refuse_dead(self.path, where=directory)
            params = {**self.params, "health_path": self.params["health"]["path"]}
            self.inspected = _inspection.run(params, tmpdir=self.tmpdir, fail=not self.params["lenient"])

    def note_silence(self) -> None:
        """Whoever asks later why nobody was told has to find out who allowed that."""
        if self.path.dead:
            reason = f"{self.release} goes on although nobody would be told. {self.path.dead}"
            _ledger.append(self.layout.ledger, _ledger.Entry(_ledger.now(), "silent", by=self.by, reason=reason))

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
            check_skip=self.params["skip"],
            by=self.by,
            preloads=self.params["preloads"],
        )

    def rehearsed(self) -> dict[str, Any]:
        """What would change; touches nothing."""
        changed, diff = False, UNCHANGED
        if self.params["archive"]:
            changed, diff = self.rehearse_deploy()
        elif self.params["state"] != "aborted":
            if self.params["before"]:
                entries = _ledger.read(self.layout.ledger)
                self.release = _aim.before(_state.read(self.layout, now=time.time()), self.params["before"], entries)
            elif not self.params["lease"] and not self.release:
                self.release = _aim.existing(_state.read(self.layout, now=time.time()), wanted="")
            changed, diff = self.live != self.release, self.switched(self.release)
        return {"changed": changed, "previous": self.live, "diff": diff, **self.as_result(), **self.inspected}

    def rehearse_deploy(self) -> tuple[bool, dict[str, str]]:
        """Whether staging, and publishing where that is next, would change anything, and how that looks."""
        self.inspect()
        if not self.params["unfreeze"]:
            _lock.refuse_frozen(self.layout.root)
        found = _recovery.of(self.layout)
        self.course.found += found.sentences()
        planned = _stage.plan(self.layout, self.order())
        return planned.changed or found.any or self.is_next(), self.shown(planned.changed, self.release)

    def is_next(self) -> bool:
        """Whether another release than the live one would be published."""
        return self.params["state"] == "good" and self.live != self.release

    def diff(self, journey: _road.Journey) -> dict[str, str]:
        """What has changed, as text."""
        if not self.params["archive"]:
            return self.switched(_state.live_release(self.layout))
        return self.shown("stage" in self.course.seconds and journey.changed, _state.live_release(self.layout))

    def shown(self, is_staged: bool, live: str) -> dict[str, str]:
        """A release directory that was not there before, and where ``current`` points."""
        staged = {"before": "", "after": f"{self.layout.release(self.release).path}\n"} if is_staged else UNCHANGED
        switched = self.switched(live) if self.params["state"] == "good" else UNCHANGED
        return {side: staged[side] + switched[side] for side in staged}

    def switched(self, after: str) -> dict[str, str]:
        """Where ``current`` pointed, and where it points."""
        shown = [f"{self.layout.current} -> releases/{one}\n" if one else "" for one in (self.live, after)]
        return dict(zip(("before", "after"), shown))

    def as_result(self) -> dict[str, Any]:
        """What is returned in success and in failure."""
        state = _state.read(self.layout, now=time.time())
        return {"release": self.release, **self.course.as_result(), "app": asdict(state)}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, required_if=REQUIRED_IF, supports_check_mode=True)
    params = copy.deepcopy(module.params)
    _proof.hide_secrets(module.params)
    act = Act(params, check_mode=module.check_mode, tmpdir=module.tmpdir)
    try:
        result = act.do()
    except (DeployError, OSError) as error:
        module.fail_json(**{**act.as_result(), **failure_of(error)})
    if act.path.dead:
        module.warn(f"Nobody would be told if this release died. {act.path.dead} {act.path.remedy}")
    for notice in _inspection.notices(act.inspected) if act.inspected else []:
        module.warn(notice)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
