# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a module reaches PM2."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  pm2_home:
    description:
      - PM2's home of the deploy user, C(PM2_HOME). The socket of its daemon lies there.
      - A path so short that C(rpc.sock) in it stays below 108 bytes.
    type: path
    required: true
  pm2_bin:
    description: The C(pm2) script. A path is run by O(node_bin); a bare name is looked up in the system's path.
    type: str
    default: pm2
  node_bin:
    description: The C(node) that runs PM2 and, through it, the app. A bare name is looked up in the system's path.
    type: str
    default: node
"""
