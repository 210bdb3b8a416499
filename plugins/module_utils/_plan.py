# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a release has to prove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._expect import Expectation
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import Question


@dataclass(frozen=True)
class Probe:
    """A question and what its answer must be."""

    name: str
    question: Question
    expectation: Expectation


@dataclass(frozen=True)
class Plan:
    """What has to be proved; times in seconds.

    :param release_path: real path of the release's directory.
    :param consecutive: good answers in a row.
    :param interval: between two questions.
    :param deadline: by which the answers in a row must be in.
    :param min_uptime: that every worker must have lived by then, and answered where it was just started.
    :param duration: of the soak that follows; 0: none.
    :param failures: bad answers in a row that end a soak.
    :param gated: whether it has passed the gate before, so that a crash is none at boot any more.
    :param just_gated: whether that was a moment ago: then bad answers count from the first one on, since it is not the
        release that has to come up, and users get those answers, too.
    """

    release_path: str
    health: Probe
    smoke: Sequence[Probe] = ()
    consecutive: int = 3
    interval: float = 0.5
    deadline: float = 30.0
    min_uptime: float = 2.0
    duration: float = 0.0
    failures: int = 2
    gated: bool = False
    just_gated: bool = False


def check_plan(plan: Plan) -> None:
    """Raise :class:`DeployError` for a plan that every release, or none, would meet."""
    wrong = {
        "consecutive": (plan.consecutive < 1, "at least 1"),
        "failures": (plan.failures < 1, "at least 1"),
        "interval": (plan.interval <= 0, "more than 0 s"),
        "deadline": (plan.deadline <= plan.min_uptime, f"more than min_uptime, {plan.min_uptime:g} s"),
    }
    for name, (is_wrong, expected) in wrong.items():
        if is_wrong:
            raise DeployError(
                f"The gate's {name} makes no sense.",
                expected=expected,
                seen=f"{getattr(plan, name):g}",
                remedy="Correct it.",
            )
