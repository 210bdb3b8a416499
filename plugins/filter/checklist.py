# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that answer the pre-deployment checklist and write it down, on the controller.

For one filter ansible-core loads all of a collection, in each host's worker anew and from source. What a filter takes
with it is therefore imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


def checklist_filter(inputs: Any, waivers: Any = (), today: str = "") -> dict[str, Any]:
    """See checklist.yml."""
    from ansible_collections.nodeops.pm2.plugins.plugin_utils import _checklist

    day = date.fromisoformat(today) if today else datetime.now(timezone.utc).date()
    try:
        answered = _checklist.answer(inputs, waivers=waivers, today=day)
    except DeployError as error:
        raise AnsibleFilterError(str(error)) from error
    return {**answered, "reasons": _checklist.reasons(answered), "summary": _checklist.summary(answered)}


def report_filter(checklist: Any, form: str) -> str:
    """See report.yml."""
    from ansible_collections.nodeops.pm2.plugins.plugin_utils import _report

    try:
        return _report.render(checklist, str(form))
    except DeployError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Names the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"checklist": checklist_filter, "report": report_filter}
