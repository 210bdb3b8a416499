# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The demo backend as it is, as it ages, and as it breaks.

Run ``python demo/variants.py VARIANT DEST [--git]``, or call :func:`make`. What each variant does under
``node --import tsx src/server.ts`` was seen on Node.js 20.20 and 24.19 with tsx 4.23:

====================== =========================================================================================
variant                what it does
====================== =========================================================================================
release-1              the backend as it lies in ``demo/backend``; listens after about half a second
release-2              says another greeting and ``version`` 2.0.0; same lockfile
incident               a stale ``dist/`` of compiled days that the package's ``exports`` still lead to: after 1.2 s
                       ``SyntaxError: Identifier '__dirname' has already been declared``, exit 1
never_ready            listens; ``/health`` answers 503 for ever
alive_without_listener the top-level await is rejected while a timer runs: exit 1 by itself, but under PM2, which
                       swallows the rejection, alive and deaf; ``--unhandled-rejections=strict`` restores the exit
never_listens          alive for ever, no listener, under any launcher
crash_at_boot          throws before it listens, exit 1
crash_1200ms           answers well, throws 1.2 s after it began to listen, exit 1
crash_15s              answers well, throws 15 s after it began to listen, exit 1
crash_when_live        answers well; throws within half a second once ``current`` leads to it, exit 1
told                   answers well until ``told/<release>`` in the app's root says otherwise: ``crash`` and ``refused``
                       end it within 0.1 s, at each start anew, ``hang`` keeps it from answering
wrong_status           listens; ``/health`` answers 500, all else is well
wrong_port             ignores ``PORT``: listens on 127.0.0.1, port ``WRONG_PORT`` (3999 where that is unset)
env_missing            throws at boot unless ``REQUIRED_SECRET`` is set, exit 1; ``.env.example`` names it
silent_worker          the second worker of a cluster never listens and lives on; the others answer well
syntax_error           does not compile: a transform error at once, exit 1
====================== =========================================================================================
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

BACKEND = Path(__file__).resolve().parent / "backend"
_LEFT_BEHIND = shutil.ignore_patterns("node_modules", "dist", ".env", "REVISION")

_SERVER = "src/server.ts"
_APP = "src/app.ts"
_LISTENING = "server.listen(address, () => {\n"
_IMPORT_APP = "import { app } from './app.js';\n"

# Written for sloppy-mode CommonJS, as old compilers did. The octal literal is legal there and nowhere else, so that
# Node.js cannot take the file for an ES module and reports the declaration itself, as it did in the incident.
_STALE_APP = """\
Object.defineProperty(exports, "__esModule", { value: true });
exports.app = void 0;
const fs = require("node:fs");
const path = require("node:path");
const __dirname = path.resolve();
fs.mkdirSync(path.join(__dirname, "uploads"), { recursive: true, mode: 0755 });
const express = require("express");
exports.app = express();
exports.app.get("/health", (_request, response) => response.json({ status: "ok" }));
"""
_STALE_SERVER = """\
const { app } = require("./app.js");
app.listen(process.env.PORT);
"""


def make(variant: str, dest: Path, *, git: bool = False) -> Path:
    """Copy the backend to ``dest`` and apply one change.

    :param variant: one of :data:`VARIANTS`.
    :param dest: a directory that does not exist yet.
    :param git: also make it a git repository with one commit that holds every file, ignored ones included.
    :returns: ``dest``.
    :raises KeyError: no such variant.
    :raises FileExistsError: ``dest`` exists.
    """
    change = VARIANTS[variant]
    shutil.copytree(BACKEND, dest, ignore=_LEFT_BEHIND)
    change(dest)
    if git:
        commit(dest, variant)
    return dest


