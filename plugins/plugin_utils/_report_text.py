# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An answered checklist as lines for a terminal: what is missing first, and what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_MARKS = {"proved": "yes", "not proved": "NO", "waived": "waived"}
_ORDER = ("not proved", "waived", "proved")
_INDENT = " " * 10


def text(checklist: Mapping[str, Any]) -> str:
    """The verdict, the findings, then the nine questions: what is to be done stands last, where it is read."""
    return "\n".join([_verdict(checklist), *_findings(checklist), *_waivers(checklist), *_questions(checklist)])


def _verdict(checklist: Mapping[str, Any]) -> str:
    about = " ".join(part for part in (checklist["app"], checklist["release"]) if part) or "This release"
    states = [item["state"] for item in checklist["questions"]]
    count = f"{states.count('proved')} of {len(states)} answered by evidence, {states.count('waived')} waived"
    return _plain(f"{about} {'may' if checklist['ok'] else 'must NOT'} be deployed: {count}")


def _questions(checklist: Mapping[str, Any]) -> Iterator[str]:
    for item in sorted(checklist["questions"], key=lambda one: _ORDER.index(one["state"]), reverse=True):
        name = f" [{item['id']}]" if item["state"] == "not proved" else ""
        yield f"  {_MARKS[item['state']]:<7} {item['question']}{name}"
        told = item["evidence"] if item["state"] == "proved" else item["missing"]
        for line in told:
            yield from _told(line)
        for one in item["waivers"]:
            yield from _told(f"waived until {one['until']}: {one['reason']}{_by(one)}")
        if item["remedy"]:
            yield from _told(f"do: {item['remedy']}")


def _findings(checklist: Mapping[str, Any]) -> Iterator[str]:
    for one in reversed(checklist["findings"]):
        mark = "waived" if one["waiver"] else {"error": "ERROR"}.get(one["severity"], one["severity"])
        yield from _told(f"{mark:<7} [{one['rule']}] {one['message']} ({', '.join(one['hosts'])})", indent="  ")
        for item in one.get("evidence", ()):
            place = f"{item['file']}:{item['line']}" if item.get("line") else item["file"]
            yield from _told(f"{place}  {item.get('text', '')}".rstrip())
        yield from _told(f"do: {one['remedy']}")


def _waivers(checklist: Mapping[str, Any]) -> Iterator[str]:
    for one in checklist["waivers"]:
        if one["state"] == "expired":
            yield from _told(f"EXPIRED the waiver of {one['waives']}, on {one['until']}: {one['reason']}", indent="  ")
            yield from _told("do: Renew it with a reason, or remove it.")


def _by(waiver: Mapping[str, Any]) -> str:
    return f" ({waiver['by']})" if waiver.get("by") else ""


def _told(said: str, *, indent: str = _INDENT) -> Iterator[str]:
    """A text with line breaks of its own, below one another."""
    for number, line in enumerate(str(said).splitlines()):
        yield _plain(f"{indent}{'  ' if number else ''}{line}")


def _plain(line: str) -> str:
    """Nothing that a terminal would obey."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
