# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on the host: programs, addresses, room, ownership, lengths of paths, shared files."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._semver import at_least
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject

LONGEST_SOCKET = 107  # bytes of a unix socket's path: sun_path holds 108 with the NUL


@rule(ERROR, protects="Nothing runs without Node.js.", remedy="Run playbooks/provision.yml, or set bluegreen_node_bin.")
def node_missing(subject: Subject) -> Iterator[Finding]:
    """Node.js does not run on the host."""
    if subject.host.node.error:
        yield Finding(f"There is no Node.js that runs: {subject.host.node.error}")


@rule(
    ERROR,
    protects="Older Node.js knows neither --import nor --env-file.",
    remedy="Run playbooks/provision.yml with a newer Node.js, or set bluegreen_node_bin.",
)
def node_too_old(subject: Subject) -> Iterator[Finding]:
    """Node.js is older than the minimum."""
    version = subject.host.node.version
    if version and not at_least(version, subject.node_minimum):
        yield Finding(f"Node.js is {version}, older than {subject.node_minimum}.")


@rule(
    ERROR, protects="Nothing is started without PM2.", remedy="Run playbooks/provision.yml, or set bluegreen_pm2_bin."
)
def pm2_missing(subject: Subject) -> Iterator[Finding]:
    """PM2 is not installed on the host."""
    if subject.host.pm2.error:
        yield Finding(f"There is no PM2: {subject.host.pm2.error}")


@rule(ERROR, protects="Older PM2 speaks another language.", remedy="Run playbooks/provision.yml with a newer PM2.")
def pm2_too_old(subject: Subject) -> Iterator[Finding]:
    """PM2 is older than the minimum."""
    version = subject.host.pm2.version
    if version and not at_least(version, subject.pm2_minimum):
        yield Finding(f"PM2 is {version}, older than {subject.pm2_minimum}.")


@rule(
    WARNING,
    protects="A daemon of another version than the installed PM2 may not understand what it is told.",
    remedy="Run pm2 update in a quiet hour: it restarts every app of the daemon.",
)
def daemon_out_of_step(subject: Subject) -> Iterator[Finding]:
    """The running daemon is not of the installed version."""
    daemon, installed = subject.host.daemon, subject.host.pm2.version
    if daemon and installed and daemon != installed:
        yield Finding(f"The PM2 daemon that runs is {daemon}, the installed PM2 {installed}.")


@rule(
    ERROR,
    protects="The release cannot listen where another program does, and the edge would serve that one.",
    remedy="Stop that program, or choose other bluegreen_ports.",
)
def port_busy(subject: Subject) -> Iterator[Finding]:
    """A slot's address is taken by something that is not a release of this app."""
    for holder in subject.host.holders:
        if holder.who:
            yield Finding(f"{holder.address} of slot {holder.slot} is taken by {holder.who}.")


@rule(
    ERROR,
    protects="PM2 knows an app by its name alone, so that a deploy would stop and delete the other one.",
    remedy="Choose another bluegreen_app or bluegreen_pm2_home; an app started by hand is taken over by adopt.yml.",
)
def name_busy(subject: Subject) -> Iterator[Finding]:
    """PM2 runs an app of another root under a slot's name."""
    for holder in subject.host.holders:
        if holder.namesake:
            message = f"PM2 runs another app as {holder.process}."
            yield Finding(message, (Evidence(holder.namesake),))


@rule(
    ERROR,
    protects="A disk that fills up in the middle of a deploy takes the live release's logs and data with it.",
    remedy="Make room: lower bluegreen_keep_releases, remove logs, or enlarge the file system.",
)
def disk_space(subject: Subject) -> Iterator[Finding]:
    """Less free than three times the release plus the minimum."""
    size = sum(subject.tree.files.values())
    needed = 3 * size + subject.disk_minimum
    if subject.host.free_bytes < needed:
        message = f"{_mib(subject.host.free_bytes)} MiB are free, and the release needs {_mib(needed)} MiB."
        yield Finding(message, (Evidence(subject.host.where),))


@rule(
    ERROR,
    protects="A file system without free inodes makes no file, however many bytes are free.",
    remedy="Remove small files: old releases, entries of deps/, caches.",
)
def inodes(subject: Subject) -> Iterator[Finding]:
    """Fewer free inodes than twice the files of the release plus 10,000 for its dependencies."""
    free = subject.host.free_inodes
    needed = 2 * len(subject.tree.files) + 10_000
    if free is not None and free < needed:
        yield Finding(f"{free} inodes are free, and the release needs {needed}.", (Evidence(subject.host.where),))


@rule(
    ERROR,
    protects="The deploy user moves current itself, so the app's root has to be its own.",
    remedy="chown the root to the deploy user, connect as that user, or choose another bluegreen_root.",
)
def root_owner(subject: Subject) -> Iterator[Finding]:
    """The root is another user's, or cannot be written to or made."""
    host, root = subject.host, str(subject.root)
    if host.root_uid is None and not host.writable:
        message = f"{root} is not there, and uid {host.uid} may not make it in {host.where}."
        yield Finding(message, (Evidence(host.where),))
    elif host.root_uid is not None and host.root_uid != host.uid:
        message = f"{root} belongs to uid {host.root_uid}, and the deploy user is {host.uid}."
        yield Finding(message, (Evidence(root),))
    elif not host.writable:
        yield Finding(f"{root} cannot be written to by uid {host.uid}.", (Evidence(root),))


@rule(
    ERROR,
    protects="The kernel cuts off no path: a unix socket whose path is too long cannot be made.",
    remedy="Choose a shorter bluegreen_root, bluegreen_run_dir or bluegreen_pm2_home.",
)
def path_too_long(subject: Subject) -> Iterator[Finding]:
    """A unix socket's path has more than 107 bytes."""
    for path in subject.host.sockets:
        length = len(os.fsencode(path))
        if length > LONGEST_SOCKET:
            yield Finding(f"The path of a socket has {length} bytes, at most {LONGEST_SOCKET} fit.", (Evidence(path),))


@rule(
    ERROR,
    protects="A release is linked to files in shared/ that must be there before it starts.",
    remedy="Put them there, or remove them from bluegreen_shared_files.",
)
def shared_missing(subject: Subject) -> Iterator[Finding]:
    """An entry of shared_files does not exist."""
    for name in subject.host.shared_missing:
        yield Finding(f"The shared file {name} is missing.", (Evidence(str(subject.root / "shared" / name)),))


def _mib(size: int) -> int:
    return size >> 20
