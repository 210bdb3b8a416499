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
  - Carried out on the controller, by an action plugin; run it once for all hosts.
  - Takes a given archive (a file or a URL) and makes sure that it is the one that was meant, or exports the tracked
    files of one commit of a git checkout, builds them in that clean export, and packs them. Untracked files never
    travel. The same commit without a build always gives the same bytes.
  - A pipeline builds once with O(source) and O(output), and deploys with O(archive) and O(provenance).
attributes:
  check_mode:
    description:
      - Does the same, because a rehearsal of the rest needs the archive. It writes nowhere but in O(directory); nothing
        is put into O(output).
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
    description: SHA-256 of O(archive), in hex. Required for a URL, unless O(provenance) says it.
    type: str
    default: ""
  provenance:
    description:
      - The file C(provenance.json) that belongs to O(archive), as a build with O(output) writes it.
      - It says the checksum that O(archive) must have, the commit it was built from, and the release id.
    type: path
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
  output:
    description:
      - With O(source), a directory on the controller that gets the archive as C(artifact.tar.gz), its checksum as
        C(artifact.tar.gz.sha256) and its provenance as C(provenance.json), an in-toto statement with SLSA's predicate.
      - Where nothing is given, the archive stays in O(directory).
    type: path
    default: ""
  release:
    description: Release id. By default what O(provenance) says, or UTC time plus the short commit or checksum.
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
  run_once: true
  register: artifact

- name: Build what a pipeline hands on
  nodeops.pm2.artifact:
    source: .
    build:
      - [npm, ci]
      - [npm, run, build]
    output: artifact
  run_once: true

- name: Take what it has handed on
  nodeops.pm2.artifact:
    archive: artifact/artifact.tar.gz
    provenance: artifact/provenance.json
  run_once: true
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
  description: Full commit, empty for a given archive without O(provenance).
  returned: success
  type: str
release:
  description: Release id.
  returned: success
  type: str
uncommitted:
  description: Whether the checkout holds changes that are not in the commit, and so do not travel.
  returned: success
  type: bool
"""

# Carried out on the controller by the action plugin of the same name.
