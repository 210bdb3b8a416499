# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Waivers: what need not be proved today, why, and until when. Pure; a waiver without an end is none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

ACTIVE, EXPIRED = "active", "expired"
_FIELDS = ("waives", "reason", "until", "by")


@dataclass(frozen=True)
class Waiver:
    """One waiver.

    :param waives: the id of an item of the checklist, or of a rule of the check.
    :param until: the last day on which it counts.
    """

    waives: str
    reason: str
    until: date
    by: str = ""

    def state(self, today: date) -> str:
        """:data:`ACTIVE` or :data:`EXPIRED`."""
        return ACTIVE if today <= self.until else EXPIRED

    def as_dict(self) -> dict[str, str]:
        """For the ledger and for reports."""
        return {"waives": self.waives, "reason": self.reason, "until": self.until.isoformat(), "by": self.by}


def read(given: Any, known: Collection[str]) -> list[Waiver]:
    """The typed form of a user's list.

    :param known: ids that can be waived.
    :raises DeployError: an unknown id, no reason, no end, or two waivers of the same.
    """
    if not isinstance(given, (list, tuple)):
        raise _refusal("The waivers are not a list.", seen=repr(given), remedy="Write one entry for each.")
    found = [_read_one(item, known) for item in given]
    names = [waiver.waives for waiver in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _refusal("Something is waived twice.", seen=", ".join(twice), remedy="Keep one waiver of each.")
    return found


def active(waivers: Sequence[Waiver], today: date) -> dict[str, Waiver]:
    """Those that count today, by what they waive."""
    return {waiver.waives: waiver for waiver in waivers if waiver.state(today) == ACTIVE}


def _read_one(given: Any, known: Collection[str]) -> Waiver:
    if not isinstance(given, Mapping):
        raise _refusal("A waiver is not a dictionary.", seen=repr(given), remedy=f"Give it {', '.join(_FIELDS)}.")
    unknown = sorted(set(map(str, given)) - set(_FIELDS))
    if unknown:
        raise _refusal("A waiver has a field that nobody reads.", seen=", ".join(unknown), remedy="Correct its name.")
    waives, reason = str(given.get("waives") or ""), str(given.get("reason") or "").strip()
    if waives not in known:
        raise _refusal(
            "A waiver names neither an item of the checklist nor a rule.",
            expected=", ".join(sorted(known)),
            seen=repr(waives),
            remedy="Correct or remove the name.",
        )
    if not reason:
        raise _refusal(f"The waiver of {waives} gives no reason.", seen="nothing", remedy="Say why, in a sentence.")
    return Waiver(waives, reason, _day(waives, given.get("until")), str(given.get("by") or ""))


def _day(waives: str, given: Any) -> date:
    """A day as YAML reads it, or as text."""
    try:
        return date.fromisoformat(str(given)[:10])
    except ValueError:
        raise _refusal(
            f"The waiver of {waives} has no end.",
            expected="until: a day like 2027-01-31",
            seen=repr(given) if given is not None else "nothing",
            remedy="Say until when it counts; it can be renewed.",
        ) from None


def _refusal(
    what: str, *, seen: str, remedy: str, expected: str = "what is waived, why, and until when"
) -> DeployError:
    return DeployError(what, expected=expected, seen=seen, where="bluegreen_waivers", remedy=remedy)
