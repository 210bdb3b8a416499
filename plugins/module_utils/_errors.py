# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one error that the collection raises on purpose, and what it must say."""

from __future__ import annotations

from typing import Any


class DeployError(Exception):
    """A refusal or a failure that a person has to understand at three in the morning.

    :param what: one sentence, what went wrong.
    :param expected: what was expected.
    :param seen: what was found instead.
    :param where: the path, address or process it was found at.
    :param remedy: what to do next.
    :param by_hand: the same for whoever acts by the command on the host, where that is something else.
    :param facts: machine-readable evidence, returned beside the message.
    """

    def __init__(
        self,
        what: str,
        *,
        expected: str = "",
        seen: str = "",
        where: str = "",
        remedy: str = "",
        by_hand: str = "",
        facts: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.expected = expected
        self.seen = seen
        self.where = where
        self.remedy = remedy
        self.by_hand = by_hand
        self.facts = facts or {}

    def __str__(self) -> str:
        return self._told(self.remedy)

    def at_hand(self) -> str:
        """As ``str()``, for whoever sits at the host's shell and has no playbook to give options to."""
        return self._told(self.by_hand or self.remedy)

    def _told(self, remedy: str) -> str:
        parts = [
            ("expected", self.expected),
            ("seen", self.seen),
            ("where", self.where),
            ("do", remedy),
        ]
        lines = [self.what] + [f"  {label}: {text}" for label, text in parts if text]
        return "\n".join(lines)

    def failure(self) -> dict[str, Any]:
        """The keyword arguments for ``fail_json``."""
        return {**self.facts, "msg": str(self)}


def failure_of(error: DeployError | OSError) -> dict[str, Any]:
    """The keyword arguments for ``fail_json``, also where it is the host that refused: a full disk, a missing right."""
    if isinstance(error, DeployError):
        return error.failure()
    refused = DeployError(
        "The host refused to do it.",
        expected="room on the disk, and the rights to write there",
        seen=error.strerror or str(error),
        where=str(error.filename or ""),
        remedy="Free what is missing (df -h, df -i, ls -ld), then run again: what was begun is finished or undone.",
    )
    return refused.failure()


class Deferred:
    """Puts off what the host refuses, such as a write to a full disk, until everything else is done.

    Used as ``with deferred:`` around each thing that is to be done, and :meth:`tell` in the end.
    """

    def __init__(self) -> None:
        self._first: OSError | None = None

    def __enter__(self) -> None:
        """Nothing is to be done first."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, OSError):
            return False
        self._first = self._first or error
        return True

    def tell(self) -> None:
        """Raise the first of what was put off, where there is any."""
        if self._first is not None:
            raise self._first
