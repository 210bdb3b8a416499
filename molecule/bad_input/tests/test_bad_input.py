# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What cannot be right is refused in clear words before anything is touched."""

from __future__ import annotations

import io
import json
import os
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.nodeops.pm2.molecule.conftest import REFUSED, listing

if TYPE_CHECKING:
    from ansible_collections.nodeops.pm2.molecule.conftest import App

pytestmark = pytest.mark.usefixtures("as_users_see_it")

NOBODY = 12345  # a uid that is not ours


@dataclass(frozen=True)
class Mistake:
    """What a user may get wrong.

    :param says: what has to stand in the output: what is wrong, what was expected, or what to do.
    :param options: that are wrong; ``artifact`` is one of the files that :func:`artifacts` makes.
    """

    name: str
    says: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


MISTAKES = [
    Mistake("nothing to deploy", ("It is not clear what to deploy.", "seen: neither"), {"artifact": ""}),
    Mistake("artifact missing", ("The artifact cannot be read.", "No such file", "input/none"), {"artifact": "none"}),
    Mistake("wrong checksum", ("The artifact is not the one that was meant.",), {"artifact_sha256": "0" * 64}),
    Mistake("archive cut short", ("The archive is corrupt.", "input/cut_short"), {"artifact": "cut_short"}),
    Mistake("hostile archive", ("../outside", "input/hostile"), {"artifact": "hostile"}),
    Mistake("id with a slash", ("bluegreen_release is 1 to 64 letters", "not a/b"), {"release": "a/b"}),
    Mistake("equal ports", ("Both slots have the same port", "blue 3001, green 3001"), {"ports": (3001, 3001)}),
    Mistake(
        "port out of range",
        ("bluegreen_ports has no usable port for green.", "a whole number from 1 to 65535", "65536"),
        {"ports": (3001, 65536)},
    ),
    Mistake(
        "misspelt options",
        ("bluegreen_relese, bluegreen_soack would be read by nobody: no option has such a name.",),
        {"relese": "r1", "soack": 3},
    ),
    Mistake("hook in one string", ("before_gate", "['npm', 'run', 'x']"), {"hooks": {"before_gate": ["npm run x"]}}),
    Mistake(
        "unknown rule",
        ("bluegreen_check_skip names a rule that does not exist.", "stale_build_output", "stale_biuld"),
        {"check_skip": ["stale_biuld"]},
    ),
    Mistake("unknown phase", ("before_lunch",), {"hooks": {"before_lunch": [["true"]]}}),
    Mistake("instances in words", ("instances", "'two'", "whole number"), {"instances": "two"}),
    Mistake(
        "misspelled pm2 option", ("max_memory_restat", "max_memory_restart"), {"pm2_options": {"max_memory_restat": 1}}
    ),
    Mistake(
        "host that lacks everything",
        (
            *("[pm2_missing]", "/nowhere/pm2", "provision.yml", "[node_too_old]", "older than 99"),
            *("[shared_missing]", "shared/local.json", "[env_file_missing]", "/nowhere/env"),
        ),
        {"pm2_bin": "/nowhere/pm2", "node_minimum": "99", "shared_files": ["local.json"], "env_file": "/nowhere/env"},
    ),
    Mistake("node missing", ("[node_missing]", "/nowhere/node"), {"node_bin": "/nowhere/node"}),
]


@pytest.fixture(scope="module")
def artifacts(app: App) -> Path:
    """A directory of archives: ``good``, and some that are not."""
    directory = app.card.directory / "input"
    directory.mkdir()
    source = app.source("release-1")
    with tarfile.open(directory / "good", "w:gz") as good:
        good.add(source, arcname=".", filter=lambda member: None if "/.git" in member.name else member)
    whole = (directory / "good").read_bytes()
    (directory / "cut_short").write_bytes(whole[: len(whole) // 2])
    with tarfile.open(directory / "hostile", "w:gz") as hostile:
        hostile.addfile(tarfile.TarInfo("../outside"), io.BytesIO())
    return directory


def refused(app: App, artifacts: Path, mistake: Mistake) -> None:
    """Deploy with the mistake: it is told, and nothing on the host is another than before."""
    options = {"release": "r9", "artifact": "good", **mistake.options}
    if options["artifact"]:
        options["artifact"] = str(artifacts / options["artifact"])
    if "ports" in options:
        options["ports"] = dict(zip(("blue", "green"), options["ports"]))
    before = listing(app.card.directory)
    run = app.play("deploy", ends=REFUSED, **options)
    missing = [words for words in mistake.says if words not in run.output]
    assert not missing, run.output
    assert listing(app.card.directory) == before


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "_"))
def test_a_mistake_is_told_before_anything_is_touched(app: App, artifacts: Path, mistake: Mistake) -> None:
    refused(app, artifacts, mistake)
    assert not app.card.root.exists()


def test_all_that_provisioning_lacks_is_named_at_once(app: App) -> None:
    unsaid = {"runtime_prefix": "", "runtime_pm2_home": "", "edge_sites": []}
    told = app.play("provision", "-e", json.dumps(unsaid), ends=REFUSED).output
    assert "Missing:" in told
    assert "runtime_user: who deploys" in told
    assert "edge_sites: what the edge serves" in told
    edgeless = app.play("provision", "-e", json.dumps(unsaid), strategy="restart", ends=REFUSED).output
    assert "runtime_user: who deploys" in edgeless
    assert "edge_sites: what" not in edgeless


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_root_that_belongs_to_someone_else_is_refused(app: App, artifacts: Path) -> None:
    app.card.root.mkdir()
    os.chown(app.card.root, NOBODY, -1)
    refused(app, artifacts, Mistake("foreign root", ("[root_owner]", f"belongs to uid {NOBODY}", "chown")))
    assert not list(app.card.root.iterdir())
    app.card.root.rmdir()


def test_there_is_nothing_to_go_back_to_on_a_new_host(app: App) -> None:
    run = app.rollback(ends=REFUSED)
    assert "There is no good release before the live one to go back to." in run.output
    assert not app.card.root.exists()
