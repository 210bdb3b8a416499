# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which versions a semver range means: ``||``, spaces, hyphens, ``^ ~ >= > <= < =`` and x-ranges, as npm reads them."""

from __future__ import annotations

import re
from typing import Optional, Union

# Numbers sort before words, a prerelease before its release.
Key = tuple[int, int, int, tuple[tuple[int, Union[int, str]], ...]]
Interval = tuple[Key, Optional[Key]]

_RELEASED: tuple[tuple[int, int | str], ...] = ((2, 0),)
_LOWEST: Key = (0, 0, 0, ())
_NONE: Key = (10**12, 0, 0, ())
_VERSION = re.compile(r"[v=\s]*(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_PARTIAL = re.compile(
    r"(?P<op>~>|[~^=]|[<>]=?)?[v=]*(?P<major>\d+|[xX*])(?:\.(?P<minor>\d+|[xX*]))?(?:\.(?P<patch>\d+|[xX*]))?"
    r"(?:-(?P<pre>[0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)


def parse(version: str) -> Key | None:
    """The sortable form of a full version (``v20.6.0``, ``5.0.0-beta.1``); ``None`` where it is none."""
    found = _VERSION.fullmatch(version.strip())
    if not found:
        return None
    major, minor, patch, pre = found.groups()
    return int(major), int(minor), int(patch), _prerelease(pre)


def at_least(version: str, minimum: str) -> bool:
    """Whether ``version`` is ``minimum`` or newer; a version that cannot be read is not."""
    have, need = parse(version), parse(minimum)
    return have is not None and need is not None and have >= need


def satisfies(version: str, wanted: str) -> bool | None:
    """Whether ``version`` lies in the range ``wanted``; ``None`` where either is written in a way not known here.

    Prereleases are taken by their place in the order, as npm does with ``includePrerelease``.
    """
    have = parse(version)
    if have is None:
        return None
    outcome = False
    for alternative in wanted.split("||"):
        intervals = _intervals(alternative.strip())
        if intervals is None:
            return None
        outcome = outcome or all(low <= have and (high is None or have < high) for low, high in intervals)
    return outcome


def _prerelease(text: str | None) -> tuple[tuple[int, int | str], ...]:
    if not text:
        return _RELEASED
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in text.split("."))


def _intervals(text: str) -> list[Interval] | None:
    hyphen = re.fullmatch(r"(\S+)\s+-\s+(\S+)", text)
    if hyphen:
        text = f">={hyphen[1]} <={hyphen[2]}"
    words = re.sub(r"(~>|[~^=]|[<>]=?)\s+", r"\1", text).split()
    found = [_interval(word) for word in words]
    return None if None in found else [interval for interval in found if interval is not None]


def _interval(word: str) -> Interval | None:
    found = _PARTIAL.fullmatch(word)
    if not found:
        return None
    numbers: list[int] = []
    for name in ("major", "minor", "patch"):
        if found[name] is None or not found[name].isdigit():
            break
        numbers.append(int(found[name]))
    major, minor, patch, *_rest = *numbers, 0, 0, 0
    low: Key = (major, minor, patch, _prerelease(found["pre"]) if len(numbers) == 3 else ())
    below: Key = (major, minor, patch, low[3] if found["pre"] else ())
    # A full version is followed by nothing that can be written, a partial one by the next of its kind.
    beyond = _above(numbers, len(numbers)) if len(numbers) < 3 else (major, minor, patch, (*low[3], (3, 0)))
    first = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1) + 1
    intervals: dict[str, Interval] = {
        ">": (beyond or _NONE, None),
        ">=": (low, None),
        "<": (_LOWEST, below),
        "<=": (_LOWEST, beyond),
        "^": (low, _above(numbers, first)),
        "~": (low, _above(numbers, min(len(numbers), 2))),
        "=": (low, beyond),
    }
    return intervals[(found["op"] or "=").replace("~>", "~")]


def _above(numbers: list[int], fixed: int) -> Key | None:
    """The first version beyond all that share the first ``fixed`` numbers; ``None`` where nothing is fixed."""
    if not fixed or not numbers:
        return None
    kept = [*numbers[: fixed - 1], numbers[fixed - 1] + 1, 0, 0]
    return kept[0], kept[1], kept[2], ()
