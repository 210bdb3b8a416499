# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on ecosystem files that lie in the release: the deploy writes its own, and two that differ are one too many."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.nodeops.pm2.plugins.module_utils import _ecosystem_limits, _started
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_file import App, EcosystemFile
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_launch import Launch, launch
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._shell import Command
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject

# PM2's own, which count a crash only when the app lived less than a second.
_DEFAULTS = {"max_restarts": 16, "min_uptime": 1000}
_PLAIN_NAME = re.compile(r"[\w@./:-]{1,80}")


@rule(
    WARNING,
    protects="An ecosystem file that cannot be evaluated cannot be compared with what is deployed.",
    remedy="Correct the file, or take it out of the repository: the deploy writes its own.",
)
def ecosystem_unreadable(subject: Subject) -> Iterator[Finding]:
    """An ecosystem file of the release throws, loops, takes too much memory, or names no app."""
    for file in subject.ecosystems:
        if file.error:
            # No text of the line and no message of the error: either may hold a secret.
            yield Finding(f"{file.path} cannot be evaluated: {file.error}.", (Evidence(file.path, file.line),))


@rule(
    ERROR,
    protects="Whoever starts PM2 by the file in the repository starts another app than was checked and gated.",
    remedy="Correct the file or the options of the deploy, or take the file out of the repository.",
)
def ecosystem_differs(subject: Subject) -> Iterator[Finding]:
    """An ecosystem file of the release disagrees with what is deployed.

    Another script or another loader is an error; another name, port, mode, limits, arguments or variables a warning.
    The file is evaluated by Node.js in a sandbox; values of variables are neither compared nor shown.
    """
    for file in subject.ecosystems:
        app = _meant(subject, file)
        if app:
            yield from _compare(subject, file, app)
        elif file.apps:
            said = f"None of the {len(file.apps)} apps in {file.path} is the one that is deployed."
            yield Finding(said, (Evidence(file.path),), WARNING)


@rule(
    WARNING,
    protects="Restart limits that cannot fire let a crash loop run for hours under the name of online.",
    remedy="Set max_restarts: 3 and min_uptime: '10s', without exp_backoff_restart_delay and restart_delay.",
)
def ecosystem_limits(subject: Subject) -> Iterator[Finding]:
    """The restart limits in an ecosystem file of the release would never stop a crash loop."""
    for file in subject.ecosystems:
        for app in filter(None, [_meant(subject, file)]):
            try:
                _ecosystem_limits.restart_limits(
                    {**_DEFAULTS, **{key: app.options[key] for key in _LIMITS & app.options.keys()}}
                )
            except DeployError as error:
                yield Finding(f"{file.path}: {error.what} It has {error.seen}.", (Evidence(file.path),))


_LIMITS = {"max_restarts", "min_uptime", "restart_delay", "exp_backoff_restart_delay", "kill_timeout"}


def _meant(subject: Subject, file: EcosystemFile) -> App | None:
    """The app of a file that is the deployed one: by its name, by its script, or because it is the only one."""
    by_name = [app for app in file.apps if app.name in subject.names]
    by_script = [app for app in file.apps if _runs_entry(subject, file, app)]
    return next(iter([*by_name, *by_script, *(file.apps if len(file.apps) == 1 else ())]), None)


def _compare(subject: Subject, file: EcosystemFile, app: App) -> Iterator[Finding]:
    here = (Evidence(file.path),)
    severe = _other_start(subject, file, app)
    if severe:
        yield Finding(f"{file.path} {severe}, and the deploy runs {_deployed(subject)}.", here, ERROR)
    milder = [
        _other_name(subject, app),
        _other_port(subject, app),
        _other_mode(subject, app),
        *_other_limits(subject, app),
        "" if severe else _other_args(subject, app),
        _other_variables(subject, app),
    ]
    said = [difference for difference in milder if difference]
    if said:
        yield Finding(f"{file.path} differs from what is deployed: {'; '.join(said)}.", here, WARNING)


