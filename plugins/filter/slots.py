# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter nodeops.pm2.slots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._placement import slots


def _slots(app: str, strategy: str, listen: str, ports: dict[str, Any], run_dir: str) -> list[dict[str, str]]:
    try:
        return slots(str(app), strategy=str(strategy), listen=str(listen), ports=ports, run_dir=str(run_dir))
    except DeployError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"slots": _slots}
