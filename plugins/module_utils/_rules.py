# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All rules of the static check, in the order in which they are told."""

from __future__ import annotations

from types import ModuleType

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _rules_artifact,
    _rules_build,
    _rules_dependencies,
    _rules_deploy,
    _rules_ecosystem,
    _rules_entry,
    _rules_env,
    _rules_host,
    _rules_lockfile,
    _rules_modules,
    _rules_output,
    _rules_secrets,
    _rules_source,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._check import Rule

THEMES: dict[str, tuple[ModuleType, ...]] = {
    "compiled output": (_rules_build, _rules_output),
    "the source": (_rules_modules, _rules_source),
    "what is started": (_rules_entry, _rules_ecosystem),
    "other ways to deploy": (_rules_deploy,),
    "dependencies": (_rules_dependencies, _rules_lockfile),
    "the environment": (_rules_env,),
    "secrets": (_rules_secrets,),
    "the host": (_rules_host,),
    # The last, since it tells what the others could not read.
    "the artifact": (_rules_artifact,),
}


def of_theme(theme: str) -> tuple[Rule, ...]:
    """The rules of one of :data:`THEMES`, in the order in which they stand in the code."""
    return tuple(item for module in THEMES[theme] for item in vars(module).values() if isinstance(item, Rule))


RULES: tuple[Rule, ...] = tuple(item for theme in THEMES for item in of_theme(theme))