def _launch(app: App) -> Launch | None:
    """How the app is started, wrappers taken off; ``None`` where it is not by a file."""
    options = app.options
    try:
        return launch(
            script=options.get("script") or "",
            interpreter=options.get("exec_interpreter") or "",
            node_args=options.get("node_args") or [],
            args=options.get("args") or [],
        )
    except DeployError:
        return None


def _script(subject: Subject, file: EcosystemFile, app: App) -> str:
    """The file that is started, by npm as well; empty where that cannot be told."""
    found = _launch(app)
    if found:
        return found.script
    words = f"{app.options.get('script', '')} {_text(app.options.get('args'))}".split()
    below = subject.tree.package_of(file.path)
    if words and words[0] in ("npm", "yarn", "pnpm"):
        command = Command(0, "pm2", ("start", *words))
        return next((start.file for start in _started.of_pm2(subject.tree, below, command)), "")
    return ""


def _runs_entry(subject: Subject, file: EcosystemFile, app: App) -> bool:
    script = _script(subject, file, app)
    below = subject.tree.package_of(file.path)
    return bool(script) and _started.same_file(subject.tree, script, below, subject.entry.script)


def _other_start(subject: Subject, file: EcosystemFile, app: App) -> str:
    """What is wrong with how it starts; empty where nothing is."""
    script, start = _script(subject, file, app), _launch(app)
    if not script:
        return "" if not app.options.get("script") else "starts the app in a way that PM2 cannot watch"
    if not _runs_entry(subject, file, app):
        return f"runs {script}" if _PLAIN_NAME.fullmatch(script) else "runs another script"
    if start and subject.entry.node and start.is_node and start.tsx != bool(subject.entry.loader):
        return "loads it with tsx" if start.tsx else "loads it without tsx"
    return ""


def _other_name(subject: Subject, app: App) -> str:
    if not app.name or not subject.names or app.name in subject.names:
        return ""
    shown = app.name if _PLAIN_NAME.fullmatch(app.name) else "something else"
    return f"its name is {shown}, not {subject.names[0]}"


def _other_port(subject: Subject, app: App) -> str:
    ports = [slot.address.rpartition(":")[2] for slot in subject.slots if not slot.address.startswith("unix:")]
    return f"its PORT is {app.port}, not {' or '.join(ports)}" if app.port and ports and app.port not in ports else ""


def _other_mode(subject: Subject, app: App) -> str:
    mode = str(app.options.get("exec_mode") or "").replace("_mode", "")
    return f"its exec_mode is {mode}" if mode in ("fork", "cluster") and mode != subject.entry.exec_mode else ""


def _other_limits(subject: Subject, app: App) -> Iterator[str]:
    for name in ("max_restarts", "min_uptime", "restart_delay"):
        deployed, given = getattr(subject.entry, name), app.options.get(name)
        if given is None or not subject.entry.max_restarts:
            continue
        try:
            there = _ecosystem_limits.milliseconds(name, given)
        except DeployError:
            there = -1
        if there != deployed:
            yield f"its {name} is {there if there >= 0 else 'none that PM2 can read'}, not {deployed}"


def _other_args(subject: Subject, app: App) -> str:
    """Only that they differ: arguments may be secrets, and those of the deploy may name the slot."""
    start = _launch(app)
    there, here = (start.args if start else ()), subject.entry.args
    own = {part for slot in subject.slots for part in (slot.name, slot.address.rpartition(":")[2])}
    same = len(there) == len(here) and all(
        a == b or a == str(subject.root) or any(part in b for part in own) for a, b in zip(there, here)
    )
    return "" if same else "its arguments are others"


def _other_variables(subject: Subject, app: App) -> str:
    missing = sorted(name for name in app.env - subject.variables if _PLAIN_NAME.fullmatch(name))
    return f"it sets {', '.join(missing[:10])}, which the deploy does not" if missing else ""


def _deployed(subject: Subject) -> str:
    return f"{subject.entry.script} with {subject.entry.loader}" if subject.entry.loader else subject.entry.script


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
