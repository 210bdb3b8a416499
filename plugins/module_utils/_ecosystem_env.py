# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the app finds in its environment: the user's variables, its slot's address, its release."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_options import TYPES
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_words import names
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Slot

# PM2 lays the variables over its own record of the app, so one of these names would change the record.
_RECORD = frozenset(TYPES) | names(
    "status version node_version unique_id pm_id pm_uptime pm_cwd pm_exec_path exit_code created_at restart_time"
    " unstable_restarts prev_restart_delay vizion_running km_link command versioning"
)


@dataclass(frozen=True)
class Place:
    """Where and as what a release runs.

    :param base: the release as this slot sees it: its real path, or ``<root>/current`` for the restart strategy.
    """

    app: str
    release: str
    slot: Slot
    base: str
    root: str

    @property
    def socket(self) -> str:
        """The socket the app itself listens on; empty where it listens on a port."""
        return self.slot.address[len("unix:") :] if self.slot.address.startswith("unix:") else ""

    @property
    def port(self) -> str:
        """The port the app listens on; empty where it listens on a socket."""
        return "" if self.socket else self.slot.address.rpartition(":")[2]

    def fill(self, text: str) -> str:
        """``text`` with ``{port}``, ``{socket}``, ``{slot}``, ``{release}``, ``{release_path}`` and
        ``{root}`` replaced; other braces stay."""
        values = {
            "port": self.port,
            "socket": self.socket,
            "slot": self.slot.name,
            "release": self.release,
            "release_path": self.base,
            "root": self.root,
        }
        for name in ("port", "socket"):
            if not values[name] and "{" + name + "}" in text:
                raise _refusal(
                    f"{{{name}}} has no value here.",
                    seen=f"{text!r}, and the app listens on {self.slot.address}",
                    remedy="Use {port} with bluegreen_listen: port, and {socket} with bluegreen_listen: socket.",
                )
        return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), text)


def given_variables(env: Any) -> dict[str, str]:
    """The user's variables as strings; true and false in lower case, as in YAML.

    :raises DeployError: a name that is no variable's, or that PM2 would read as its own; a value that is no scalar.
    """
    if not isinstance(env, dict):
        raise _refusal("env is not a dictionary.", seen=repr(env), remedy="Write NAME: value pairs.")
    return {str(name): _text(str(name), value) for name, value in env.items()}


def sentry_variables(environment: str, app: str) -> dict[str, str]:
    """What Sentry's SDK reads, and ``SENTRY_ENABLED``, by which apps and our preload are told that it is wanted.

    :param environment: Sentry's name for where this is; ``''``: Sentry is not wanted, and nothing is set.
    """
    if not environment:
        return {}
    named = {"SENTRY_RELEASE": f"{app}@{{release}}", "SENTRY_ENVIRONMENT": environment}
    return {"SENTRY_ENABLED": "true", **named}


def environment(given: dict[str, str], place: Place) -> dict[str, str]:
    """All variables in the file, in order of name: the user's, and ours that say where and what the app is."""
    ours = {
        "PORT": place.socket or place.port,
        "BLUEGREEN_APP": place.app,
        "BLUEGREEN_RELEASE": place.release,
        "BLUEGREEN_SLOT": place.slot.name,
    }
    filled = {name: place.fill(value) for name, value in given.items()}
    for name, value in ours.items():
        if filled.get(name, value) != value:
            raise _refusal(
                f"{name} belongs to the slot.",
                expected=f"{value}, or no {name} at all",
                seen=filled[name],
                remedy=f"Take {name} out of env; two slots with the same value could not run side by side.",
            )
    return dict(sorted({"NODE_ENV": "production", **filled, **ours}.items()))


def _text(name: str, value: Any) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise _refusal("This is not a name of a variable.", seen=repr(name), remedy="Use letters, digits and _.")
    if name in _RECORD:
        raise _refusal(
            f"PM2 would take the variable {name} for its own.",
            seen=f"env: {name}, which PM2 lays over its option of that name",
            remedy="Give it another name, or write it in the env file.",
        )
    if not isinstance(value, (str, int, float)):
        raise _refusal(f"The variable {name} is not text.", seen=repr(value), remedy="Write a string or a number.")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refusal(what: str, *, seen: str, remedy: str, expected: str = "a variable the app can be given") -> DeployError:
    return DeployError(what, expected=expected, seen=seen, where="env of the PM2 process", remedy=remedy)
