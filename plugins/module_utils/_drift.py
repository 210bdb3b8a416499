# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where what is declared, what is on disk, what PM2 keeps, what the edge serves and who listens do not agree. Pure.

The record of the live release is what everything is compared with: it was written when that release was proved.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.nodeops.pm2.plugins.module_utils import _boot, _drift_pm2
from ansible_collections.nodeops.pm2.plugins.module_utils._drift_seen import SHOWN, Difference, Disk, Seen


def differences(seen: Seen) -> list[Difference]:
    """All differences, from the disk to the front door; empty where everything agrees, or nothing is to be live."""
    if not seen.disk.live:
        return [_nothing_live(seen)] if seen.release else []
    of_pm2 = (*_drift_pm2.of_memory(seen), *_drift_pm2.of_dump(seen))
    return [*_of_disk(seen), *of_pm2, *_of_front(seen), *_of_owner(seen), *_of_boot(seen)]


def _nothing_live(seen: Seen) -> Difference:
    return Difference(
        "nothing_live",
        "Nothing is live.",
        seen.release,
        "current leads nowhere",
        "current",
        "Deploy, or roll back to a good release.",
    )


def _of_disk(seen: Seen) -> Iterator[Difference]:
    disk = seen.disk
    if seen.release and disk.live != seen.release:
        remedy = "Find out who moved current; roll back or deploy to bring ledger and disk together."
        yield Difference(
            "live_moved", "Another release is live than was published last.", seen.release, disk.live, "current", remedy
        )
    if disk.shipped is None:
        remedy = "Deploy again under another id; nothing can vouch for this one."
        yield Difference(
            "manifest_missing", "The live release has no manifest.", "a manifest", "none", disk.path, remedy
        )
        return
    changed = [path for path in sorted(disk.shipped) if disk.found.get(path) != disk.shipped[path]]
    for path in changed[:SHOWN]:
        yield _file(disk, path)
    remedy = "Deploy again under another id: what was shipped is no longer what runs."
    if len(changed) > SHOWN:
        more = len(changed) - SHOWN
        yield Difference(
            "files_changed", f"{more} more files are not as shipped.", "as shipped", f"{more} others", disk.path, remedy
        )
    for path in sorted(disk.foreign)[:SHOWN]:
        remedy = "Take it away, or ship it; what an app writes belongs into a shared directory."
        yield Difference(
            "file_foreign", f"{path} was not shipped.", "no such file", "a file", f"{disk.path}/{path}", remedy
        )


def _file(disk: Disk, path: str) -> Difference:
    shipped = dict(disk.shipped or {})[path]
    gone = path not in disk.found
    return Difference(
        "file_gone" if gone else "file_changed",
        f"{path} is gone." if gone else f"{path} was changed on this host.",
        _short(shipped),
        "no such file" if gone else _short(disk.found[path]),
        f"{disk.path}/{path}",
        "Deploy again under another id; make the change where the release is built.",
    )


def _of_front(seen: Seen) -> Iterator[Difference]:
    front = seen.front
    if front is None:
        return
    if front.error or front.status >= 500 or not front.status:
        remedy = "Look at the edge and at the live process: nginx -t or caddy validate, then the app's log."
        shown = front.error or f"status {front.status}"
        yield Difference("front_silent", "The front door does not answer well.", "an answer", shown, front.url, remedy)
    elif front.release != seen.disk.live and (front.release or seen.front_must_name):
        remedy = "See what the edge dials: it has to be current/.release/listen.sock."
        yield Difference(
            "front_other",
            "The front door is answered by another release.",
            seen.disk.live,
            front.release or "none named",
            front.url,
            remedy,
        )


def _of_owner(seen: Seen) -> Iterator[Difference]:
    owner = seen.owner
    if owner is None:
        return
    if owner.stranger:
        remedy = "Stop it, and start the live release afresh by a deploy."
        yield Difference(
            "owner_stranger",
            "A process that is not the live one has the live address.",
            "the live process",
            owner.stranger,
            owner.address,
            remedy,
        )
    elif not owner.pids:
        remedy = "Look into the app's log: it runs and does not listen, or does not run."
        yield Difference(
            "owner_missing", "Nobody listens on the live address.", "the live process", "nobody", owner.address, remedy
        )
    for cwd in owner.cwds:
        if cwd != seen.disk.path and not cwd.startswith(f"{seen.disk.path}/"):
            remedy = "Deploy again, or roll back: the switch and the process disagree."
            yield Difference(
                "owner_other",
                "What listens runs in another directory than the live release.",
                seen.disk.path,
                cwd,
                owner.address,
                remedy,
            )


def _of_boot(seen: Seen) -> Iterator[Difference]:
    if seen.unaware:
        expected, found = "PM2's service starts what is live in it", "the service does not know it"
        yield Difference("not_at_boot", _boot.UNAWARE, expected, found, seen.unaware, _boot.REMEDY)


def lines(found: Sequence[Difference]) -> list[str]:
    """All of them for people."""
    said = []
    for one in found:
        said += [f"DRIFT {one.what}", f"    expected {one.expected}; seen {one.seen}", f"    in {one.where}"]
        said.append(f"    do: {one.remedy}")
    return said


def _short(digest: str) -> str:
    return digest if digest.startswith("link:") else f"sha256 {digest[:12]}"
