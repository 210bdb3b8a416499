# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on the environment: names of variables only, never a value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.nodeops.pm2.plugins.module_utils import _package
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, on, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._code import with_lines
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject

EXAMPLE = ".env.example"
_KEY = re.compile(
    r"^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=[ \t]*(\"(?:[^\"\\]|\\.)*\"|'[^']*'|`[^`]*`)?", re.MULTILINE
)
_ON = re.compile(
    r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=[ \t]*[\"']?(?:1|on|true|yes)[\"']?\s*(?:#.*)?$", re.MULTILINE | re.IGNORECASE
)
_TEMPLATES = (".example", ".sample", ".template", ".dist")


def env_keys(text: str) -> dict[str, int]:
    """The names that a file of variables sets, and their lines; a quoted value may go over several."""
    found: dict[str, int] = {}
    for match, line in with_lines(_KEY, text, 1):
        found.setdefault(match[1], line)
    return found


def switched_on(text: str) -> frozenset[str]:
    """The names that a file of variables gives a value that says yes; the values stay here."""
    return frozenset(found[1] for found in _ON.finditer(text))


@rule(
    ERROR,
    protects="The app starts without a setting that it says it needs, and dies or does the wrong thing.",
    remedy="Add them to bluegreen_env_file or bluegreen_env; comment out in .env.example what is optional.",
)
def env_keys_missing(subject: Subject) -> Iterator[Finding]:
    """A key of .env.example is set nowhere."""
    tree, host = subject.tree, subject.host
    wanted = env_keys(tree.text(EXAMPLE))
    given = set(subject.entry.env) | host.env_keys
    given |= (host.env_file.keys if host.env_file else None) or set()
    for path in tree.files:
        if "/" not in path and (path == ".env" or path.startswith(".env.")) and not path.endswith(_TEMPLATES):
            given |= env_keys(tree.text(path)).keys()
    missing = [key for key in wanted if key not in given]
    if missing:
        # The names are evidence enough: a line of the example may hold what should not be shown.
        evidence = tuple(Evidence(EXAMPLE, wanted[key], key) for key in missing)
        yield Finding(f"{len(missing)} of the {len(wanted)} keys in {EXAMPLE} are set nowhere.", evidence)


@rule(
    ERROR,
    protects="Node.js does not start when the file of its --env-file is missing.",
    remedy="Put the file there with mode 0600, or correct bluegreen_env_file.",
)
def env_file_missing(subject: Subject) -> Iterator[Finding]:
    """The env file that is named does not exist."""
    optional = any(argument.startswith("--env-file-if-exists") for argument in subject.entry.node_args)
    if subject.env_file and subject.host.env_file is None and not optional:
        yield Finding(f"There is no env file {subject.env_file}.", (Evidence(subject.env_file),))


@rule(
    ERROR,
    protects="Secrets must be readable by the app's own user and by nobody else.",
    remedy="chown it to the deploy user and chmod it to 0600.",
)
def env_file_readable(subject: Subject) -> Iterator[Finding]:
    """The env file cannot be read, is another user's, or is open to others."""
    file = subject.host.env_file
    if file is None:
        return
    evidence = (Evidence(file.path),)
    if file.uid != subject.host.uid:
        yield Finding(f"The env file belongs to uid {file.uid}, not to the deploy user ({subject.host.uid}).", evidence)
    if file.mode & ~0o600:
        yield Finding(f"The env file has mode {file.mode:04o}, wider than 0600.", evidence)
    if file.keys is None:
        yield Finding("The env file cannot be read by the deploy user.", evidence)


@rule(
    WARNING,
    protects="Without NODE_ENV=production frameworks run in development: slow, with stack traces in answers.",
    remedy="Set NODE_ENV in bluegreen_env or in the env file.",
)
def node_env_unset(subject: Subject) -> Iterator[Finding]:
    """NODE_ENV is set by nothing that is known here."""
    entry = subject.entry
    if entry.node and (entry.env or entry.name) and "NODE_ENV" not in subject.variables:
        yield Finding("NODE_ENV is not set.")


@rule(
    WARNING,
    protects="Errors that an app catches, and that nobody is told of, are found by users first.",
    remedy="Set SENTRY_ENABLED: true (and SENTRY_DSN) in bluegreen_env, or drop the dependency.",
)
def sentry_disabled(subject: Subject) -> Iterator[Finding]:
    """A package of Sentry is a dependency, and SENTRY_ENABLED is not true."""
    tree = subject.tree
    home = tree.package_of(subject.entry.script)
    for manifest in dict.fromkeys(("package.json", f"{home}/package.json" if home else "package.json")):
        wanted = _package.dependencies(tree.json(manifest), "dependencies", "optionalDependencies")
        name = next((name for name in wanted if name.startswith("@sentry/")), "")
        if name and "SENTRY_ENABLED" not in subject.entry.env_on | subject.host.env_on:
            line = _package.line_of_value(tree.text(manifest), name, wanted[name])
            yield Finding(f"{name} is a dependency, and SENTRY_ENABLED is not true.", (on(tree, manifest, line),))
