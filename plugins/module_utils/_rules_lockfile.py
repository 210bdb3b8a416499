# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on where dependencies come from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from ansible_collections.nodeops.pm2.plugins.module_utils import _integrity, _lockstep, _package
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, on, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._integrity import Sources
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject

_SHOWN = 10


@rule(
    ERROR,
    protects="What nothing vouches for can be exchanged on its way from the registry to the host.",
    remedy="Delete the entries (or the lockfile and node_modules), run npm install, and commit the new lockfile.",
)
def lockfile_integrity(subject: Subject) -> Iterator[Finding]:
    """The lockfile fetches packages over plain HTTP without a hash, or takes from a repository or a file what
    package.json asks a registry for.

    A warning: plain HTTP with a hash, packages without a hash, and few that come from another host than all others.
    """
    for lockfile in _lockstep.present(subject.tree)[:1]:
        found = _sources(subject, lockfile)
        here = (Evidence(lockfile),)
        if found.plain_unhashed:
            yield Finding(f"Fetched over plain HTTP and without a hash: {_listed(found.plain_unhashed)}.", here)
        overridden = subject.tree.json("package.json").get("overrides")
        told = [f"{name} from {what}" for name, what in found.exchanged if name not in (overridden or ())]
        if told:
            yield Finding(f"Asked for by a version and taken from elsewhere: {_listed(told)}.", here)
        if found.plain:
            yield Finding(f"Fetched over plain HTTP: {_listed(found.plain)}.", here, WARNING)
        if found.unhashed:
            yield Finding(f"The lockfile has no hash of {_listed(found.unhashed)}.", here, WARNING)
        if found.strange:
            told = [f"{name} from {host}" for name, host in found.strange]
            yield Finding(f"Fetched from another host than the rest: {_listed(told)}.", here, WARNING)


@rule(
    ERROR,
    protects="A dependency outside the artifact is not there on the host: the install fails, or the app does.",
    remedy="Pack it too, publish it, or ship node_modules: bluegreen_dependencies: shipped.",
)
def dependency_outside(subject: Subject) -> Iterator[Finding]:
    """A dependency by file:, link:, portal: or a path that leads out of the release, or to what is not in it.

    So is one on the workspace whose package is not in the release.
    """
    tree = subject.tree
    home = tree.package_of(subject.entry.script)
    omitted = () if _package.omits_dev(list(subject.install_args)) else ("devDependencies",)
    sections = ("dependencies", "optionalDependencies", *omitted)
    names = set(_package.workspace_packages(tree)) | {str(tree.json("package.json").get("name", ""))}
    for below in dict.fromkeys(("", home)):
        manifest = posixpath.join(below, "package.json")
        for name, wanted in _package.dependencies(tree.json(manifest), *sections).items():
            why = _outside(subject, below, name, wanted, names)
            if why and not tree.exists(posixpath.join(below, "node_modules", name)):
                line = _package.line_of_value(tree.text(manifest), name, wanted)
                yield Finding(f"{manifest} takes {name} from {wanted}, {why}.", (on(tree, manifest, line),))


def _sources(subject: Subject, lockfile: str) -> Sources:
    if lockfile in _lockstep.NPM:
        return _integrity.of_npm(_lockstep.npm_packages(subject.tree))
    text = subject.tree.whole_text(lockfile)
    if lockfile == _lockstep.PNPM:
        return _integrity.of_pnpm(text)
    return _integrity.of_yarn(text) if lockfile == _lockstep.YARN else Sources()


def _outside(subject: Subject, below: str, name: str, wanted: str, names: set[str]) -> str:
    """Why a dependency is not in the release; empty where it is, or comes from elsewhere."""
    if wanted.startswith("workspace:"):
        other = re.match(r"workspace:((?:@[\w.-]+/)?[A-Za-z][\w.-]*)@", wanted)
        return "" if (other[1] if other else name) in names else "and the release has no such package"
    local = re.match(r"(?:file:|link:|portal:)(.*)|((?:\.{1,2}|~|)/.*)", wanted)
    if not local or wanted.startswith("//"):
        return ""
    path = local[1] if local[1] is not None else local[2]
    plain = posixpath.normpath(posixpath.join(below, path))
    if path.startswith(("/", "~")) or plain == ".." or plain.startswith("../"):
        return "which is outside the release"
    return "" if subject.tree.exists(plain) else "which is not in the release"


def _listed(names: list[str]) -> str:
    shown = list(dict.fromkeys(names))
    return ", ".join(shown[:_SHOWN]) + (f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else "")
