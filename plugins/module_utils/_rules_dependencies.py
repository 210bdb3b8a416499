# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Rules on dependencies: lockfiles, and the Node.js that the package asks for."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.nodeops.pm2.plugins.module_utils import _lockstep, _package
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Evidence, Finding, on, rule
from ansible_collections.nodeops.pm2.plugins.module_utils._lockstep import Difference
from ansible_collections.nodeops.pm2.plugins.module_utils._semver import satisfies
from ansible_collections.nodeops.pm2.plugins.module_utils._subject import Subject


@rule(
    ERROR,
    protects="Without a lockfile every install is another one: what was tested is not what is deployed.",
    remedy="Run npm install (or pnpm, yarn), and commit the lockfile.",
)
def lockfile_missing(subject: Subject) -> Iterator[Finding]:
    """The package has dependencies and neither a lockfile nor its node_modules with it."""
    tree = subject.tree
    needed = _package.dependencies(tree.json("package.json"), *_package.SECTIONS[:3])
    if needed and not _lockstep.present(tree) and not tree.exists("node_modules"):
        message = f"package.json has {len(needed)} dependencies, and there is no lockfile."
        yield Finding(message, (Evidence("package.json"),))


@rule(
    ERROR,
    protects="A frozen install refuses a lockfile that package.json has outrun, in the middle of a deploy.",
    remedy="Run npm install (or pnpm, yarn), and commit package.json and the lockfile together.",
)
def lockfile_out_of_step(subject: Subject) -> Iterator[Finding]:
    """package.json asks for something that the lockfile does not hold."""
    for lockfile in _lockstep.present(subject.tree)[:1]:
        found = list(_lockstep.differences(subject.tree, lockfile))
        for fits, what in ((False, "does not hold what package.json asks for"), (True, "is behind package.json")):
            items = [item for item in found if item.fits is fits]
            if items:
                said = ", ".join(map(_told, items[:10])) + (" and more" if len(items) > 10 else "")
                evidence = (*(_evidence(subject, item) for item in items[:10]), Evidence(lockfile))
                severity = WARNING if fits else ""
                yield Finding(f"{lockfile} {what}: {said}.", evidence, severity)


@rule(
    WARNING,
    protects="With two lockfiles one is not kept up, and which one an install takes is left to chance.",
    remedy="Keep the lockfile of the package manager you use, and delete the others.",
)
def lockfile_several(subject: Subject) -> Iterator[Finding]:
    """More than one package manager's lockfile."""
    present = _lockstep.present(subject.tree)
    if len(present) > 1:
        yield Finding(f"There are {len(present)} lockfiles: {', '.join(present)}.", tuple(map(Evidence, present)))


@rule(
    ERROR,
    protects="The app uses what this Node.js does not have.",
    remedy="Install a Node.js that package.json asks for (bluegreen_node_bin), or correct its engines.",
)
def engines_node(subject: Subject) -> Iterator[Finding]:
    """``engines.node`` is not met by the host's Node.js."""
    tree, version = subject.tree, subject.host.node.version
    engines = tree.json("package.json").get("engines")
    wanted = engines.get("node") if isinstance(engines, dict) else None
    if not isinstance(wanted, str) or not version:
        return
    line = _package.line_of_value(tree.text("package.json"), "engines", wanted)
    met = satisfies(version.partition("-")[0], wanted)
    if met is None:
        message = f"The engines.node of package.json, {wanted!r}, cannot be compared with Node.js {version}."
        yield Finding(message, (on(tree, "package.json", line),), WARNING)
    elif not met:
        message = f"package.json asks for Node.js {wanted}, and the host has {version}."
        yield Finding(message, (on(tree, "package.json", line),))


def _told(item: Difference) -> str:
    if not item.wanted:
        return f"{item.name} is no longer asked for"
    return f"{item.name} {item.wanted} ({'locked: ' + item.locked if item.locked else 'not locked'})"


def _evidence(subject: Subject, item: Difference) -> Evidence:
    text = subject.tree.text(item.manifest)
    return on(subject.tree, item.manifest, _package.line_of_value(text, item.name, item.wanted) if item.wanted else 0)
