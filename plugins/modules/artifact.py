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
attributes:
  check_mode:
    description:
      - Does the same, because a rehearsal of the rest needs the archive. It writes nowhere but in O(directory).
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

# Carried out on the controller by the action plugin of the same name.
