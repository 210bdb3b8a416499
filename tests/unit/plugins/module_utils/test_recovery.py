# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a recovery says; what it decides and does is tried with the state in test_state.py."""

from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._recovery import Recovery


@pytest.mark.parametrize(
    ("recovery", "sentences"),
    [
        (Recovery((), (), ""), []),
        (
            Recovery(("r1", "r2"), (), ""),
            ["Removed r1: its stage never ended.", "Removed r2: its stage never ended."],
        ),
        (Recovery((), ("r3",), ""), ["Marked r3 aborted: its deploy was interrupted before publish."]),
        (Recovery((), (), "r4"), ["r4 is live but was never confirmed: its soak is done now, and decides."]),
        (Recovery((), (), "", "r5"), ["r5 was found bad, and taking it back was cut short: that is done now."]),
    ],
)
def test_every_leftover_gets_a_sentence(recovery: Recovery, sentences: list[str]) -> None:
    assert recovery.sentences() == sentences
