# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The boot rehearsal: a release goes the first stretch of the road in a private place, and nothing is left of it.

It is staged, started and gated by the code of a deploy. What it must not reach is another: the place has a PM2, a
ledger, a lock and shared directories of its own, the app gets a private port, and of what is shared it has copies.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import (
    _app,
    _dependencies,
    _options,
    _phases,
    _private,
    _proof,
    _road,
    _shared,
    _stage,
)
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError, failure_of
from ansible_collections.nodeops.pm2.plugins.module_utils._layout import Layout, Slot
from ansible_collections.nodeops.pm2.plugins.module_utils._scrub import scrub

_MARGIN = 120.0  # seconds for what has no limit of its own: unpacking, copying, evaluating the ecosystem file
# Where it would serve. It never will; but a release that serves only where it starts would be switched to first.
_NOWHERE = Slot("nowhere", "", "")
_HOOK = "after_stage"  # the one that finishes a build; the others are about what is live

SPEC: dict[str, Any] = {
    **_options.ROOT,
    **_options.SLOT,
    **_proof.SPEC,
    "directory": {"type": "path", "required": True},
    "release": {"type": "str", "required": True},
    "archive": {"type": "path", "required": True},
    "checksum": {"type": "str", "default": ""},
    "revision": {"type": "str", "default": ""},
    "ecosystem": {"type": "str", "required": True},
    "app": {"type": "str", "default": ""},
    "shared_dirs": {"type": "list", "elements": "str", "default": []},
    "shared_files": {"type": "list", "elements": "str", "default": []},
    "dependencies": {"type": "str", "choices": ["install", "shipped"], "default": "install"},
    "install_args": {"type": "list", "elements": "str", "default": []},
    "install_timeout": {"type": "float", "default": 600},
    "hooks": {"type": "dict", "default": {}},
    "hook_timeout": {"type": "float", "default": 600},
    "stop_timeout": {"type": "float", "default": 30},
    "secret_files": _app.SPEC["secret_files"],
    "pm2_bin": {"type": "str", "default": "pm2"},
    "node_bin": {"type": "str", "default": "node"},
}


def run(params: Mapping[str, Any]) -> dict[str, Any]:
    """Rehearse, and say what came of it, for the checklist: ``passed``, ``where``, ``seconds``, ``why`` not.

    :param params: options of :data:`SPEC`.
    """
    course = _phases.Course()
    app = _app_of(params)
    try:
        _rehearse(params, app, course)
    except (DeployError, OSError) as error:
        why = scrub(str(failure_of(error)["msg"]), secrets=app.hidden())
        return _result(params, course, why=f"{course.at}: {why}" if course.at else why)
    return _result(params, course)


def _rehearse(params: Mapping[str, Any], app: _app.App, course: _phases.Course) -> None:
    what = f"rehearsal of {params['release']}"
    with _private.place(Path(params["directory"]), what=what, most=_longest(params)) as (place, lease):
        course.lease = lease
        _lend(Layout(Path(params["root"])), place, params)
        hooks = {name: commands for name, commands in params["hooks"].items() if name == _HOOK}
        run = _phases.Run("rehearsal", "rehearsal", hooks, params["hook_timeout"])
        slot, stage = app.idle(""), functools.partial(_stage.stage, place, _order(params))
        journey = _road.Journey(place, params["release"], app, slot, "", run, course, stage=stage)
        _road.travel(journey, _road.GATED)


def _result(params: Mapping[str, Any], course: _phases.Course, *, why: str = "") -> dict[str, Any]:
    seconds = sum(course.seconds.get(name, 0.0) for name in ("start", "gate"))
    address = params["slot"]["address"]
    return {"changed": False, "passed": not why, "where": address, "seconds": round(seconds, 3), "why": why}


def _longest(params: Mapping[str, Any]) -> float:
    """Seconds after which whoever rehearses must be hanging."""
    limits = ("install_timeout", "hook_timeout", "deadline")
    return _MARGIN + sum(float(params[name]) for name in limits) + 4 * float(params["stop_timeout"])


def _lend(live: Layout, place: Layout, params: Mapping[str, Any]) -> None:
    """Copies of the shared files, and what the dependency store has already; directories it gets empty ones."""
    _shared.refuse_outside([*params["shared_dirs"], *params["shared_files"]])
    for name in params["shared_files"]:
        source, target = live.shared / name, place.shared / name
        _shared.refuse_missing(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)
    place.deps.mkdir()
    for entry in live.deps.iterdir() if live.deps.is_dir() else ():
        if _dependencies.is_complete(entry):
            (place.deps / entry.name).symlink_to(entry.resolve())


def _app_of(params: Mapping[str, Any]) -> _app.App:
    """No edge, and a spare slot that is proved as in a deploy; nobody will ever publish or retire it."""
    return _app.App(
        name=params["app"],
        slots=(_NOWHERE, _options.slot_of(params["slot"])),
        pm2=_private.pm2_in(Layout(Path(params["directory"])), pm2=params["pm2_bin"], node=params["node_bin"]),
        front="",
        proof={name: params[name] for name in _proof.SPEC},
        stop_timeout=params["stop_timeout"],
        drain_timeout=0.0,
        standby=0.0,
        keep=0,
        confirm_timeout=0.0,
        reversible=True,
        secret_files=tuple(params["secret_files"]),
    )


def _order(params: Mapping[str, Any]) -> _stage.Order:
    return _stage.Order(
        release=params["release"],
        revision=params["revision"],
        archive=Path(params["archive"]),
        sha256=params["checksum"],
        ecosystems={params["slot"]["name"]: params["ecosystem"]},
        record="{}\n",  # nobody comes back to a release that is only rehearsed
        shared_dirs=params["shared_dirs"],
        shared_files=params["shared_files"],
        install=params["dependencies"] == "install",
        install_args=params["install_args"],
        install_timeout=params["install_timeout"],
        node=params["node_bin"],
        check_skip=(),
        by="rehearsal",
    )
