#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: adoption
short_description: Take over an app that somebody started under PM2 by hand
version_added: 0.1.0
author: nodeops maintainers (@nodeops)
description:
  - Works as the user who owns that PM2, often root, and leaves what it writes to the deploy user.
  - "V(found): say how the app is started, where it lies and what it listens on. Changes nothing."
  - "V(packed): put all of its files into C(<root>/adopted.tar), what is shared into C(shared/), and its own environment
    variables into C(shared/adopted.env), each readable by the deploy user alone. The app goes on running."
  - "V(stopped): copy what has come to the shared directories since, and stop it. Its PM2 still knows it."
  - "V(started): put it back as it was."
  - "V(forgotten): have its PM2 forget it and not bring it back at boot. The dump is kept beside the changed one."
  - Files of the app are never changed or deleted.
extends_documentation_fragment:
  - nodeops.pm2.attributes
  - nodeops.pm2.layout
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: V(packed) packs anew, since files may have changed.
options:
  state:
    description: How far the adoption is to have come.
    type: str
    choices: [found, packed, stopped, started, forgotten]
    default: found
  name:
    description: The app's name in its PM2.
    type: str
    required: true
  pm2_home:
    description: Home of the PM2 that it runs under.
    type: path
    default: /root/.pm2
  directory:
    description: The app's directory. By default the package that its script lies in.
    type: path
  shared:
    description: Directories and files of the app that outlive a release.
    type: list
    elements: str
    default: []
  owner:
    description:
      - The deploy user. Required for V(packed) and V(stopped).
      - An O(root) that is there already and belongs to another user is refused.
    type: str
  timeout:
    description: Seconds it may take to stop or to start.
    type: float
    default: 30
"""

EXAMPLES = r"""
- name: See how it is started
  nodeops.pm2.adoption:
    root: /var/www/shop
    name: backend
  become: true
  register: old
"""

RETURN = r"""
process:
  description: How it is started, as options of P(nodeops.pm2.ecosystem#filter).
  returned: with V(found) and V(packed)
  type: dict
directory:
  description: Where it lies.
  returned: with V(found) and V(packed)
  type: str
ports:
  description: TCP ports that it listens on.
  returned: with V(found) and V(packed)
  type: list
  elements: int
variables:
  description: Names of its own environment variables. Their values are never returned.
  returned: with V(found) and V(packed)
  type: list
  elements: str
env_file:
  description: Where they are written, empty where there are none.
  returned: with V(found) and V(packed)
  type: str
revision:
  description: The commit that is checked out there, empty where it is no checkout.
  returned: with V(found) and V(packed)
  type: str
shared_files:
  description: Files of the app that went to C(shared/), such as C(.env).
  returned: with V(found) and V(packed)
  type: list
  elements: str
path:
  description: The archive.
  returned: with V(packed)
  type: str
checksum:
  description: Its SHA-256.
  returned: with V(packed)
  type: str
stopped_at:
  description: When it was stopped, in seconds since the epoch.
  returned: with V(stopped)
  type: float
kept:
  description: Files that were changed; each has a copy beside it, with C(.before-adoption) at the end of its name.
  returned: with V(forgotten)
  type: list
  elements: str
"""

import pwd
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _adopt, _adoption, _manifest, _options
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError, failure_of
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC: dict[str, Any] = {
    **_options.ROOT,
    "state": {"type": "str", "choices": ["found", "packed", "stopped", "started", "forgotten"], "default": "found"},
    "name": {"type": "str", "required": True},
    "pm2_home": {"type": "path", "default": "/root/.pm2"},
    "directory": {"type": "path"},
    "shared": {"type": "list", "elements": "str", "default": []},
    "owner": {"type": "str"},
    "timeout": {"type": "float", "default": 30},
}


def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Take it as far as ``state`` says."""
    layout = Layout(Path(params["root"]))
    old = _adopt.Old(Path(params["pm2_home"]), params["name"], params["directory"] or "")
    state = params["state"]
    if params["owner"]:
        _adopt.refuse_foreign(layout, params["owner"], owner(params))
    if state in ("found", "packed"):
        return {
            **described(old, layout, params),
            **(packed(old, layout, params) if state == "packed" and not check_mode else {}),
        }
    if check_mode:
        return {"changed": True}
    if state == "stopped":
        _adopt.seed(_adopt.find(old), layout, shared=shared(old, params), owner=owner(params))
        return {"changed": True, "stopped_at": _adopt.stop(old, timeout=params["timeout"])}
    if state == "started":
        _adopt.start_again(old, timeout=params["timeout"])
        return {"changed": True}
    return {"changed": True, "kept": _adopt.forget(old, timeout=params["timeout"])}


def described(old: _adopt.Old, layout: Layout, params: dict[str, Any]) -> dict[str, Any]:
    """What it is made of."""
    found = _adopt.find(old)
    return {
        "changed": params["state"] == "packed",
        "process": found.process,
        "directory": found.directory,
        "ports": list(found.ports),
        "variables": list(found.variables),
        "env_file": str(layout.shared / "adopted.env") if found.variables else "",
        "revision": _adopt.revision(found),
        "shared_files": shared_files(found, params),
    }


def packed(old: _adopt.Old, layout: Layout, params: dict[str, Any]) -> dict[str, Any]:
    """Its archive."""
    path = _adopt.pack(_adopt.find(old), layout, shared=shared(old, params), owner=owner(params))
    return {"path": str(path), "checksum": _manifest.sha256(path)}


def shared(old: _adopt.Old, params: dict[str, Any]) -> list[str]:
    """What outlives a release: what the user says, and the env file that lies in the tree."""
    return list(dict.fromkeys([*params["shared"], *shared_files(_adopt.find(old), params)]))


def shared_files(found: _adoption.Found, params: dict[str, Any]) -> list[str]:
    """Secrets of the tree belong to no release."""
    return [".env"] if Path(found.directory, ".env").is_file() and ".env" not in params["shared"] else []


def owner(params: dict[str, Any]) -> tuple[int, int]:
    """The deploy user's numbers."""
    try:
        entry = pwd.getpwnam(params["owner"])
    except KeyError:
        raise DeployError(
            "There is no such deploy user on this host.",
            seen=params["owner"],
            remedy="Provision the host first, or set bluegreen_adopt_owner.",
        ) from None
    return entry.pw_uid, entry.pw_gid


def main() -> None:
    """Entry point."""
    needs_owner = [("state", "packed", ["owner"]), ("state", "stopped", ["owner"])]
    module = AnsibleModule(argument_spec=SPEC, required_if=needs_owner, supports_check_mode=True)
    try:
        result = run(module.params, check_mode=module.check_mode)
    except (DeployError, OSError) as error:
        module.fail_json(**failure_of(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
