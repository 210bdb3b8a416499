# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The engine of the static checks: what a rule is, what it finds, and how findings are told.

A new rule is one function with the decorator :func:`rule` in one of the ``_rules_*`` files, and its test.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._code import line_of
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

ERROR, WARNING = "error", "warning"
LONGEST_RULE = 30.0  # seconds; on twenty thousand files the slowest takes two


@dataclass(frozen=True)
class Evidence:
    """What can be looked at: a file of the release or of the host, a line from 1 (0: the file as a whole), its text."""

    file: str
    line: int = 0
    text: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.text}" if self.text else place


@dataclass(frozen=True)
class Finding:
    """What a rule has to say. The engine adds what the rule leaves empty: its id, severity and remedy."""

    message: str
    evidence: tuple[Evidence, ...] = ()
    severity: str = ""
    remedy: str = ""
    rule: str = ""

    def __str__(self) -> str:
        lines = [f"[{self.rule}] {self.message}", *(f"    {item}" for item in self.evidence)]
        way_past = f"bluegreen_check_skip: [{self.rule}], or with a reason and an end a waiver in bluegreen_waivers"
        return "\n".join([*lines, f"    do: {self.remedy}", f"    or: {way_past}"])


@dataclass(frozen=True)
class Rule:
    """A named check.

    :param id: what users write into ``bluegreen_check_skip``.
    :param severity: ``error`` stops a deploy, ``warning`` is only shown; a finding may be milder than its rule.
    :param protects: one sentence, what goes wrong without it.
    :param remedy: what to do about a finding that does not say it itself.
    """

    id: str
    severity: str
    protects: str
    remedy: str
    inspect: Callable[[Subject], Iterable[Finding]]

    def __call__(self, subject: Subject) -> list[Finding]:
        """The complete findings; a rule that breaks says that it is the rule, and how to go on without it."""
        try:
            with _at_most(LONGEST_RULE):
                found = list(self.inspect(subject))
        except Exception as error:  # whatever it is, a person has to be told how to go on
            raise DeployError(
                f"The rule {self.id} itself broke on this release.",
                seen=f"{type(error).__name__}: {error}",
                where=str(subject.tree.root),
                remedy=f"Report it, and deploy with bluegreen_check_skip: [{self.id}].",
            ) from error
        return [
            replace(
                item,
                rule=self.id,
                severity=item.severity or self.severity,
                remedy=item.remedy or self.remedy,
                message=plain(item.message),
                evidence=tuple(Evidence(plain(one.file), one.line, plain(one.text)) for one in item.evidence),
            )
            for item in found
        ]


class _TookTooLong(Exception):
    """A rule did not end in time."""


def plain(text: str) -> str:
    """``text`` fit for a terminal and for JSON: bytes that are not UTF-8 and control characters are written out."""
    text = text.replace("\t", " ")
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def rule(severity: str, *, protects: str, remedy: str) -> Callable[[Callable[[Subject], Iterable[Finding]]], Rule]:
    """Make a function from a subject to findings a :class:`Rule` that is called like it."""
    return lambda inspect: Rule(inspect.__name__, severity, protects, remedy, inspect)


def refuse_unknown(skip: Sequence[str], rules: Sequence[Rule]) -> None:
    """Raise :class:`DeployError` where ``skip`` names no rule: a typing error must not switch a protection off."""
    known = [item.id for item in rules]
    unknown = sorted(set(skip) - set(known))
    if unknown:
        raise DeployError(
            "bluegreen_check_skip names a rule that does not exist.",
            expected=", ".join(sorted(known)),
            seen=", ".join(unknown),
            remedy="Correct or remove the name.",
        )


def run(subject: Subject, rules: Sequence[Rule], *, skip: Sequence[str] = ()) -> list[Finding]:
    """What all ``rules`` but the skipped ones find, errors first, otherwise in the order of the rules."""
    found = [finding for item in rules if item.id not in skip for finding in item(subject)]
    return sorted(found, key=lambda finding: finding.severity != ERROR)


def as_results(findings: Sequence[Finding], skipped: Sequence[str]) -> dict[str, Any]:
    """Findings in the types a module returns."""
    severities = [finding.severity for finding in findings]
    return {
        "findings": [
            {**asdict(finding), "evidence": [asdict(item) for item in finding.evidence]} for finding in findings
        ],
        "passed_over": sorted(set(skipped)),
        "counts": {ERROR: severities.count(ERROR), WARNING: severities.count(WARNING), "skipped": len(set(skipped))},
    }


def refusal(findings: Sequence[Finding], skipped: Sequence[str]) -> DeployError:
    """The error that shows every finding of severity ``error`` as a person reads it."""
    errors = [finding for finding in findings if finding.severity == ERROR]
    title = "The check refuses this release: 1 error." if len(errors) == 1 else ""
    title = title or f"The check refuses this release: {len(errors)} errors."
    return DeployError("\n\n".join([title, *map(str, errors)]), facts=as_results(findings, skipped))


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Have what runs longer end with an error; a pattern that has gone astray as well."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only there can a signal be heard
        return

    def stop(*_signal: object) -> None:
        raise _TookTooLong(f"it did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def at(tree: Tree, path: str, offset: int) -> Evidence:
    """Evidence of the line that ``offset`` in a file of the release lies on."""
    number = line_of(tree.text(path), offset)
    return Evidence(path, number, tree.line(path, number))


def on(tree: Tree, path: str, number: int) -> Evidence:
    """Evidence of one line of a file of the release."""
    return Evidence(path, number, tree.line(path, number))
