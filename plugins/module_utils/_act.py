# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One call of a module that acts on an app: its options in their typed forms, and what it returns."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _audience,
    _begin,
    _deploy,
    _lock,
    _options,
    _phases,
    _road,
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
    "hooks": {"type": "dict", "default": {}},
    "hook_timeout": {"type": "float", "default": 600},
    "ttl": {"type": "float", "default": 900},
    "wait": {"type": "float", "default": 0},
    "unfreeze": {"type": "bool", "default": False},
    "owner": {"type": "dict", "options": OWNER},
    "proven_dead": {"type": "str", "default": ""},
}
UNCHANGED = {"before": "", "after": ""}


class Act:
    """What is common to all of them.

    :param lease: of the lock, where an earlier task has taken it.
    """

    def __init__(self, params: dict[str, Any], *, check_mode: bool, lease: str = "") -> None:
        self.params = params
        self.check_mode = check_mode
        self.layout = Layout(Path(params["root"]))
        self.release: str = params["release"] or ""
        self.course = _phases.Course(lease)
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
        """Carry it out, or tell what would change; what is returned in success.

        What nobody waits for any more is undone at once, since no later task will, and the lock would keep others out.
        """
        _phases.refuse_wrong_hooks(self.params["hooks"])
        if self.check_mode:
            return self.rehearsed()
        try:
            return self.done()
        except _phases.Unwanted as error:
            failure = _undo.Failure(str(error), "aborted")
            _deploy.abort(self.layout, self.release, failure, by=self.by, course=self.course)
            raise

    def done(self) -> dict[str, Any]:
        """Carry it out."""
        raise NotImplementedError

    def rehearsed(self) -> dict[str, Any]:
        """What would change; touches nothing."""
        raise NotImplementedError

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
        }

    def diff(self, _journey: _road.Journey) -> dict[str, str]:
        """What has changed, as text."""
        return self.switched(_state.live_release(self.layout))

    def switched(self, after: str) -> dict[str, str]:
        """Where ``current`` pointed, and where it points."""
        shown = [f"{self.layout.current} -> releases/{one}\n" if one else "" for one in (self.live, after)]
        return dict(zip(("before", "after"), shown))

    def as_result(self) -> dict[str, Any]:
        """What is returned in success and in failure."""
        state = _state.read(self.layout, now=time.time())
        return {"release": self.release, **self.course.as_result(), "app": asdict(state)}


def carry_out(act: Act, module: Any) -> dict[str, Any]:
    """What the act returns; where it fails, so does ``module``, an ``AnsibleModule``."""
    try:
        return act.do()
    except (DeployError, OSError) as error:
        module.fail_json(**{**_known_of(act), **failure_of(error)})
        raise  # never reached: fail_json ends the process


def _known_of(act: Act) -> dict[str, Any]:
    """What is returned in failure; what the host does not let anybody read must not hide why it failed."""
    try:
        return act.as_result()
    except OSError:
        return {"release": act.release, **act.course.as_result()}
