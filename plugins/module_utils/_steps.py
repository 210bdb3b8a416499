# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The steps of a run: its phases, with the hooks that a user has put between them; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

# Before the first of them there is no release to run a hook in.
PHASES = ("stage", "start", "gate", "publish", "restart", "soak", "confirm", "retire", "prune")


def steps(phases: Sequence[str], hooks: Mapping[str, Any], *, leave_out: Collection[str] = ()) -> list[dict[str, str]]:
    """What is included, in order: ``{"file": "stage.yml", "hook": ""}``, a hook with file ``hooks.yml`` and its name.

    :param hooks: lists of commands by ``before_<phase>`` or ``after_<phase>``.
    :param leave_out: phases that do not take place; neither do their hooks.
    :raises DeployError: when a hook has a name that no phase has.
    """
    known = [f"{when}_{phase}" for phase in PHASES for when in ("before", "after")]
    unknown = sorted(set(hooks) - set(known))
    if unknown:
        raise DeployError(
            "bluegreen_hooks names a hook that would never run.",
            expected=", ".join(known),
            seen=", ".join(unknown),
        )
    found = []
    for phase in (phase for phase in phases if phase not in leave_out):
        found.append({"file": "hooks.yml", "hook": f"before_{phase}"})
        found.append({"file": f"{phase}.yml", "hook": ""})
        found.append({"file": "hooks.yml", "hook": f"after_{phase}"})
    return [step for step in found if not step["hook"] or hooks.get(step["hook"])]
