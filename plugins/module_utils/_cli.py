# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``bluegreen``: what a person at the host's shell can ask and do, without Ansible, by the code that a deploy runs."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _alert_test,
    _begin,
    _deploy,
    _guard_settings,
    _ledger,
    _lock,
    _phases,
    _registry,
    _status,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._io import owner_of
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout

SETTINGS = "/etc/bluegreen/guard.json"
DONE, FAILED, USAGE, LOOK, BUSY = 0, 1, 2, 3, 4
_EPILOG = """\
exit codes:
  0  it is done; status: a good release is live and serves
  1  it failed, or was refused; what was begun has been undone
  2  the command line is wrong
  3  status: somebody should look (nothing live, not confirmed, not serving, frozen, drift, the guard does not run, or
     nobody would be told); alert-test: a channel did not deliver, or there is none
  4  somebody else holds the app's lock
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    options = _parser().parse_args(argv)
    try:
        return int(options.act(options))
    except DeployError as error:
        sys.stderr.write(f"{error.at_hand()}\n")
        return BUSY if "holder" in error.facts else FAILED
    except OSError as error:
        said = _not_yours(error, sys.argv[1:] if argv is None else argv)
        sys.stderr.write(f"{said or f'The host refused to do it: {error}'}\n")
        return FAILED


def status(options: argparse.Namespace) -> int:
    """What is live, whether it serves, who watches; and whether all is as it was declared."""
    found = _status.read(_layout(options), guard=_directory(options), drift=options.drift)
    _say(options, found.as_dict(), lambda: _status.lines(found, host=os.uname().nodename))
    return DONE if found.good else LOOK


def history(options: argparse.Namespace) -> int:
    """What happened, the newest last, with the times of each incident."""
    found = _status.read(_layout(options), guard=_directory(options), last=options.last)
    told = {name: found.as_dict()[name] for name in ("history", "incidents")}
    _say(options, told, lambda: _status.history_lines(found, last=options.last))
    return DONE


def rollback(options: argparse.Namespace) -> int:
    """To the last good release, or to a named one: gated, published and proved, undone where it fails."""
    layout, course = _layout(options), _phases.Course()
    claim = _begin.Claim(_owner("rollback"), unfreeze=options.unfreeze)
    run = _phases.Run("rollback", claim.owner.who)
    journey = _deploy.roll_back(layout, options.release or "", claim, run, course)
    told = {"release": journey.release, "previous": journey.previous, "phases": course.seconds, "found": course.found}
    took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in course.seconds.items())
    _say(options, told, lambda: [*course.found, f"{journey.release} is live and good ({took})."])
    return DONE


def freeze(options: argparse.Namespace) -> int:
    """Refuse every deploy and every act of the guard until it is lifted."""
    layout, who = _layout(options), _owner("freeze").who
    _lock.freeze(layout.root, options.reason, by=who)
    _ledger.append(layout.ledger, _ledger.Entry(_ledger.now(), "frozen", by=who, reason=options.reason))
    _say(options, {"frozen": options.reason}, lambda: [f"Frozen: {options.reason}"])
    return DONE


def unfreeze(options: argparse.Namespace) -> int:
    """Lift a freeze."""
    layout = _layout(options)
    lifted = _lock.unfreeze(layout.root)
    if lifted:
        _ledger.append(layout.ledger, _ledger.Entry(_ledger.now(), "unfrozen", by=_owner("unfreeze").who))
    _say(options, {"lifted": lifted}, lambda: ["It is not frozen any more." if lifted else "It was not frozen."])
    return DONE


def alert_test(options: argparse.Namespace) -> int:
    """Have the guard send a message through every channel."""
    tested = _alert_test.ask(_directory(options), timeout=options.timeout)
    told = {"at": tested.at, "good": tested.good, "verdicts": [vars(one) for one in tested.verdicts]}
    lines = [f"{one.channel}: {'delivered' if one.good else one.text}" for one in tested.verdicts]
    _say(options, told, lambda: lines or ["There is no channel: the guard has nobody to tell."])
    return DONE if tested.good else LOOK


def guard(options: argparse.Namespace) -> int:
    """Be the guard, until told to end."""
    from ansible_collections.nodeops.pm2.plugins.module_utils import _service  # noqa: PLC0415 - no other command needs it

    settings = Path(options.settings)
    if options.stop:
        stopped = _service.stop(_guard_settings.load(settings).directory)
        _say(options, {"changed": stopped}, lambda: ["stopped" if stopped else "none ran"])
    elif options.detach:
        started = _service.start(settings, os.environ, log=Path(options.detach))
        _say(options, {"changed": started}, lambda: ["started" if started else "runs already"])
    else:
        return _service.run(settings, os.environ)
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bluegreen",
        description="Blue-green releases on this host: what is live, what happened, and the way back.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_common(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for act in (status, history, rollback, freeze, unfreeze, alert_test, guard):
        name = act.__name__.replace("_", "-")
        command = commands.add_parser(name, help=act.__doc__, description=act.__doc__)
        command.set_defaults(act=act)
        _add_common(command, default=argparse.SUPPRESS)  # what was said before the command stands
        _add_arguments(name, command)
    return parser


def _add_common(parser: argparse.ArgumentParser, *, default: Any = None) -> None:
    """What every command takes, before its name or after it."""
    parser.add_argument("--app", default=default, help="which app, where the guard watches several")
    parser.add_argument("--root", type=Path, default=default, help="the app's root, where no guard knows it")
    settings = default or SETTINGS
    parser.add_argument("--settings", default=settings, help=f"the guard's settings (default: {SETTINGS})")
    parser.add_argument("--json", action="store_true", default=default or False, help="for machines")


def _add_arguments(name: str, command: argparse.ArgumentParser) -> None:
    if name in ("status", "history"):
        # As the alerts name it; another default than None would take the place of --app.
        command.add_argument("app", nargs="?", default=argparse.SUPPRESS, metavar="APP", help="the same as --app")
    if name == "status":
        command.add_argument("--drift", action="store_true", help="compare everything with what was declared")
    if name == "history":
        command.add_argument("--last", type=int, default=20, metavar="N", help="events (default: %(default)s)")
    if name == "rollback":
        command.add_argument("release", nargs="?", metavar="ID", help="which release (default: the last good one)")
        command.add_argument("--unfreeze", action="store_true", help="lift a freeze first")
    if name == "guard":
        how = command.add_mutually_exclusive_group()
        how.add_argument("--detach", metavar="LOG", help="in the background, where no service manager does it")
        how.add_argument("--stop", action="store_true", help="end the one that runs in the background")
    if name == "freeze":
        command.add_argument("reason", help="why, for whoever wonders")
    if name == "alert-test":
        command.add_argument("--timeout", type=float, default=60, metavar="S", help="seconds (default: %(default)s)")


def _layout(options: argparse.Namespace) -> Layout:
    """Where the app is that is meant."""
    if options.root:
        return Layout(options.root.absolute())
    known = _registry.apps(_directory(options))
    if options.app in known:
        return Layout(known[options.app])
    if options.app is None and len(known) == 1:
        return Layout(*known.values())
    raise DeployError(
        f"There is no app {options.app} here." if options.app else "It is not clear which app is meant.",
        expected=f"--app with one of {', '.join(known)}" if known else "--root with the app's root",
        seen=options.app or "none named",
        where=str(_directory(options)),
    )


def _directory(options: argparse.Namespace) -> Path:
    """Where the guard keeps its things; without settings, where it would."""
    try:
        return _guard_settings.load(Path(options.settings)).directory
    except (DeployError, PermissionError):
        return _registry.DIRECTORY


def _not_yours(error: OSError, argv: Sequence[str]) -> DeployError | None:
    """Whose command it is, where it is refused because it is not the one's who called it."""
    path = Path(str(error.filename or ""))
    if not isinstance(error, PermissionError) or not path.is_absolute():
        return None
    caller, owner = getpass.getuser(), next(filter(None, map(owner_of, (path, *path.parents))), "")
    if owner in ("", "root", caller):
        return None
    return DeployError(
        f"This is not for {caller} to do.",
        expected=f"the user {owner}, to whom it belongs",
        seen=f"{error.strerror}: {path}",
        remedy=f"sudo -u {owner} {shlex.join(('bluegreen', *argv))}",
    )


def _owner(what: str) -> _lock.Owner:
    return _lock.this_process(f"{getpass.getuser()}@{os.uname().nodename}", what)


def _say(options: argparse.Namespace, told: dict[str, Any], lines: Callable[[], list[str]]) -> None:
    text = json.dumps(told, indent=2, ensure_ascii=False) if options.json else "\n".join(lines())
    sys.stdout.write(f"{text}\n")
