# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an inspection looks at, matching ``_inspection.SPEC``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  archive:
    description:
      - "The artifact: tar.gz, tar.zst, tar or zip, a file on the controller. The action plugin carries it to the host."
    type: path
  checksum:
    description: SHA-256 of O(archive) in hex, compared on the controller before the transfer. Not compared when empty.
    type: str
    default: ""
  entry:
    description: How the release is started, as the filter P(nodeops.pm2.entry#filter) tells it.
    type: dict
    suboptions:
      script:
        description: The script, relative to the release, or an absolute path on the host.
        type: str
        required: true
      interpreter:
        description: V(node), V(none), or another program.
        type: str
        default: node
      node_args:
        description: Flags of Node.js.
        type: list
        elements: str
        default: []
      args:
        description: Arguments of the script.
        type: list
        elements: str
        default: []
      exec_mode:
        description: PM2's mode.
        type: str
        default: fork
      loader:
        description: V(tsx), or empty.
        type: str
        default: ""
      env:
        description: Names of the environment variables that the ecosystem file sets.
        type: list
        elements: str
        default: []
      env_file:
        description: Path of the first env file among the flags, empty without one.
        type: str
        default: ""
      env_on:
        description: Names of those variables whose value says yes.
        type: list
        elements: str
        default: []
      name:
        description: What PM2 calls the process in the first slot. Empty where it is not known.
        type: str
        default: ""
      max_restarts:
        description: Crashes after which PM2 gives up. V(0) where it is not known.
        type: int
        default: 0
      min_uptime:
        description: Milliseconds below which an end counts as a crash.
        type: int
        default: 0
      restart_delay:
        description: Milliseconds that PM2 waits before it restarts.
        type: int
        default: 0
  shared_files:
    description: Files of the release that live in C(shared/) instead, and must exist there.
    type: list
    elements: str
    default: []
  env_file:
    description: The file of environment variables on the host, in place of that of O(entry); relative to the release.
    type: str
    default: ""
  install_args:
    description: Arguments for the package manager; they tell whether devDependencies will be there.
    type: list
    elements: str
    default: []
  node_minimum:
    description: The oldest Node.js that will do.
    type: str
    default: 20.6.0
  pm2_minimum:
    description: The oldest PM2 that will do.
    type: str
    default: 5.0.0
  disk_minimum_mb:
    description: MiB that must be free beyond three times the unpacked release.
    type: int
    default: 200
  skip:
    description: Rules to leave out. An unknown one is refused before anything else.
    type: list
    elements: str
    default: []
"""
