# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All rules of the static check, in the order in which they are told."""

from __future__ import annotations

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _rules_build,
    _rules_dependencies,
    _rules_entry,
    _rules_env,
    _rules_host,
    _rules_modules,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._check import Rule

_THEMES = (_rules_build, _rules_modules, _rules_entry, _rules_dependencies, _rules_env, _rules_host)
RULES: tuple[Rule, ...] = tuple(item for theme in _THEMES for item in vars(theme).values() if isinstance(item, Rule))
