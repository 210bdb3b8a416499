# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on the other ways to deploy the app that lie in its sources: scripts, pipelines, images, makefiles.

After the incident two scripts still ran the build that nobody needed any more: the next deploy by either would have
planted the same bomb again.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ansible_collections.nodeops.pm2.plugins.module_utils import _outputs, _started
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, on, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._scripts import DOCKER, IMAGE, NPM, Script, scripts
from ansible_collections.nodeops.pm2.plugins.module_utils._shell import Command
from ansible_collections.nodeops.pm2.plugins.module_utils._started import Start
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject

_SHIPS = frozenset({"pm2", "pm2-runtime", "rsync", "scp", "sftp", "ssh", "systemctl", "lftp"})
_COPIES = frozenset({"cp", "mv", "rsync", "scp", "ln", "tar", "install"})
_HOMES_OF_IMAGES = ("", "docker", ".docker", "deploy", "infra")
_DEPLOYS = re.compile(r"deploy|release|publish|ship|roll-?out|restart|update|^(pre|post)?start$", re.IGNORECASE)


@rule(
    ERROR,
    protects="A deploy script that still builds or copies what the app does not run plants a stale build again.",
    remedy="Take the step out of the script, or the whole script out of the repository.",
)
def deploy_builds_unused(subject: Subject) -> Iterator[Finding]:
    """A script that deploys builds or copies compiled output that the entry does not run.

    An error where the script also starts PM2, or copies that output; a warning where it only builds it, and in an
    image, which runs somewhere else. A build that no script of a deploy calls is nobody's business.
    """
    home = subject.tree.package_of(subject.entry.script)
    used = _outputs.used(subject.tree, subject.entry)
    for script in scripts(subject.tree, home):
        if not _deploys(script):
            continue
        built = [(command, out) for command, out in _written(subject, script, home) if out not in used]
        unused = {out for out in _outputs.of_scripts(subject.tree, home) if out not in used}
        copied = [(command, out) for command in script.commands for out in _copied(command, unused)]
        if built or copied:
            yield _unused(subject, script, built, copied)


@rule(
    ERROR,
    protects="PM2 started by another entry, name or limit is another app than the one that was checked and gated.",
    remedy="Deploy by this collection alone, and take the command out; or correct whichever of the two is wrong.",
)
def deploy_starts_otherwise(subject: Subject) -> Iterator[Finding]:
    """A script starts PM2 by another entry, another name or another limit than the deploy.

    The entry is an error, the rest a warning; so is an ``npm start``, a Procfile or an image that runs another file.
    """
    home = subject.tree.package_of(subject.entry.script)
    for script in scripts(subject.tree, home):
        # The image of another part of the repository starts that part.
        elsewhere = script.kind == IMAGE and posixpath.dirname(script.path) not in (home, *_HOMES_OF_IMAGES)
        for command in () if elsewhere else script.commands:
            for start in _started.starts(subject.tree, script, command):
                yield from _compare(subject, script, start)


def _deploys(script: Script) -> bool:
    if script.kind == DOCKER or any(command.program in _SHIPS for command in script.commands):
        return True
    return _DEPLOYS.search(script.name if script.kind == NPM else posixpath.basename(script.path)) is not None


def _written(subject: Subject, script: Script, home: str) -> list[tuple[Command, str]]:
    """What the script builds of the entry's own package, and of the release as a whole."""
    places = [script.below] if script.kind == NPM else sorted({"", home})
    found = [item for place in places for item in _outputs.written(subject.tree, script.commands, place)]
    return [item for item in found if subject.tree.package_of(item[1] + "/x") == home or not home]


def _copied(command: Command, unused: set[str]) -> list[str]:
    if command.program not in _COPIES:
        return []
    words = (re.sub(r"^(\./|/app/|/usr/src/app/|/build/)", "", word.rpartition(":")[2]) for word in command.args)
    first = {word.rstrip("/*") for word in words if not word.startswith("-")}
    return sorted(out for out in unused if any(f"{word}/".startswith(f"{out}/") for word in first))


def _unused(
    subject: Subject, script: Script, built: list[tuple[Command, str]], copied: list[tuple[Command, str]]
) -> Finding:
    outputs = ", ".join(sorted({f"{out}/" for _command, out in [*built, *copied]}))
    does = " and ".join(word for word, found in (("builds", built), ("copies", copied)) if found)
    starts = any(command.program in ("pm2", "pm2-runtime") for command in script.commands)
    severe = (starts or copied) and script.kind != DOCKER
    lines = dict.fromkeys(command.line for command, _out in [*built, *copied])
    evidence = tuple(_line(subject, script, line) for line in lines)
    message = f"{script} still {does} {outputs}, which {subject.entry.script} does not run."
    return Finding(message, evidence, ERROR if severe else WARNING)


def _compare(subject: Subject, script: Script, start: Start) -> Iterator[Finding]:
    entry, evidence = subject.entry, (_line(subject, script, start.line),)
    if start.file and not _started.same_file(subject.tree, start.file, script.below, entry.script):
        severity = ERROR if start.by_pm2 else WARNING
        by = "starts PM2 with" if start.by_pm2 else "runs"
        yield Finding(f"{script} {by} {start.file}, and the deploy runs {entry.script}.", evidence, severity)
    if start.name and subject.names and start.name not in subject.names:
        said = f"{script} calls the process {start.name}, and the deploy calls it {', '.join(subject.names)}."
        yield Finding(said, evidence, WARNING)
    limit = entry.max_restarts
    if start.max_restarts and limit and start.max_restarts != str(limit):
        said = f"{script} sets max_restarts to {start.max_restarts}, and the deploy to {limit}."
        yield Finding(said, evidence, WARNING)


def _line(subject: Subject, script: Script, line: int) -> Evidence:
    """Where it stands; its text only where no secret is likely to: not where a variable or a user is given."""
    found = on(subject.tree, script.path, line)
    risky = re.search(r"://[^/\s]*@|(?i:token|secret|passw|api_?key)", found.text)
    return Evidence(found.file, found.line) if risky else found
