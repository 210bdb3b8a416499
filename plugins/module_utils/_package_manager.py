# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How each package manager is found and told to install exactly what its lockfile says."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _command
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._lockfile import Lockfile, Runtime

_NPM = "lib/node_modules/npm/bin/npm-cli.js"
# npm prints no token, but what install scripts print is not npm's.
_SECRET = re.compile(r"(_authToken|_auth|_password|npmAuthToken)(\s*[=:]\s*)\S+|(?<=://)[^\s/@]+:[^\s/@]+@")
_DESCRIBE = """
process.report.excludeNetwork = true;
const glibc = process.report.getReport().header.glibcVersionRuntime;
const libc = process.platform === 'linux' ? (glibc ? 'glibc' : 'musl') : '';
console.log(JSON.stringify({version: process.version, platform: process.platform, arch: process.arch, libc}));
"""


@dataclass(frozen=True)
class Node:
    """A Node.js installation: its program, and the directories that its companions are looked for in, first to last."""

    program: Path
    directories: tuple[Path, ...]

    def find(self, name: str) -> str | None:
        """The path of the program ``name``, beside Node first."""
        return shutil.which(name, path=self.path)

    @property
    def path(self) -> str:
        return ":".join([*map(str, self.directories), _command.SYSTEM_PATH])

    def environment(self) -> dict[str, str]:
        """For package managers: never a question, never a PnP tree, no network beyond the packages themselves."""
        return _command.minimal_environment(
            first_in_path=self.directories,
            CI="true",
            COREPACK_ENABLE_DOWNLOAD_PROMPT="0",
            YARN_ENABLE_GLOBAL_CACHE="1",
            YARN_ENABLE_TELEMETRY="0",
            YARN_NODE_LINKER="node-modules",
        )


def locate(node: str) -> Node:
    """The installation that ``node``, a path or a name on the system's path, belongs to."""
    found = shutil.which(node, path=_command.SYSTEM_PATH)
    if found is None:
        raise DeployError(
            "There is no Node.js here.",
            expected="an executable file",
            seen="none",
            where=node,
            remedy="Install Node.js, or name its program by node_bin.",
        )
    program = Path(found)
    return Node(program, tuple(dict.fromkeys((program.parent, program.resolve().parent))))


def runtime(node: Node) -> Runtime:
    """What Node says it is."""
    output = _command.run([str(node.program), "-e", _DESCRIBE], env=node.environment())
    try:
        return Runtime(**json.loads(output.stdout))
    except (ValueError, TypeError) as error:
        raise DeployError(
            "Node.js does not say what it is.",
            expected="its version and platform",
            seen=output.tail(5) or f"exit code {output.code}",
            where=str(node.program),
        ) from error


def command(lockfile: Lockfile, node: Node, install_args: Sequence[str], *, tree: Path) -> list[str]:
    """The argument list that installs from ``lockfile``; ``tree`` is the release, which may bring its own yarn."""
    if lockfile.manager == "npm":
        fixed = [*_npm(node), "ci", "--no-audit", "--no-fund", "--no-update-notifier"]
    elif lockfile.manager == "pnpm":
        # Neither hard links into pnpm's own store nor absolute paths of the directory that is renamed afterwards.
        settings = ["--config.package-import-method=clone-or-copy", "--config.extend-node-path=false"]
        fixed = [_program(node, "pnpm"), "install", "--frozen-lockfile", *settings]
    elif lockfile.manager == "berry":
        fixed = [*_berry(node, tree), "install", "--immutable"]
    else:
        fixed = [_program(node, "yarn"), "install", "--frozen-lockfile", "--non-interactive"]
    return [*fixed, *install_args]


def excerpt(stdout: str, stderr: str, *, lines: int = 30) -> str:
    """Beginning and end of what a failed program said, without tokens and passwords.

    Both, because npm begins with the reason and ends with its usage, while a compiler ends with the reason.
    """
    said = [line for line in f"{stdout}\n{stderr}".splitlines() if line.strip()]
    if len(said) > lines:
        said = [*said[: lines // 2], "...", *said[-(lines - lines // 2) :]]
    return _SECRET.sub(lambda match: f"{match[1]}{match[2]}***" if match[1] else "***@", "\n".join(said))


def _npm(node: Node) -> list[str]:
    """npm's script run by this Node: a copied ``bin/npm`` finds no library, a linked one may find another Node."""
    beside = [directory.parent / _NPM for directory in node.directories]
    found = next((path for path in beside if path.is_file()), None)
    on_path = node.find("npm")
    if found is None and on_path and os.path.realpath(on_path).endswith(".js"):
        found = Path(os.path.realpath(on_path))
    return [str(node.program), str(found)] if found else [_program(node, "npm")]


def _berry(node: Node, tree: Path) -> list[str]:
    settings = tree / ".yarnrc.yml"
    text = settings.read_text(encoding="utf-8") if settings.is_file() else ""
    own = re.search(r"^yarnPath:\s*[\"']?([^\"'\s]+)", text, re.MULTILINE)
    return [str(node.program), own[1]] if own else [_program(node, "yarn")]


def _program(node: Node, name: str) -> str:
    found = node.find(name)
    if found is None:
        raise DeployError(
            f"The lockfile needs {name}, which is not here.",
            expected=f"a program {name} beside Node.js or on the system's path",
            seen="none",
            where=node.path,
            remedy=f"Install it (npm install --global {name}), or ship node_modules: bluegreen_dependencies: shipped.",
        )
    return found
