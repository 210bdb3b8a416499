#!/usr/bin/python
# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
module: artifact
short_description: Make or take the one archive that all hosts stage
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Runs on the controller, once for all hosts.
  - Takes a given archive (a file or a URL) and makes sure that it is the one that was meant, or exports the tracked files of one commit of a git checkout,
    builds them in that clean export, and packs them. Untracked files never travel. The same commit without a build always gives the same bytes.
attributes:
  check_mode:
    description: Does the same, because a rehearsal of the rest needs the archive. It writes nowhere but in O(directory).
    support: full
  diff_mode:
    description: Shows nothing.
    support: none
options:
  archive:
    description: A file on the controller, or an C(http) or C(https) URL. Exclusive with O(source).
    type: str
    default: ""
  checksum:
    description: SHA-256 of O(archive), in hex. Required for a URL.
    type: str
    default: ""
  source:
    description: A git checkout, or a directory in one, of which only that directory is packed.
    type: str
    default: ""
  version:
    description: Commit, tag or branch of O(source).
    type: str
    default: HEAD
  build:
    description: Commands run in the export, each an argument list, with the environment of the controller.
    type: list
    elements: list
    default: []
  directory:
    description: Where archives are kept on the controller; the three newest stay.
    type: path
    default: ~/.cache/nodeops.pm2
  release:
    description: Release id. By default UTC time plus the short commit, or plus the short checksum of a given archive.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Pack the commit that is checked out
  nodeops.pm2.artifact:
    source: ~/src/shop
    build:
      - [npm, ci]
      - [npm, run, build]
  delegate_to: localhost
  run_once: true
  register: artifact
"""

RETURN = r"""
path:
  description: The archive on the controller.
  returned: success
  type: str
checksum:
  description: Its SHA-256, in hex.
  returned: success
  type: str
revision:
  description: Full commit, empty for a given archive.
  returned: success
  type: str
release:
  description: Release id.
  returned: success
  type: str
"""

import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

from ansible_collections.nodeops.pm2.plugins.module_utils import _artifact
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import release_id

SPEC: dict[str, Any] = {
    "archive": {"type": "str", "default": ""},
    "checksum": {"type": "str", "default": ""},
    "source": {"type": "str", "default": ""},
    "version": {"type": "str", "default": "HEAD"},
    "build": {"type": "list", "elements": "list", "default": []},
    "directory": {"type": "path", "default": "~/.cache/nodeops.pm2"},
    "release": {"type": "str", "default": ""},
}


def run(params: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Make or take it; returns the result and warnings."""
    if bool(params["archive"]) == bool(params["source"]):
        raise DeployError(
            "It is not clear what to deploy.",
            expected="one of bluegreen_artifact and bluegreen_source",
            seen="both" if params["source"] else "neither",
        )
    release = release_id(params["release"]) if params["release"] else ""
    directory = Path(params["directory"])
    now = datetime.now(timezone.utc)
    if params["source"]:
        source = Path(params["source"]).expanduser()
        artifact = _artifact.built(
            source, params["version"], build=params["build"], directory=directory, release=release, now=now
        )
    else:
        archive = _fetched(params["archive"], directory, params["checksum"])
        artifact = _artifact.given(archive, checksum=params["checksum"], release=release, now=now)
    warnings = ["The checkout has changes that are not committed; they are not deployed."] if artifact.uncommitted else []
    return {**vars(artifact), "path": str(artifact.path), "changed": False}, warnings


def _fetched(archive: str, directory: Path, checksum: str) -> Path:
    if not archive.startswith(("http://", "https://")):
        return Path(archive).expanduser()
    if not checksum:
        raise DeployError(
            "An artifact from a URL needs its checksum.",
            expected="bluegreen_artifact_sha256",
            seen="nothing",
            where=archive,
        )
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / f"{'0' * 12}-{checksum[:12].lower()}.tar.gz"
    try:
        with open_url(archive, timeout=60) as answer, tempfile.NamedTemporaryFile(dir=directory, delete=False) as file:
            while piece := answer.read(1 << 20):
                file.write(piece)
        Path(file.name).replace(path)
    except OSError as error:
        raise DeployError(
            "The artifact cannot be fetched.", seen=str(error), where=archive, remedy="Check bluegreen_artifact."
        ) from error
    return path


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        result, warnings = run(module.params)
    except DeployError as error:
        module.fail_json(**error.failure())
    for warning in warnings:
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
