# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on secrets that were committed: names and places only, never a value."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from ansible_collections.nodeops.pm2.plugins.module_utils import _secrets, _sweep
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._secrets import Form
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject

_SHOWN = 10  # pieces of evidence


@rule(
    ERROR,
    protects="A secret in an artifact lies in every copy of it, on every host, and in the history of the repository.",
    remedy="Take the file out of the repository, change the secrets, and put them into shared/ (bluegreen_env_file).",
)
def env_committed(subject: Subject) -> Iterator[Finding]:
    """A file of environment variables in the release gives values to what is secret by its name.

    Examples and templates may; so may values that are plainly made up. Other values are a warning.
    """
    secrets: list[Evidence] = []
    others: list[Evidence] = []
    for path in subject.tree.files:
        if _secrets.env_file_of_secrets(path) and not _secrets.in_tests(path):
            secret, other = _secrets.values(subject.tree.text(path))
            secrets += [Evidence(path, line, name) for name, line in secret.items()]
            others += [Evidence(path, line, name) for name, line in other.items()]
    for said, evidence, severity in (
        ("gives values to variables that are secrets by their names", secrets, ERROR),
        ("is part of the release, and gives values to variables", others, WARNING),
    ):
        files = list(dict.fromkeys(item.file for item in evidence))
        if files and not (severity == WARNING and secrets):
            more = f" (so do {len(files) - 1} others)" if len(files) > 1 else ""
            yield Finding(f"{files[0]} {said}{more}.", tuple(evidence[:_SHOWN]), severity)


@rule(
    ERROR,
    protects="Whoever has the artifact has the private key, and is whom it stands for.",
    remedy="Take it out of the repository, make a new one, and put that into shared/ (bluegreen_shared_files).",
)
def private_key_committed(subject: Subject) -> Iterator[Finding]:
    """A private key in the release, by itself or in a text; one among material of tests is a warning."""
    yield from _found(subject, _secrets.PRIVATE_KEY)


@rule(
    ERROR,
    protects="Whoever has the artifact can use the account that the token belongs to.",
    remedy="Revoke the token, and give the new one to the app by its environment.",
)
def token_committed(subject: Subject) -> Iterator[Finding]:
    """Text in the release that has the form of a well-known service's token.

    A warning where it is among material of tests, where keys of that form may be public, and where not all was read.
    """
    for form in _secrets.TOKENS:
        yield from _found(subject, form)
    swept = _sweep.of(subject)
    if not swept.complete:
        said = f"Only the first {swept.read >> 20} MiB of the release were searched for keys and tokens."
        yield Finding(said, (), WARNING, "Pack only what the app needs at run time.")


def _found(subject: Subject, form: Form) -> Iterator[Finding]:
    by_severity: dict[str, list[Evidence]] = {}
    for path in _sweep.paths(_sweep.of(subject), form.words):
        severity = ERROR if form.grave and not _secrets.in_tests(path) else WARNING
        lines = islice(_secrets.found(form, subject.tree.read(path, _sweep.MOST_OF_ONE)), _SHOWN)
        by_severity.setdefault(severity, []).extend(Evidence(path, line) for line in lines)
    for severity, evidence in by_severity.items():
        if evidence:
            files = ", ".join(dict.fromkeys(item.file for item in evidence[:_SHOWN]))
            yield Finding(f"There is {form.what} in {files}.", tuple(evidence[:_SHOWN]), severity)
