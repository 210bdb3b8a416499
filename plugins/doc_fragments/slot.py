# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A slot as a module option, matching ``_options.SLOT``."""

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
