# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules say of themselves; each module adds the support it has."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can say what would change and touch nothing.
  diff_mode:
    description: Returns what has changed, or would change, in diff mode.
  idempotent:
    description: When run twice in a row with the same options, the second run changes nothing.
  platform:
    description: The systems it runs on.
    platforms: linux
    support: full
"""

    INFO_MODULE = r"""
attributes:
  check_mode:
    description: Can say what would change and touch nothing.
    support: full
    details: It only reads.
  diff_mode:
    description: Returns what has changed, or would change, in diff mode.
    support: N/A
    details: It only reads.
  idempotent:
    description: When run twice in a row with the same options, the second run changes nothing.
    support: full
    details: It only reads.
  platform:
    description: The systems it runs on.
    platforms: linux
    support: full
"""
