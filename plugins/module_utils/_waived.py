# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What was waived for an artifact, why and until when, on record in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

WAIVERS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "options": {
        "waives": {"type": "str", "required": True},
        "reason": {"type": "str", "required": True},
        "until": {"type": "str", "required": True},
        "by": {"type": "str", "default": ""},
    },
}


def unrecorded(
    layout: Layout, waivers: Iterable[Mapping[str, str]], *, release: str, revision: str, artifact_sha256: str, by: str
) -> list[_ledger.Entry]:
    """The events that the ledger does not have yet for this artifact.

    :param waivers: as :data:`WAIVERS` describes them.
    :param by: who ran it; that, the time and the id of the release do not make an event a new one.
    """
    known = [(one.reason, one.detail) for one in _ledger.read(layout.ledger) if one.event == "waived"]
    about = {"revision": revision, "artifact_sha256": artifact_sha256}
    events = [
        _ledger.Entry(
            _ledger.now(),
            "waived",
            release,
            by=by,
            reason=one["reason"],
            detail={
                "waives": one["waives"],
                "until": one["until"],
                "answers_for_it": one["by"],
                **{name: value for name, value in about.items() if value},
            },
        )
        for one in waivers
    ]
    return [one for one in events if (one.reason, one.detail) not in known]


def record(layout: Layout, events: Iterable[_ledger.Entry]) -> None:
    """Append them."""
    for one in events:
        _ledger.append(layout.ledger, one)
