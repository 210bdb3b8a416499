# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a person reads when something is refused."""

from __future__ import annotations

import errno

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError, failure_of


def test_an_error_says_what_was_expected_what_was_seen_where_and_what_to_do() -> None:
    error = DeployError("No.", expected="this", seen="that", where="here", remedy="Run.", facts={"rule": "x"})
    assert failure_of(error) == {"rule": "x", "msg": "No.\n  expected: this\n  seen: that\n  where: here\n  do: Run."}


def test_whoever_sits_at_the_host_is_told_what_to_do_there() -> None:
    error = DeployError("No.", seen="that", remedy="Play it.", by_hand="Type it.")
    assert (str(error), error.at_hand()) == ("No.\n  seen: that\n  do: Play it.", "No.\n  seen: that\n  do: Type it.")
    assert DeployError("No.", remedy="Play it.").at_hand() == "No.\n  do: Play it."


def test_what_is_not_known_is_not_said() -> None:
    assert str(DeployError("No.")) == "No."


def test_a_full_disk_is_told_as_such() -> None:
    said = failure_of(OSError(errno.ENOSPC, "No space left on device", "/srv/app/releases/r1/a"))["msg"]
    assert "seen: No space left on device\n  where: /srv/app/releases/r1/a\n  do: Free what is missing" in said
