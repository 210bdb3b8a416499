# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Publishing: one rename(2) of ``current``, and the word of it in the ledger."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _manifest, _state
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import link_atomic, read_link, sync_directory
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot


def publish(layout: Layout, release: str, slot: Slot, *, by: str, reason: str, reversible: bool = True) -> float:
    """Make ``release``, already started in ``slot`` and gated there, the live one.

    The ledger hears of it after the fact: ``current`` alone says what is live, so a crash in between loses a line of
    history and nothing else. A published release is unconfirmed until a verdict follows.

    :param reversible: see :class:`_app.App`.
    :returns: seconds the switch took.
    :raises DeployError: when the release is not complete, or listens in another slot than was gated.
    """
    tree = layout.release(release)
    if _manifest.read(tree) is None:
        raise DeployError(
            "An unfinished release cannot be published.",
            expected="a manifest, written when staging ended",
            seen="none",
            where=str(tree.manifest),
            remedy="Deploy it again.",
        )
    if slot.socket and read_link(tree.listen) != slot.socket:
        raise DeployError(
            "The release was not started in the slot that was gated.",
            expected=f"{tree.listen} -> {slot.socket}",
            seen=read_link(tree.listen) or "no listen.sock",
            remedy="Deploy it again.",
        )
    previous = _state.live_release(layout)
    begin = time.perf_counter()
    link_atomic(layout.current, f"releases/{release}")
    seconds = time.perf_counter() - begin
    detail: dict[str, Any] = {"previous": previous} if previous else {}
    detail |= {} if reversible else {"irreversible": True}
    _ledger.append(layout.ledger, _ledger.Entry(_ledger.now(), "published", release, slot.name, by, reason, detail))
    return seconds


def unpublish(layout: Layout) -> None:
    """Leave nothing live: the road back of a first deploy, which has no earlier release to return to."""
    with contextlib.suppress(FileNotFoundError):
        layout.current.unlink()
        sync_directory(layout.root)
