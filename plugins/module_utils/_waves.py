# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which hosts publish together; pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


def waves(hosts: Sequence[str], sizes: Sequence[Any]) -> list[list[str]]:
    """``hosts`` in order, cut into waves.

    :param sizes: hosts in each wave, as a number or a percentage of all hosts, rounded up; the last one is repeated.
    :raises DeployError: for a size that is neither, or that no host would fit into.
    """
    wanted = [_size(size, len(hosts)) for size in sizes]
    if not wanted:
        raise _nonsense("nothing")
    found: list[list[str]] = []
    begin = 0
    while begin < len(hosts):
        size = wanted[min(len(found), len(wanted) - 1)]
        found.append(list(hosts[begin : begin + size]))
        begin += size
    return found


def _size(size: Any, hosts: int) -> int:
    match = re.fullmatch(r"([0-9]+)(%?)", str(size).strip())
    if not match or not int(match[1]):
        raise _nonsense(repr(size))
    return max(math.ceil(hosts * int(match[1]) / 100), 1) if match[2] else int(match[1])


def _nonsense(seen: str) -> DeployError:
    return DeployError(
        "bluegreen_waves says no number of hosts.",
        expected="a list of whole numbers or percentages above 0, such as [1, 25%, 100%]",
        seen=seen,
    )
