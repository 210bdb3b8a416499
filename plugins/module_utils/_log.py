# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads what a process wrote to its error log since a point, and finds the lines that matter."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._scrub import scrub

_PER_READ = 1024 * 1024
_TAIL_BYTES = 32 * 1024
_LINE = 300
_UNPRINTABLE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Pattern:
    """A line that matters.

    :param rule: stable id.
    :param regex: searched in every new line.
    :param severity: ``critical`` refuses, ``warning`` is reported, ``hint`` only explains a refusal, ``ignore`` keeps
        the patterns after it from looking.
    """

    rule: str
    regex: re.Pattern[str]
    severity: str


@dataclass(frozen=True)
class Finding:
    """A line that a pattern was found in."""

    rule: str
    severity: str
    line: str


# PM2 may put its own timestamp before a line; nothing else may stand before an error that Node itself reports. What an
# application logs about an error it has caught ("could not parse: SyntaxError: ...") is thereby left alone.
_NODE = r"^(?:[\d/:.TZ+ -]{6,40}: )?"


# The most telling first.
SEVERITIES = ("critical", "warning", "hint")

_VARIABLE = r"(?:\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|(?i:\benv(?:ironment)? var))"
_LACKING = r"(?i:\bmissing|\brequired|\bundefined|\bnot (?:set|defined)|\bmust be set)"


def _node(rule: str, regex: str, severity: str = "critical") -> Pattern:
    return Pattern(rule, re.compile(_NODE + f"(?:{regex})"), severity)


BUILT_IN: tuple[Pattern, ...] = (
    _node("module_system", r"ReferenceError: \S+ is not defined in ES module scope"),
    _node("module_system", r"\w*Error \[ERR_REQUIRE_(?:CYCLE_MODULE|ESM)\]"),
    # What esbuild, and with it tsx, finds wrong.
    _node("syntax_error", r"\S+:\d+:\d+: ERROR: "),
    # A client's broken JSON, and expressions and numbers that users type, end as SyntaxError too, in Express's log.
    _node("syntax_error", r"SyntaxError: (?!.*(?:JSON|regular expression|BigInt))"),
    _node("module_missing", r"\w*Error \[ERR_MODULE_NOT_FOUND\]|Error: Cannot find module "),
    _node("unhandled_rejection", r"(?:\(node:\d+\) )?\[?UnhandledPromiseRejection(?:Warning)?\b"),
    _node("unhandled_rejection", r"\s*code: 'ERR_UNHANDLED_REJECTION'"),
    _node("address_in_use", r"(?:Error: )?(?:listen|bind) EADDRINUSE\b"),
    _node("out_of_memory", r"FATAL ERROR: .*heap out of memory|.*\[ERR_WORKER_OUT_OF_MEMORY\]"),
    Pattern("env_missing", re.compile(f"{_VARIABLE}.*{_LACKING}|{_LACKING}.*{_VARIABLE}"), "warning"),
    Pattern("connection_refused", re.compile(r"\bECONNREFUSED\b"), "warning"),
    _node("error", r"(?:Uncaught )?\w*(?:Error|Exception)(?: \[\w+\])?: ", "hint"),
)


def patterns_of(options: Iterable[dict[str, str]]) -> tuple[Pattern, ...]:
    """A user's patterns, which are asked first, and the built-in ones."""
    own = []
    for option in options:
        try:
            own.append(Pattern("log_pattern", re.compile(option["pattern"]), option["severity"]))
        except re.error as error:
            raise DeployError(
                "A log pattern is not a regular expression.",
                expected="a Python regular expression",
                seen=f"{option['pattern']!r}: {error}",
                remedy="Correct it; a literal dot or bracket needs a backslash.",
            ) from error
    return (*own, *BUILT_IN)


def find(lines: Iterable[str], patterns: Sequence[Pattern]) -> list[Finding]:
    """The lines that matter; the first pattern found in a line decides about it."""
    findings = []
    for line in map(clean, lines):
        pattern = next((pattern for pattern in patterns if pattern.regex.search(line)), None)
        if pattern and pattern.severity != "ignore":
            findings.append(Finding(pattern.rule, pattern.severity, line))
    return findings


