# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that turn an app's options into its ecosystem file, on the controller.

For one filter ansible-core loads all of a collection, in each host's worker anew and from source. What a filter takes
with it is therefore imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


def ecosystem_filter(process: Any, slot: Any, release_path: str, root: str) -> dict[str, Any]:
    """See ecosystem.yml."""
    from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem import ecosystem
    from ansible_collections.nodeops.pm2.plugins.module_utils._options import slot_of

    try:
        options, place = _dictionary("process", process), _dictionary("slot", slot)
        return ecosystem(options, slot=slot_of(place), release_path=_plain(release_path), root=_plain(root))
    except DeployError as error:
        raise AnsibleFilterError(str(error)) from error


def entry_filter(app: Any) -> dict[str, Any]:
    """See entry.yml."""
    from ansible_collections.nodeops.pm2.plugins.module_utils._entry import entry

    return entry(_dictionary("app", app))


def _dictionary(name: str, value: Any) -> dict[str, Any]:
    plain = _plain(value)
    if not isinstance(plain, dict):
        text = ": a value in it, such as a date without quotes, has made it text" if isinstance(plain, str) else ""
        raise AnsibleFilterError(f"{name} must be a dictionary, not {type(value).__name__}{text}.")
    return plain


def _plain(value: Any) -> Any:
    """``value`` in Python's own types; Ansible's strings carry tags that must not travel into the file."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str.__str__(value)
    return value


class FilterModule:
    """The collection's filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"ecosystem": ecosystem_filter, "entry": entry_filter}
