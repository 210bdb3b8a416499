# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A slot as a module option, and all of an app's slots, matching ``_options.SLOT`` and ``_options.SLOTS``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  slot:
    description: The slot to act on.
    type: dict
    required: true
    suboptions:
      name:
        description: V(blue) or V(green); without an edge V(main) or V(spare).
        type: str
        required: true
      process:
        description: The name that PM2 knows the slot's process by.
        type: str
        required: true
      address:
        description: Where the app itself listens, such as V(127.0.0.1:3001) or V(unix:/run/demo/blue.sock).
        type: str
        required: true
      socket:
        description: The unix socket that the edge dials for this slot. Empty without an edge.
        type: path
        default: ''
"""

    # ansible-test takes nothing but literals here, so that the suboptions stand twice.
    SLOTS = r"""
options:
  slots:
    description:
      - The places a release can run in.
      - With an edge two equal ones; without, the main one first and the spare second.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: V(blue) or V(green); without an edge V(main) or V(spare).
        type: str
        required: true
      process:
        description: The name that PM2 knows the slot's process by.
        type: str
        required: true
      address:
        description: Where the app itself listens, such as V(127.0.0.1:3001) or V(unix:/run/demo/blue.sock).
        type: str
        required: true
      socket:
        description: The unix socket that the edge dials for this slot. Empty without an edge.
        type: path
        default: ''
"""
