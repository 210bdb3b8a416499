# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._envfile import variables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# A=1\n\n  \n", {}),
        ("A=1", {"A": "1"}),
        ("A = 1 \nB=", {"A": "1", "B": ""}),
        ("export A=1\n\texport  B=2", {"A": "1", "B": "2"}),
        ("A=1 # not a part of it", {"A": "1"}),
        ("A='x # y'", {"A": "x # y"}),
        ('A="x # y" # z', {"A": "x # y"}),
        ('A=`it\'s "all" of it`', {"A": 'it\'s "all" of it'}),
        ('KEY="-----BEGIN\nabc\n-----END"\nB=2', {"KEY": "-----BEGIN\nabc\n-----END", "B": "2"}),
        ("A=''", {"A": ""}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=b=c", {"A": "b=c"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("no variable\n=1\n- x", {}),
        ("A='never ended", {"A": "'never ended"}),
        ("a.b-c=1", {"a.b-c": "1"}),
    ],
)
def test_variables(text: str, expected: dict[str, str]) -> None:
    assert variables(text) == expected
