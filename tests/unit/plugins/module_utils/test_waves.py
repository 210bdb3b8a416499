# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._waves import waves


@pytest.mark.parametrize(
    ("hosts", "sizes", "found"),
    [
        ("a", [1, "100%"], ["a"]),
        ("abcd", [1, "100%"], ["a", "bcd"]),
        ("abcdef", ["1", "2"], ["a", "bc", "de", "f"]),
        ("abcde", ["30%"], ["ab", "cd", "e"]),
        ("abc", ["1%"], ["a", "b", "c"]),
        ("abc", [10], ["abc"]),
        ("", [1], []),
    ],
)
def test_hosts_into_waves(hosts: str, sizes: list[Any], found: list[str]) -> None:
    assert waves(list(hosts), sizes) == [list(wave) for wave in found]


@pytest.mark.parametrize("sizes", [[], [0], ["0%"], ["half"], [-1], [1.5], [None]])
def test_sizes_that_are_none(sizes: list[Any]) -> None:
    with pytest.raises(DeployError, match="bluegreen_waves"):
        waves(["a"], sizes)
