# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the systemd unit of PM2 runs, as the deploy user: ``pm2_service.py --home PM2_HOME run``, or another action.

The daemon is the unit's own main process, so that systemd sees it die and nothing of it outlives the unit. At boot the
apps are started from what ``current`` says; PM2's dump is not needed, and none is written, since it would hold secrets.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _axon, _boot, _pm2
from ansible_collections.nodeops.pm2.plugins.module_utils._command import minimal_environment
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import read_json, write_atomic
from ansible_collections.nodeops.pm2.plugins.module_utils._pm2 import Pm2

POLL = 0.1
PATIENCE = 30.0  # seconds for the daemon to answer


def main(argv: list[str]) -> int:
    """Command line; 1 where something could not be done."""
    parser = argparse.ArgumentParser(description="The systemd unit of PM2.")
    parser.add_argument("--home", type=Path, required=True)
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("run", "ready", "start-live", "reload-logs"):
        action = actions.add_parser(name)
        if name in ("run", "start-live"):
            action.add_argument("--node", required=True)
            action.add_argument("--pm2", required=True)
        if name == "start-live":
            action.add_argument("root", type=Path, nargs="?", help="of one app; by default all that deploys have named")
    options = parser.parse_args(argv)
    pm2 = Pm2(options.home, getattr(options, "pm2", ""), getattr(options, "node", ""))
    try:
        if options.action == "run":
            run(pm2)
        elif options.action == "ready":
            ready(pm2)
        elif options.action == "start-live":
            return 0 if start_all(pm2, [options.root] if options.root else _boot.roots(pm2.home)) else 1
        else:
            reload_logs(pm2)
    except DeployError as error:
        say(error)
        return 1
    return 0


def run(pm2: Pm2) -> None:
    """Become the daemon; or, while one that a deploy started serves this home, wait for its end.

    The unit is restarted when this returns, and the daemon is then its own.
    """
    pid = _pm2.daemon_pid(pm2)
    if pid is None:
        become_daemon(pm2)
    else:
        say(f"PM2 runs already (process {pid}), outside of this unit, and is left alone until it ends.")
        outlast(pid)


def become_daemon(pm2: Pm2) -> None:
    """Replace this process by PM2's daemon, with nothing of the caller's, as the CLI would start it for a deploy."""
    pm2.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (pm2.home / "touch").touch()  # a home without it makes PM2 call home
    environment = minimal_environment(
        first_in_path=[Path(pm2.node).parent],
        PM2_HOME=str(pm2.home),
        PM2_DISABLE_VERSION_CHECK="true",
        # Written when the daemon is told to end; it would hold every app's environment.
        PM2_DUMP_FILE_PATH=os.devnull,
        PM2_DUMP_BACKUP_FILE_PATH=os.devnull,
    )
    daemon = Path(pm2.pm2).resolve().parents[1] / "lib" / "Daemon.js"
    log = os.open(pm2.home / "pm2.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.chdir("/")
    os.execve(pm2.node, [pm2.node, str(daemon)], environment)  # noqa: S606 - no shell is wanted


def outlast(pid: int) -> None:
    """Wait for the end of a daemon that is not ours, and hand on the signal that asks us to end."""

    def end(_number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    while Path(f"/proc/{pid}").exists():
        time.sleep(POLL)


def ready(pm2: Pm2) -> None:
    """Wait until the daemon answers."""
    deadline = time.monotonic() + PATIENCE
    while _pm2.daemon_version(pm2) is None:
        if time.monotonic() > deadline:
            raise DeployError(
                "PM2's daemon does not answer.",
                expected=f"an answer within {PATIENCE:g} s",
                seen="nobody listening",
                where=str(pm2.socket),
                remedy="Look into pm2.log in that directory.",
            )
        time.sleep(POLL)


def start_all(pm2: Pm2, roots: Sequence[Path]) -> bool:
    """Start what is live in each of them, also where one cannot be started; whether all could be."""
    good = True
    for root in roots:
        try:
            start_live(pm2, root)
        except (DeployError, OSError) as error:
            say(f"{root}: {error}")
            good = False
    return good


def start_live(pm2: Pm2, root: Path) -> None:
    """Start the release that ``current`` leads to, as its own ecosystem file says; leave it where it runs."""
    live = Path(os.path.realpath(root / "current"))
    ecosystem = live / "ecosystem.config.cjs"
    if not (root / "current").is_symlink() or not ecosystem.exists():
        say(f"{root}: nothing is live")
        return
    if any(os.path.realpath(record.cwd) == str(live) for record in _pm2.records(pm2)):
        say(f"{root}: {live.name} runs")
        return
    bring_home(live)
    remove_stale_socket(live / ".release" / "listen.sock")
    _pm2.start(pm2, ecosystem, timeout=PATIENCE)
    say(f"{root}: {live.name} is started")


def bring_home(live: Path) -> None:
    """Without an edge a release serves in one place only; a deploy that was cut off may have left it on the spare."""
    record = read_json(live / ".release" / "app.json")
    slots = record.get("slots") if isinstance(record, dict) else None
    if slots and not slots[0].get("socket"):
        home = live / ".release" / f"ecosystem.{slots[0]['name']}.cjs"
        write_atomic(live / "ecosystem.config.cjs", home.read_text(encoding="utf-8"))


def remove_stale_socket(link: Path) -> None:
    """A socket of the app's own that a killed process left behind would keep it from listening."""
    with contextlib.suppress(OSError):
        path = Path(os.path.realpath(link))
        if path.is_socket() and path.stat().st_uid == os.geteuid() and _axon.peer_pid(path) is None:
            path.unlink()


def reload_logs(pm2: Pm2) -> None:
    """Have the daemon open all logs anew, without PM2's CLI: that would start a daemon where none runs."""
    with contextlib.suppress(_axon.NotListening):
        _axon.call(pm2.socket, "reloadLogs")


def say(what: object) -> None:
    """A line for the journal."""
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
