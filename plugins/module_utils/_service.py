# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard as a process: starts, says that it is there, runs until it is told to end, and lets itself be watched."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _begin,
    _channels,
    _detach,
    _guard_settings,
    _lock,
    _notice,
    _notify,
    _phases,
    _registry,
    _state,
    _wait,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import CRITICAL, INFO, WARNING, Channel
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._guard import Guard
from ansible_collections.nodeops.pm2.plugins.module_utils._herald import Herald
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import Notice
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import NONE, Secret, read_secret
from ansible_collections.nodeops.pm2.plugins.module_utils._vigil import GUARD

_LOG = logging.getLogger("bluegreen")
# A turn takes a quarter of a second; what is done about an app may use up each of the road's patiences.
_PATIENCE = 15.0
_LONGEST_TURN, _LONGEST_ACT = 20.0, 600.0
_REFUSED = 1.0  # seconds
_AGAIN = "It tries again every second."


def start(settings_path: Path, environment: Mapping[str, str], *, log: Path) -> bool:
    """Have a guard run in the background, where no service manager does it; ``False`` where the same one runs already.

    :raises DeployError: when it does not come up; ``log`` tells why.
    """
    directory = _guard_settings.load(settings_path).directory
    wanted = version(settings_path)
    there = _registry.present(directory)
    if there is not None and there.alive and there.version == wanted:
        return False
    stop(directory)
    _detach.detach(lambda: run(settings_path, environment), log=log)
    if not _wait.until(lambda: _is_up(directory, wanted), _PATIENCE):
        raise DeployError(
            "The guard does not start.",
            expected=f"a process that watches, within {_PATIENCE:g} s",
            where=str(log),
            remedy="Look at the end of that file.",
        )
    return True


def stop(directory: Path) -> bool:
    """End the guard that runs; ``False`` where none does."""
    there = _registry.present(directory)
    if there is None or not there.alive:
        return False
    os.kill(there.owner.pid, signal.SIGTERM)
    if not _wait.until(lambda: not there.alive, _PATIENCE):
        os.kill(there.owner.pid, signal.SIGKILL)
    return True


def version(settings_path: Path) -> str:
    """What tells one guard from another: the program, its settings and, where they can be read, its credentials."""
    digest = hashlib.sha256()
    for path in (settings_path, Path(sys.argv[0]), *sorted(settings_path.parent.glob("credentials/*"))):
        with contextlib.suppress(OSError):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def run(settings_path: Path, environment: Mapping[str, str]) -> int:
    """Watch until SIGTERM or SIGINT; the exit code.

    :raises DeployError: when there are no settings, or another guard runs on the same directory.
    """
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    settings = _guard_settings.load(settings_path)
    _refuse_second(settings.directory)
    channels, problems = _channels.channels_of(settings.channels, environment)
    heartbeat = _heartbeat_of(settings, environment, problems)
    herald = Herald(
        settings.directory,
        channels,
        least=settings.least,
        heartbeat=heartbeat,
        interval=settings.heartbeat_interval,
    )
    guard = Guard(settings, herald, host=_guard_settings.host_name())
    _announce(settings.directory, guard, channels, problems, version=version(settings_path))
    _recover(settings.directory, guard)
    herald.start()
    _watch(guard, herald, _notify.Notifier(environment))
    return 0


def _watch(guard: Guard, herald: Herald, notifier: _notify.Notifier) -> None:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    pulse = _Pulse(guard, notifier)
    pulse.start()
    said = ""
    notifier.tell(_notify.READY, _notify.status("watching"))
    try:
        while not ended.is_set():
            pulse.turned = time.monotonic()
            said = _turn(guard, herald, said)
    finally:
        notifier.tell(_notify.STOPPING)
        guard.close()
        herald.stop()


def _turn(guard: Guard, herald: Herald, said: str) -> str:
    """One turn; what the host refuses, such as a write to a full disk, is told once and must not end the watch.

    :param said: what was refused at the turn before; that of this one is returned, ``''`` where nothing was.
    """
    try:
        guard.turn()
    except OSError as error:
        refused = str(error)
        herald.feel(good=False, critical=herald.is_critical)
        if refused != said:
            _LOG.error("%s", refused)
            notice = Notice("guard_blind", WARNING, "guard", guard.host, seen=(refused,), done=_AGAIN)
            with contextlib.suppress(OSError):
                herald.tell(notice)
        time.sleep(_REFUSED)
        return refused
    return ""


