# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One file of nginx's configuration: what is there, whether another may take its place, and the exchange."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _nginx, _process
from ansible_collections.nodeops.pm2.plugins.module_utils._command import minimal_environment, run
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import write_atomic

# Where a site finds what is live.
_LIVE = re.compile(r"unix:(/\S+)/current/\.release/listen\.sock")


@dataclass(frozen=True)
class Seen:
    """What is so.

    :param content: of the site's file; ``None`` where there is none.
    :param others: what every other file claims.
    """

    content: str | None
    others: list[_nginx.Claim]


def read(nginx: str, path: Path, *, needed: bool) -> Seen:
    """Read the site's file and the whole configuration.

    :param needed: whether it is an error that there is no nginx.
    :raises DeployError: when nginx is missing, or refuses its configuration before anything is changed.
    """
    content = path.read_text(encoding="utf-8") if path.exists() else None
    try:
        dump = run([nginx, "-T", "-q"], env=minimal_environment())
    except DeployError:
        if needed:
            raise
        return Seen(content, [])
    if dump.code != 0:
        raise DeployError(
            "nginx refuses its configuration as it is.",
            expected="a configuration that it accepts, before a site is added",
            seen=dump.tail(5),
            where=nginx,
            remedy="Correct what it names (nginx -t says the same). Nothing was touched.",
        )
    parts = _nginx.files(dump.stdout)
    others = [claim for file, text in parts.items() if file != str(path) for claim in _nginx.claims(text, file)]
    return Seen(content, others)


def refuse_taken(seen: Seen, path: Path, wanted: str) -> None:
    """Refuse a site whose names, sockets, ports or addresses are somebody else's, or whose file is."""
    refuse_namesake(seen.content or "", wanted, path)
    _nginx.refuse_conflicts(_nginx.claims(wanted, str(path)), seen.others)
    for address in _nginx.addresses(wanted):
        found = _process.listeners(address)
        strangers = [pid for pid in sorted(found.pids) if not _process.command(pid).startswith("nginx:")]
        if strangers or (found.foreign and not found.pids):
            raise DeployError(
                "Another program listens where nginx is to listen.",
                expected=f"nginx, or nobody, on {address}",
                seen=", ".join(f"pid {pid} ({_process.command(pid)})" for pid in strangers) or "another user's process",
                where=str(path),
                remedy="Stop it, or choose another address in edge_sites. Nothing was touched.",
            )


def refuse_namesake(content: str, wanted: str, path: Path) -> None:
    """Refuse to overwrite the site of another app: two of one name, in two inventories, would share a file."""
    roots = [set(_LIVE.findall(text)) for text in (content, wanted)]
    if all(roots) and not roots[0] & roots[1]:
        before, after = (", ".join(sorted(found)) for found in roots)
        raise DeployError(
            "Another app on this host has a site of this name.",
            expected=f"no site, or one that leads to {after}",
            seen=f"one that leads to {before}",
            where=str(path),
            remedy="Choose another name in edge_sites; if the app moved, remove the file first. Nothing was touched.",
        )


def put(nginx: str, path: Path, wanted: str | None, *, before: str | None) -> None:
    """Exchange the file; put it back as it was where nginx refuses the whole.

    :raises DeployError: with nginx's own words.
    """
    _write(path, wanted)
    tested = run([nginx, "-t", "-q"], env=minimal_environment())
    if tested.code != 0:
        _write(path, before)
        raise DeployError(
            "nginx refuses the site.",
            expected="a configuration that nginx -t accepts",
            seen=tested.tail(5),
            where=str(path),
            remedy="Correct what it names in edge_sites, or in the file that it names. The file is as it was before.",
        )


def is_newer_than_workers(path: Path) -> bool:
    """Whether nginx runs with workers that were all started before the file was written."""
    named = [pid for pid in _process.pids() if _process.command(pid).startswith("nginx: worker process")]
    workers = [pid for pid in named if not _process.is_in_container(pid)]  # those have a configuration of their own
    if not workers or not path.exists():
        return False
    return min(map(_process.age, workers)) > time.time() - path.stat().st_mtime


def _write(path: Path, content: str | None) -> None:
    if content is not None:
        write_atomic(path, content)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
