# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The guard's settings, as the role writes them; and what an app says of itself that differs."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.nodeops.pm2.plugins.module_utils import _heartbeat, _judgement, _log, _registry, _windows
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json
from ansible_collections.nodeops.pm2.plugins.module_utils._log import Pattern
from ansible_collections.nodeops.pm2.plugins.module_utils._windows import Window

_ACTIONS = (_judgement.QUENCH, _judgement.KEEP_TRYING)
_OF_AN_APP = ("bake", "probes", "interval", "loop", "hang", "windows", "log_patterns")


@dataclass(frozen=True)
class Watch:
    """How one app is watched.

    :param interval: seconds between two health questions.
    :param windows: how many crashes are too many.
    :param patterns: lines of its error log that matter.
    """

    policy: _judgement.Policy = field(default_factory=_judgement.Policy)
    interval: float = 5.0
    windows: tuple[Window, ...] = _windows.WINDOWS
    patterns: Sequence[Pattern] = _log.BUILT_IN


@dataclass(frozen=True)
class Settings:
    """All of it.

    :param directory: where the apps are listed, and what the guard remembers lies.
    :param channels: see :func:`_channels.channels_of`.
    :param heartbeat: name of the credential with the address of the dead man's switch; ``''``: there is none.
    :param least: gravest severity that no chat is told of any more is the one below it: ``INFO``, ``WARNING`` ...
    :param daemon_grace: seconds that others, such as a unit of its own, have to bring PM2's daemon back.
    """

    directory: Path = _registry.DIRECTORY
    channels: Mapping[str, Any] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)
    heartbeat: str = ""
    heartbeat_interval: float = _heartbeat.INTERVAL
    least: str = "INFO"
    daemon_grace: float = 75.0


def load(path: Path) -> Settings:
    """The settings in a file; refuses those that make no sense."""
    raw = read_json(path)
    if not isinstance(raw, dict):
        raise DeployError(
            "The guard has no settings.",
            expected="the file that the role guard writes",
            seen="none that can be read as JSON",
            where=str(path),
            remedy="Play the role guard, or name the file with --settings.",
        )
    return Settings(
        directory=Path(raw.get("directory") or _registry.DIRECTORY),
        channels=raw.get("channels") or {},
        watch=adjusted(Watch(), raw.get("watch") or {}, where=str(path)),
        heartbeat=str(raw.get("heartbeat") or ""),
        heartbeat_interval=_number("heartbeat_interval", raw.get("heartbeat_interval", _heartbeat.INTERVAL), str(path)),
        least=str(raw.get("least") or "INFO"),
        daemon_grace=_number("daemon_grace", raw.get("daemon_grace", 75.0), str(path)),
    )


def adjusted(watch: Watch, given: Mapping[str, Any], *, where: str) -> Watch:
    """``watch`` with what an app, or the host, says otherwise."""
    unknown = sorted(set(given) - set(_OF_AN_APP))
    if unknown:
        raise _refusal(f"{', '.join(unknown)} is no setting of the guard.", ", ".join(_OF_AN_APP), where)
    for name in ("loop", "hang"):
        if given.get(name, _ACTIONS[0]) not in _ACTIONS:
            raise _refusal(f"{name} is {given[name]}.", " or ".join(_ACTIONS), where)
    numbers = {name: _number(name, given[name], where) for name in ("bake", "probes", "interval") if name in given}
    policy = _judgement.Policy(
        bake=numbers.get("bake", watch.policy.bake),
        probes=max(int(numbers.get("probes", watch.policy.probes)), 1),
        loop=str(given.get("loop", watch.policy.loop)),
        hang=str(given.get("hang", watch.policy.hang)),
    )
    return Watch(
        policy=policy,
        interval=max(numbers.get("interval", watch.interval), 0.2),
        windows=_listed(_windows.windows_of, given, "windows", where) or watch.windows,
        patterns=_listed(_log.patterns_of, given, "log_patterns", where) or watch.patterns,
    )


_T = TypeVar("_T")
_LISTS = {
    "windows": "a list of {count: <crashes>, seconds: <seconds>}",
    "log_patterns": "a list of {pattern: <regular expression>, severity: <critical, warning or ignore>}",
}


def _listed(read: Callable[[Any], _T], given: Mapping[str, Any], name: str, where: str) -> _T | None:
    """What ``read`` makes of an option that is a list; ``None`` where it is not given."""
    try:
        return read(given[name]) if given.get(name) else None
    except (AttributeError, LookupError, TypeError, ValueError):
        raise _refusal(f"{name} is {given[name]!r}.", _LISTS[name], where) from None


def _number(name: str, value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < math.inf:
        raise _refusal(f"{name} is {value!r}.", "a number of 0 or more", where)
    return number


def _refusal(what: str, expected: str, where: str) -> DeployError:
    return DeployError(what, expected=expected, where=where, remedy="Correct it, and play the role guard, or deploy.")


def host_name() -> str:
    """What people call this host."""
    return os.uname().nodename
