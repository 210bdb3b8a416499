# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.nodeops.pm2.plugins.filter.waves import FilterModule

waves = FilterModule().filters()["waves"]


def test_hosts_go_in_waves() -> None:
    assert waves(["a", "b", "c"], [1, "100%"]) == [["a"], ["b", "c"]]


def test_a_refusal_reaches_the_user_whole() -> None:
    with pytest.raises(AnsibleFilterError, match=r"bluegreen_waves(.|\n)*seen: 'half'"):
        waves(["a"], ["half"])