class _Pulse(threading.Thread):
    """Tells the service manager that the loop turns, or that it has not been doing something for all too long."""

    def __init__(self, guard: Guard, notifier: _notify.Notifier) -> None:
        super().__init__(name="pulse", daemon=True)
        self.turned = time.monotonic()
        self._guard, self._notifier = guard, notifier

    def run(self) -> None:
        """For ever; the process ends without it."""
        while self._notifier.beat:
            now, acting = time.monotonic(), self._guard.acting
            if (now - acting < _LONGEST_ACT) if acting else (now - self.turned < _LONGEST_TURN):
                self._notifier.tell(_notify.WATCHDOG)
            time.sleep(self._notifier.beat)


def _is_up(directory: Path, wanted: str) -> bool:
    there = _registry.present(directory)
    return there is not None and there.alive and there.version == wanted


def _announce(
    directory: Path, guard: Guard, channels: Sequence[Channel], problems: Sequence[DeployError], *, version: str
) -> None:
    """Say that it runs, to deploys and to people; and what it cannot do."""
    owner = _lock.this_process(guard.by, "watching")
    told = tuple(str(problem) for problem in problems)
    _registry.announce(directory, _registry.Presence(owner, tuple(one.name for one in channels), told, version))
    for problem in problems:
        _LOG.error("%s", problem)
    kind, severity = ("guard_blind", WARNING) if problems else ("guard_started", INFO)
    apps = len(_registry.apps(directory))
    done = "It goes on with what it can." if problems else f"It watches {apps} app{'' if apps == 1 else 's'}."
    look = "systemctl status bluegreen-guard"
    guard.herald.tell(Notice(kind, severity, "guard", guard.host, seen=told, done=done, look=look))


def _heartbeat_of(
    settings: _guard_settings.Settings, environment: Mapping[str, str], problems: list[DeployError]
) -> Secret:
    try:
        return read_secret(settings.heartbeat, environment) if settings.heartbeat else NONE
    except DeployError as error:
        problems.append(error)
        return NONE


def _refuse_second(directory: Path) -> None:
    """Two guards would do everything twice."""
    for part in ("apps", "refused", "spool"):
        (directory / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    there = _registry.present(directory)
    if there is not None and there.alive and there.owner.pid != os.getpid():
        raise DeployError(
            "A guard runs already.",
            expected="none for this directory",
            seen=f"pid {there.owner.pid}",
            where=str(directory),
            remedy="Stop it first, or give this one a directory of its own.",
        )


def _recover(directory: Path, guard: Guard) -> None:
    """Finish or undo what a guard before this one was doing when it died, and tell what came of it."""
    owner = _lock.this_process(guard.by, "tidying up")
    for app, root in _registry.apps(directory).items():
        layout, course = Layout(root), _phases.Course()
        lease = _lock.held(layout.lock) if root.is_dir() else None
        if lease is None or not lease.owner.who.startswith(GUARD) or _lock.is_alive(lease.owner):
            continue
        try:
            _begin.take_lock(layout, _begin.Claim(owner), course)
            try:
                changed = _begin.tidy_up(layout, by=guard.by, course=course)
            finally:
                _begin.give_back(layout, course)
            if changed:
                _tell_recovered(guard, app, layout, seen=course.found)
        except (DeployError, OSError) as error:
            _LOG.error("%s", error)
            _tell_recovered(guard, app, layout, seen=course.found, failed=str(error))


def _tell_recovered(guard: Guard, app: str, layout: Layout, *, seen: Sequence[str], failed: str = "") -> None:
    """A guard that was killed could not tell it itself."""
    kind, severity, todo = "recovered", WARNING, ""
    done = "What a guard had begun before it died was finished or undone."
    if failed:
        kind, severity, done = "not_done", CRITICAL, f"{done[:-1]} only in part: {failed}"
        if _lock.frozen(layout.root):
            kind, todo = "frozen", _notice.way_on(app)
    else:
        guard.herald.did(app, done)
    look = _notice.closer(app)
    about = Notice(kind, severity, app, guard.host, seen=tuple(seen), done=done, todo=todo, look=look)
    with contextlib.suppress(OSError):
        about = replace(about, live=_state.place(layout))
    guard.herald.tell(about)
