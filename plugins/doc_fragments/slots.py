# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """The slots of an app, matching ``_options.SLOTS``."""

    DOCUMENTATION = r"""
options:
  slots:
    description:
      - The places a release can run in.
      - With an edge two equal ones; without, the main one first and the spare second.
    type: list
    elements: dict
    required: true
    suboptions:
      name: {description: "Name, V(blue) or V(green); without an edge V(main) or V(spare).", type: str, required: true}
      process: {description: Its PM2 process., type: str, required: true}
      address: {description: "Where the app listens: V(127.0.0.1:3001) or V(unix:/run/app/blue.sock).", type: str, required: true}
      socket: {description: "What the edge dials, empty where there is no edge.", type: path, default: ""}
"""