def commit(tree: Path, message: str) -> None:
    """Commit every file of ``tree``, ignored ones included; make it a git repository where it is none."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {
        **inherited,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        **{f"GIT_{role}_NAME": "Demo" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": "demo@example.com" for role in ("AUTHOR", "COMMITTER")},
    }
    # --force, because a stale dist/ was committed once although it is ignored now.
    for argv in (["init", "--quiet"], ["add", "--all", "--force"], ["commit", "--quiet", "--message", message]):
        subprocess.run(["git", *argv], cwd=tree, env=environment, check=True)


def _replace(tree: Path, name: str, old: str, new: str) -> None:
    path = tree / name
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{name} does not hold exactly once: {old!r}")
    path.write_text(text.replace(old, new), encoding="utf-8")


def _write(tree: Path, name: str, text: str) -> None:
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _edit_package(tree: Path, **fields: Any) -> None:
    path = tree / "package.json"
    package = {**json.loads(path.read_text(encoding="utf-8")), **fields}
    path.write_text(json.dumps(package, indent=2) + "\n", encoding="utf-8")


def _unchanged(tree: Path) -> None:
    """The backend as it is."""


def _release_2(tree: Path) -> None:
    _replace(tree, "src/greeting.ts", "'1.0.0'", "'2.0.0'")
    _replace(tree, "src/greeting.ts", "from the first release", "from the second release")


def _incident(tree: Path) -> None:
    _write(tree, "dist/package.json", '{ "type": "commonjs" }\n')
    _write(tree, "dist/app.js", _STALE_APP)
    _write(tree, "dist/server.js", _STALE_SERVER)
    _edit_package(tree, main="dist/server.js", exports={".": "./dist/server.js", "./app": "./dist/app.js"})
    slow_boot = "// The database takes its time.\nawait new Promise((resolve) => setTimeout(resolve, 1200));\n"
    _replace(tree, _SERVER, _IMPORT_APP, "")
    _at_boot(slow_boot + "const { app } = await import('demo-backend/app');")(tree)


def _health(status: int) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        _replace(tree, _APP, "response.json({ status: 'ok',", f"response.status({status}).json({{ status: 'not ok',")

    return change


def _at_boot(code: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        _replace(tree, _SERVER, "const server =", f"{code}\n\nconst server =")

    return change


def _crash_after(milliseconds: int) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        throw = f"throw new Error('crashed {milliseconds} ms after it began to listen');"
        timer = f"  setTimeout(() => {{\n    {throw}\n  }}, {milliseconds});\n"
        _replace(tree, _SERVER, _LISTENING, _LISTENING + timer)

    return change


def _crash_when_live(tree: Path) -> None:
    _replace(tree, _SERVER, _IMPORT_APP, f"import {{ existsSync, realpathSync }} from 'node:fs';\n\n{_IMPORT_APP}")
    is_live = "existsSync('../../current') && realpathSync('../../current') === process.cwd()"
    throw = "throw new Error('crashed once it was live');"
    timer = f"  setInterval(() => {{\n    if ({is_live}) {throw}\n  }}, 500);\n"
    _replace(tree, _SERVER, _LISTENING, _LISTENING + timer)


def _told(tree: Path) -> None:
    _replace(tree, _SERVER, _IMPORT_APP, f"import {{ readFileSync }} from 'node:fs';\n{_CONNECT}\n{_IMPORT_APP}")
    _at_boot(_OBEY)(tree)


_CONNECT = "import { connect } from 'node:net';"
_OBEY = """\
const told = (): string => {
  try {
    return readFileSync(`../../told/${identity.release}`, 'utf8').trim();
  } catch {
    return '';
  }
};
const obey = (): void => {
  if (told() === 'crash') throw new SyntaxError('told to crash');
  if (told() === 'refused') connect(1, '127.0.0.1'); // nobody listens there, and nobody takes the error
  while (told() === 'hang');
};
setInterval(obey, 100);"""


def _never_listens(tree: Path) -> None:
    _replace(tree, _SERVER, "server.listen(address,", "server.once('never',")
    _at_boot("setInterval(() => undefined, 60_000);")(tree)


def _silent_worker(tree: Path) -> None:
    """PM2 numbers the workers; one that never asks for the port is passed by, and nobody notices."""
    _replace(
        tree, _SERVER, "server.listen(address,", "if (process.env.NODE_APP_INSTANCE !== '1') server.listen(address,"
    )
    _at_boot("setInterval(() => undefined, 60_000);")(tree)


def _wrong_port(tree: Path) -> None:
    fixed = "{ port: Number(process.env.WRONG_PORT ?? 3999), host: '127.0.0.1' }"
    _replace(tree, _SERVER, "server.listen(address,", f"server.listen({fixed},")


def _env_missing(tree: Path) -> None:
    _replace(tree, ".env.example", "GREETING=Hello\n", "GREETING=Hello\n# Signs the sessions.\nREQUIRED_SECRET=\n")
    _at_boot("if (!process.env.REQUIRED_SECRET) throw new Error('REQUIRED_SECRET is not set');")(tree)


VARIANTS: dict[str, Callable[[Path], None]] = {
    "release-1": _unchanged,
    "release-2": _release_2,
    "incident": _incident,
    "never_ready": _health(503),
    "alive_without_listener": _at_boot(
        "setInterval(() => undefined, 60_000);\n"
        "await Promise.reject(new Error('database: connect ECONNREFUSED 127.0.0.1:5432'));"
    ),
    "never_listens": _never_listens,
    "crash_at_boot": _at_boot("throw new Error('crashed at boot');"),
    "crash_1200ms": _crash_after(1200),
    "crash_15s": _crash_after(15_000),
    "crash_when_live": _crash_when_live,
    "told": _told,
    "wrong_status": _health(500),
    "wrong_port": _wrong_port,
    "env_missing": _env_missing,
    "silent_worker": _silent_worker,
    "syntax_error": _at_boot("const broken = {;"),
}


def main() -> None:
    """Command line: make one variant."""
    parser = argparse.ArgumentParser(description="Copy the demo backend and apply one change.")
    parser.add_argument("variant", choices=VARIANTS, metavar="VARIANT", help=", ".join(VARIANTS))
    parser.add_argument("dest", type=Path, metavar="DEST", help="directory to make")
    parser.add_argument("--git", action="store_true", help="make it a git repository with one commit")
    options = parser.parse_args()
    make(options.variant, options.dest, git=options.git)


if __name__ == "__main__":
    main()
