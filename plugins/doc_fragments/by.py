# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    """Who acts, matching ``_options.BY``."""

    DOCUMENTATION = r"""
options:
  by:
    description: Who does this, for the ledger.
    type: str
    default: ""
"""