def most_telling(findings: Iterable[Finding]) -> Finding | None:
    """The first of those with the gravest severity."""
    return min(findings, key=lambda found: SEVERITIES.index(found.severity), default=None)


def clean(text: str, *, limit: int = _LINE, secrets: Iterable[str] = ()) -> str:
    """``text`` fit to be shown: no terminal codes, no secrets (see :func:`scrub`), at most ``limit`` characters."""
    # A line may be as long as a log: what cannot be shown is not looked through either.
    shown = scrub(_UNPRINTABLE.sub("", text[: 8 * limit]), secrets=secrets).rstrip()
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


class ErrorLog:
    """A log that grows, may not exist yet, and may be rotated: cut, or renamed and begun anew.

    What was written to a renamed log before its writer let go of it is found there, as long as it lies beside the new
    one and is not compressed (logrotate's ``delaycompress``).

    :param start: bytes at which the part that matters begins; -1: at the present end.
    """

    def __init__(self, path: Path, *, start: int = -1) -> None:
        self.path = path
        self._start = size(path) if start < 0 else start
        self._position = self._start
        self._inode = _inode(path)

    @property
    def behind(self) -> int:
        """Bytes that have been written and not been read yet."""
        return max(size(self._place()) - self._position, 0)

    def skip(self, amount: int) -> None:
        """Leave out that many bytes, and the rest of the line they end in."""
        self._position += amount
        chunk = _read(self._place(), self._position, _PER_READ)
        self._position += chunk.find(b"\n") + 1

    def new_lines(self, *, limit: int = _PER_READ) -> list[str]:
        """The complete lines written since the last call, about ``limit`` bytes of them at a time."""
        self._notice_replacement()
        place = self._place()
        lines = self._lines_of(place, limit)
        # What was renamed is over when it has nothing more, and its writer has gone over to the new one.
        if not lines and place != self.path and size(self.path):
            rest = _read(place, self._position, limit).decode(errors="replace")
            self._begin_anew()
            lines = [*([rest] if rest else []), *self._lines_of(self.path, limit)]
        return lines

    def forget(self) -> None:
        """What was written until now does not matter any more."""
        self._start = self._position

    def tail(self, lines: int = 15) -> list[str]:
        """The last ``lines`` lines that matter, fit to be shown, blank ones left out."""
        self._notice_replacement()
        place = self._place()
        begin = max(self._start, size(place) - _TAIL_BYTES)
        text = _read(place, begin, _TAIL_BYTES).decode(errors="replace")
        shown = [clean(line) for line in text.splitlines()]
        return [line for line in shown if line][-lines:]

    def _lines_of(self, place: Path, limit: int) -> list[str]:
        chunk = _read(place, self._position, limit)
        end = chunk.rfind(b"\n") + 1
        if not end and len(chunk) == limit:
            end = len(chunk)
        self._position += end
        return chunk[:end].decode(errors="replace").splitlines()

    def _place(self) -> Path:
        """Where the log that is being read lies: at its path, or beside it under another name."""
        if self._inode is None:
            self._inode = _inode(self.path)
        if self._inode is None or _inode(self.path) == self._inode:
            return self.path
        return _beside(self.path, self._inode) or self.path

    def _notice_replacement(self) -> None:
        """Begin anew where the log was cut, or where another one lies in its place and it is gone."""
        place = self._place()
        present = _inode(place)
        if present is not None and (present != self._inode or size(place) < self._position):
            self._begin_anew()

    def _begin_anew(self) -> None:
        self._start = self._position = 0
        self._inode = _inode(self.path)


def size(path: Path) -> int:
    """Bytes in ``path``; 0 where there is no such file."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _beside(path: Path, inode: int) -> Path | None:
    """The file of that inode in the directory of ``path``."""
    try:
        with os.scandir(path.parent) as entries:
            return next((Path(entry.path) for entry in entries if entry.inode() == inode and entry.is_file()), None)
    except OSError:
        return None


def _read(path: Path, offset: int, limit: int) -> bytes:
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            return stream.read(limit)
    except OSError:
        return b""
