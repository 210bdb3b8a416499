# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lock lease a module acts under."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  lease:
    description: Id of the lock lease to act under, as RV(nodeops.pm2.release_lock#module:lease) names it.
    type: str
    required: true
"""
