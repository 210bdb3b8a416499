# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run ``ansible-test sanity`` on a copy of the working tree, with nothing from the network but a package registry.

ansible-test wants a git checkout under ``ansible_collections/nodeops/pm2`` without a virtual environment in it, and
keeps what it makes under the home directory. So it gets a copy in a temporary directory, and a home of its own under
``.cache``, where its environments wait for the next run. Arguments are handed on: ``--test validate-modules``.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import ansible_test

import worktree
from pythons import OLDEST_TARGET, find_python

CHECKOUT = Path(__file__).resolve().parent.parent
HOME = CHECKOUT / ".cache" / "sanity"
SKIPPED = {
    "pslint": "there is no PowerShell in the collection, and none on a package registry",
}
# The project's own programs, which no playbook runs; ruff and mypy hold them to rules of their own.
LEFT_OUT = (".ci/", "demo/", "molecule/", "tests/unit/")
BOOTSTRAP = "import ensurepip\n\nensurepip.bootstrap(upgrade=True)\n"


def main(arguments: list[str]) -> int:
    """The exit code of ansible-test."""
    for test, reason in SKIPPED.items():
        print(f"SKIPPED: {test}: {reason}")
    prepare_home()
    with tempfile.TemporaryDirectory(prefix="sanity-") as temporary:
        tree = Path(temporary, "ansible_collections", "nodeops", "pm2")
        worktree.copy(tree, left_out=LEFT_OUT)
        for argv in (["git", "init", "--quiet"], ["git", "add", "--all"]):
            subprocess.run(argv, cwd=tree, check=True)
        path = search_path(Path(temporary, "bin"))
        skip = [argument for test in SKIPPED for argument in ("--skip-test", test)]
        return subprocess.run(
            ["ansible-test", "sanity", "--color", "no", *skip, *arguments],
            cwd=tree,
            env={"HOME": str(HOME), "PATH": path, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
            check=False,
        ).returncode


def prepare_home() -> None:
    """Put pip's bootstrap where ansible-test looks before it would download one, and this user's pip settings beside.

    ansible-test hands no environment on to pip, so that settings made by variables have to become a file as well.
    """
    bootstrap = HOME / ".ansible" / "test" / "cache" / f"get_pip_{pip_version().replace('.', '_')}.py"
    bootstrap.parent.mkdir(parents=True, exist_ok=True)
    bootstrap.write_text(BOOTSTRAP, encoding="utf-8")
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = HOME / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    merged = pip_settings(listed)
    merged.set("global", "quiet", "2")
    with settings.open("w", encoding="utf-8") as stream:
        merged.write(stream)


def pip_version() -> str:
    """The version of pip that the installed ansible-test names its bootstrap after."""
    source = Path(ansible_test.__path__[0], "_internal", "python_requirements.py").read_text(encoding="utf-8")
    found = re.search(r"\bpip='([0-9.]+)'", source)
    if found is None:
        sys.exit("This ansible-test does not say which pip it wants; see get_venv_packages in its sources.")
    return found[1]


def pip_settings(listed: str) -> configparser.RawConfigParser:
    """What ``pip config list`` printed, as one file; a variable (section ``:env:``) beats a file, as it does in pip."""
    merged = configparser.RawConfigParser()
    merged.add_section("global")
    for line in listed.splitlines():
        name, value = line.split("=", 1)
        section, option = name.rsplit(".", 1)
        section = "global" if section == ":env:" else section
        if option != "config-file":
            if not merged.has_section(section):
                merged.add_section(section)
            merged.set(section, option, ast.literal_eval(value).replace("\n", "\n "))
    return merged


def search_path(directory: Path) -> str:
    """A PATH with this environment's programs and two interpreters: this one and the oldest on a host.

    ansible-test would use every version it finds, and trips over shims that do not run.
    """
    directory.mkdir()
    oldest = find_python(OLDEST_TARGET)
    if oldest:
        (directory / f"python{OLDEST_TARGET}").symlink_to(oldest)
    else:
        print(f"SKIPPED: import and compile under Python {OLDEST_TARGET}: none found")
    git = Path(shutil.which("git") or "/usr/bin/git").parent
    return os.pathsep.join(map(str, [directory, Path(sys.executable).parent, git, "/usr/bin", "/bin"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
