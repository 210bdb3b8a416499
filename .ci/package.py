# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Build what a user installs, and ask those who take collections whether they would take it.

``python .ci/package.py check`` builds the collection, installs it, has Galaxy's importer, antsibull-docs and
ansible-builder look at it, and builds the site of the documentation, which ``python .ci/package.py docs`` does alone.
Both run in the environment of requirements/package.txt, and reach no network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import worktree
from worktree import CHECKOUT

WORK = CHECKOUT / ".cache/package"
SITE = CHECKOUT / ".cache/site"
INSTALLED = WORK / "collections"
COLLECTION = INSTALLED / "ansible_collections/nodeops/pm2"
# What a user does not need: the importer says of everything else that it is there.
TRACES = (".git/", ".github/", ".ci/", "molecule/", "tests/", "demo/", "requirements/", "Makefile")
ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "HOME": str(WORK / "home"),
    "LANG": "C.UTF-8",
    "NO_COLOR": "1",
    "ANSIBLE_COLLECTIONS_PATH": str(INSTALLED),
    # make lint has run it on these very files.
    "GALAXY_IMPORTER_RUN_ANSIBLE_LINT": "false",
}


def main(arguments: list[str]) -> int:
    """0, or 1 where one of them found something."""
    if arguments not in (["check"], ["docs"]):
        sys.exit("package.py check | docs")
    archive = build()
    if arguments == ["docs"]:
        return docs()
    print(f"{archive.name}: {archive.stat().st_size // 1024} KiB")
    return check(archive)


def build() -> Path:
    """The archive, made of a copy of what is tracked or would be, and installed as a user would."""
    source = WORK / "source"
    for directory in (source, INSTALLED):
        shutil.rmtree(directory, ignore_errors=True)
    (WORK / "home").mkdir(parents=True, exist_ok=True)
    worktree.copy(source)
    run("ansible-galaxy", "collection", "build", "--force", "--output-path", str(WORK), where=source)
    [archive] = WORK.glob("nodeops-pm2-*.tar.gz")
    run("ansible-galaxy", "collection", "install", str(archive), "--collections-path", str(INSTALLED), "--offline")
    return archive


def check(archive: Path) -> int:
    """What each of them found, printed."""
    found = {
        "the archive": [f"{name} has no place in it" for name in TRACES if (COLLECTION / name).exists()],
        "galaxy-importer": importer(archive),
        "antsibull-docs": documentation(),
        "ansible-builder": builder(),
        "sphinx": site(),
    }
    for who, lines in found.items():
        print(f"{'ok' if not lines else 'FAILED':6} {who}")
        print("".join(f"       {line}\n" for line in lines), end="")
    return int(any(found.values()))


def importer(archive: Path) -> list[str]:
    """What Galaxy would warn of or refuse."""
    code, said = ask("python", "-m", "galaxy_importer.main", str(archive))
    lines = [line for line in said.splitlines() if re.match("(WARNING|ERROR|CRITICAL)", line)]
    return lines + ([] if code == 0 and "Importer processing completed successfully" in said else [said[-500:]])


def documentation() -> list[str]:
    """Markup, references and schemas of all plugins, roles and pages."""
    strict = ("--plugin-docs", "--skip-rstcheck", "--check-extra-docs-refs", "--disallow-unknown-collection-refs")
    options = (*strict, "--validate-collection-refs", "self")
    code, said = ask("antsibull-docs", "lint-collection-docs", *options, ".", where=WORK / "source")
    return said.splitlines() if code else []


def builder() -> list[str]:
    """What an execution environment would need, and whether the example of one can be made."""
    code, said = ask("ansible-builder", "introspect", str(INSTALLED))
    lacks = [f"introspect does not name {name}: {said}" for name in ("git", "openssh") if name not in said]
    example = ("--file", str(COLLECTION / "examples/execution-environment.yml"), "--context", str(WORK / "context"))
    created, told = ask("ansible-builder", "create", *example)
    return ([said] if code else lacks) + ([told] if created else [])


def docs() -> int:
    """The site, with its address."""
    found = site()
    print("\n".join(found) or f"file://{SITE}/build/html/index.html")
    return int(bool(found))


def site() -> list[str]:
    """Build the site below ``.cache/site``; what was said of it, where anything was: a warning is an error."""
    shutil.rmtree(SITE, ignore_errors=True)
    shutil.copytree(CHECKOUT / "docs/site", SITE)
    # antsibull-docs writes into no directory that others may write to.
    (SITE / "rst").chmod(0o755)
    options = ("--use-current", "--squash-hierarchy", "--fail-on-error", "--dest-dir", str(SITE / "rst"))
    run("antsibull-docs", "--config-file", str(SITE / "antsibull-docs.cfg"), "collection", *options, "nodeops.pm2")
    code, said = ask("sphinx-build", "-M", "html", "rst", "build", "-c", ".", "-q", "-W", "--keep-going", where=SITE)
    return said.splitlines() if code else []


def ask(*argv: str, where: Path = WORK) -> tuple[int, str]:
    """The exit code and what was printed."""
    ended = subprocess.run(
        argv, cwd=where, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return ended.returncode, ended.stdout


def run(*argv: str, where: Path = WORK) -> str:
    """What was printed by something that must not fail."""
    code, said = ask(*argv, where=where)
    if code:
        sys.exit(f"{' '.join(argv[:3])} ended with {code}:\n{said}")
    return said


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
