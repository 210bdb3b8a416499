# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is promised when something is found, and what is told of what came of it. Pure.

Nothing that was promised goes untold: what is done once is told when it is done, and what is tried again and again when
it has helped.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils import _judgement
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import CRITICAL, WARNING
from ansible_collections.nodeops.pm2.plugins.module_utils._judgement import Decision
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import way_on
from ansible_collections.nodeops.pm2.plugins.module_utils._reaction import Deed

_TOLD = "what came of it is told in the next message."
_PROMISES = {
    _judgement.ALERT: "Nothing.",
    _judgement.TAKE_BACK: f"It is being taken back now; {_TOLD}",
    _judgement.ROLL_BACK: f"It is being rolled back now; {_TOLD}",
    _judgement.QUENCH: f"It is being stopped now; {_TOLD}",
    _judgement.FREEZE: f"The app is being frozen now; {_TOLD}",
    _judgement.KEEP_TRYING: "It is being started again now, and less and less often while that does not help; you hear "
    "when it is well again.",
}


@dataclass(frozen=True)
class Outcome:
    """What is told of something that was done; the fields are those of a notice."""

    kind: str
    severity: str
    todo: str = ""


def promise(decision: Decision, *, grace: float) -> str:
    """What is said to be done, before it is.

    :param grace: seconds that others have to bring PM2's daemon back first.
    """
    if grace:
        return f"Its service has {grace:g} s to bring it back; then it is started from here."
    return _PROMISES[decision.action]


def of(decision: Decision, deed: Deed, *, app: str) -> Outcome | None:
    """What is told of a deed; ``None`` where its end is told with the end of the trouble."""
    if deed.frozen:
        return Outcome("frozen", CRITICAL, f"nothing more is done by itself; {way_on(app)}")
    if deed.failed:
        going_back = decision.action in (_judgement.TAKE_BACK, _judgement.ROLL_BACK)
        again = "it is tried again by itself, less and less often; look what keeps it from being done"
        return Outcome("rollback_failed" if going_back else "not_done", CRITICAL, again)
    if deed.target:
        return Outcome("rolled_back", WARNING)
    if decision.action == _judgement.QUENCH:
        return Outcome("quenched", CRITICAL, f"bluegreen rollback --app {app}, or a deploy that mends it")
    return None
