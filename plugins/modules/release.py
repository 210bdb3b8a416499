#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Put a release on disk, sealed
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Unpacks an artifact into an exclusive directory C(releases/<id>), links what is shared, brings the dependencies from the store, renders the ecosystem files and writes the manifest last.
  - Nothing that runs is touched. An id that exists is never merged into; the same artifact under the same id is left as it is once every file has been found unchanged.
  - The archive is a file on the controller; the action plugin of the same name carries it to the host.
extends_documentation_fragment:
  - nodeops.pm2.layout
  - nodeops.pm2.lease
  - nodeops.pm2.by
attributes:
  check_mode:
    description: Reports what would change and touches nothing.
    support: full
  diff_mode:
    description: Shows the directory that is made.
    support: full
options:
  release:
    description: Release id.
    type: str
    required: true
  archive:
    description: "The artifact on the controller: tar.gz, tar.zst, tar or zip."
    type: path
    required: true
  checksum:
    description: SHA-256 of the artifact, in hex.
    type: str
    required: true
  revision:
    description: Commit or version the artifact was made from, for C(REVISION).
    type: str
    default: ""
  ecosystems:
    description: Text of the ecosystem file by slot name.
    type: dict
    required: true
  shared_dirs:
    description: Directories of the release that live in C(shared/) instead; made where missing.
    type: list
    elements: str
    default: []
  shared_files:
    description: Files of the release that live in C(shared/) instead; they must exist there.
    type: list
    elements: str
    default: []
  dependencies:
    description: V(install) brings node_modules from the store, keyed by the lockfile; V(shipped) takes what the artifact has.
    type: str
    choices: [install, shipped]
    default: install
  install_args:
    description: Arguments for the package manager.
    type: list
    elements: str
    default: []
  install_timeout:
    description: Seconds the package manager may take.
    type: float
    default: 600
  node_bin:
    description: The node program, a path or a name on the search path.
    type: str
    default: node
  check_skip:
    description: Rules of M(nodeops.pm2.release_check) that were skipped for this release; recorded in the ledger.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Stage
  nodeops.pm2.release:
    root: /var/www/shop
    release: 20261123T101500-abc1234
    archive: /tmp/shop.tar.gz
    checksum: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    lease: "{{ shop_lock.lease }}"
    ecosystems:
      blue: "{{ lookup('ansible.builtin.file', 'blue.cjs') }}"
      green: "{{ lookup('ansible.builtin.file', 'green.cjs') }}"
"""

RETURN = r"""
path:
  description: The release directory.
  returned: success
  type: str
said:
  description: What was done, a sentence.
  returned: success
  type: str
dependencies:
  description: Key of the store entry, empty where nothing was installed.
  returned: success
  type: str
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nodeops.pm2.plugins.module_utils import _lock, _options, _stage
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.LEASE,
    **_options.BY,
    "release": {"type": "str", "required": True},
    "archive": {"type": "path", "required": True},
    "checksum": {"type": "str", "required": True},
    "revision": {"type": "str", "default": ""},
    "ecosystems": {"type": "dict", "required": True},
    "shared_dirs": {"type": "list", "elements": "str", "default": []},
    "shared_files": {"type": "list", "elements": "str", "default": []},
    "dependencies": {"type": "str", "choices": ["install", "shipped"], "default": "install"},
    "install_args": {"type": "list", "elements": "str", "default": []},
    "install_timeout": {"type": "float", "default": 600},
    "node_bin": {"type": "str", "default": "node"},
    "check_skip": {"type": "list", "elements": "str", "default": []},
}

def run(params: dict[str, Any], *, check_mode: bool) -> dict[str, Any]:
    """Plan, stage unless only asked, and say what was done."""
    layout = Layout(Path(params["root"]))
    order = _stage.Order(
        release=params["release"],
        revision=params["revision"],
        archive=Path(params["archive"]),
        sha256=params["checksum"],
        ecosystems=params["ecosystems"],
        shared_dirs=params["shared_dirs"],
        shared_files=params["shared_files"],
        install=params["dependencies"] == "install",
        install_args=params["install_args"],
        install_timeout=params["install_timeout"],
        node=params["node_bin"],
        check_skip=params["check_skip"],
        by=params["by"],
    )
    if check_mode:
        staged = _stage.plan(layout, order)
    else:
        _lock.prove(layout.lock, params["lease"])
        staged = _stage.stage(layout, order)
    tree = layout.release(params["release"])
    after = f"{tree.path}\n" if staged.changed else ""
    return {
        "changed": staged.changed,
        "path": str(tree.path),
        "said": staged.sentence,
        "dependencies": staged.dependencies,
        "diff": {"before": "", "after": after, "before_header": "releases", "after_header": "releases"},
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result = run(module.params, check_mode=module.check_mode)
    except DeployError as error:
        module.fail_json(**error.failure())
    module.exit_json(**result)


if __name__ == "__main__":
    main()
