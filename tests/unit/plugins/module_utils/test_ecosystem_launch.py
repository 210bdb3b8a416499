# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_launch import Launch, launch
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

TSX = Launch("src/server.ts", "node", tsx=True)


@pytest.mark.parametrize(
    "given",
    [
        {"script": "tsx", "args": ["src/server.ts"]},
        {"script": "tsx", "args": "src/server.ts"},
        {"script": "tsx src/server.ts"},
        {"script": "npx tsx src/server.ts"},
        {"script": "npx", "args": ["tsx", "src/server.ts"]},
        {"script": "npx", "args": ["--yes", "tsx@4", "src/server.ts"]},
        {"script": "node_modules/.bin/tsx", "args": ["src/server.ts"]},
        {"script": "./node_modules/.bin/tsx", "args": ["src/server.ts"]},
        {"script": "./node_modules/tsx/dist/cli.mjs", "args": ["src/server.ts"]},
        {"script": "./node_modules/tsx/dist/cli.mjs", "args": ["src/server.ts"], "interpreter": "node"},
        {"script": "src/server.ts", "interpreter": "tsx"},
        {"script": "src/server.ts", "interpreter": "./node_modules/.bin/tsx"},
        {"script": "src/server.ts", "interpreter": "/usr/local/bin/tsx"},
        {"script": "src/server.ts", "interpreter": "node --import tsx"},
        {"script": "src/server.ts", "interpreter": "node", "node_args": "--import tsx"},
        {"script": "src/server.ts", "node_args": "--import tsx"},
        {"script": "src/server.ts", "node_args": ["--import", "tsx"]},
        {"script": "src/server.ts", "node_args": ["--import=tsx"]},
        {"script": "src/server.ts", "node_args": ["--import", "tsx/esm"]},
        {"script": "src/server.ts", "node_args": "--loader tsx"},
        {"script": "src/server.ts", "node_args": "--experimental-loader=tsx"},
        {"script": "src/server.ts", "node_args": "-r tsx"},
        {"script": "src/server.ts", "node_args": "--require tsx/cjs"},
        {"script": "src/server.ts", "node_args": "--require tsx/cjs --import tsx/esm"},
        {"script": "node --import tsx src/server.ts"},
        {"script": "node", "args": ["--import", "tsx", "src/server.ts"]},
        {"script": "src/server.ts", "node_options": "--import=tsx"},
    ],
)
def test_every_way_to_write_tsx_is_one_process_of_node(given: dict[str, Any]) -> None:
    assert launch(**given) == TSX


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"script": "dist/server.js"}, Launch("dist/server.js", "node")),
        ({"script": "dist/server.js", "args": "--x 1"}, Launch("dist/server.js", "node", args=("--x", "1"))),
        ({"script": "src/server.ts"}, Launch("src/server.ts", "node")),
        ({"script": "node_modules/.bin/serve", "args": ["-l", 80]},
         Launch("node_modules/.bin/serve", "node", args=("-l", "80"))),
        ({"script": "a.js", "interpreter": "/opt/node/bin/node"}, Launch("a.js", "/opt/node/bin/node")),
        ({"script": "a.js", "interpreter": "nodejs"}, Launch("a.js", "node")),
        ({"script": "a.js", "node_args": "--enable-source-maps --import ./i.mjs"},
         Launch("a.js", "node", (("--enable-source-maps",), ("--import", "./i.mjs")))),
        ({"script": "tsx", "args": "--tsconfig tsconfig.prod.json --no-cache --conditions=x src/a.ts -- --y"},
         Launch("src/a.ts", "node", (("--conditions=x",),), ("--", "--y"), tsx=True,
                env={"TSX_TSCONFIG_PATH": "tsconfig.prod.json", "TSX_DISABLE_CACHE": "1"})),
        ({"script": "src/a.ts", "args": ["tsx", "watch"]}, Launch("src/a.ts", "node", args=("tsx", "watch"))),
        ({"script": "src/a.ts", "interpreter": "tsx", "node_args": "--tsconfig=t.json"},
         Launch("src/a.ts", "node", tsx=True, env={"TSX_TSCONFIG_PATH": "t.json"})),
        ({"script": "app.py", "interpreter": "python3", "node_args": "-u", "node_options": "--import tsx"},
         Launch("app.py", "python3", (("-u",),))),
        ({"script": "start.sh", "interpreter": "bash"}, Launch("start.sh", "bash")),
        ({"script": "bin/app", "interpreter": "none"}, Launch("bin/app", "none")),
    ],
)  # fmt: skip
def test_launch(given: dict[str, Any], expected: Launch) -> None:
    assert launch(**given) == expected


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"script": "tsx", "args": ["watch", "src/server.ts"]}, "tsx watch: it restarts the app by itself"),
        ({"script": "tsx watch --clear-screen=false src/server.ts"}, "tsx watch: it restarts the app by itself"),
        ({"script": "tsx", "args": "--no-cache watch src/server.ts"}, "tsx watch: it restarts the app by itself"),
        ({"script": "src/a.ts", "interpreter": "tsx", "node_args": "watch"}, "tsx watch: it restarts the app"),
        ({"script": "npm", "args": "start"}, "npm: PM2 would watch the package manager"),
        ({"script": "npm start"}, "npm: PM2 would watch the package manager"),
        ({"script": "npm -- run start"}, "npm: PM2 would watch the package manager"),
        ({"script": "/usr/lib/node_modules/npm/bin/npm-cli.js", "args": "start"}, "npm: PM2 would watch"),
        ({"script": "yarn", "args": ["start"]}, "yarn: PM2 would watch the package manager"),
        ({"script": "pnpm", "args": ["start"]}, "pnpm: PM2 would watch the package manager"),
        ({"script": "start", "interpreter": "npm"}, "npm: PM2 would watch the package manager"),
        ({"script": "npx serve"}, "node_modules/.bin/serve"),
        ({"script": "npx"}, "npx: PM2 would watch"),
        ({"script": "ts-node", "args": "src/a.ts"}, "--require', 'ts-node/register"),
        ({"script": "src/a.ts", "interpreter": "ts-node"}, "--require', 'ts-node/register"),
        ({"script": "src/a.ts", "interpreter": "node_modules/.bin/ts-node-dev"}, "not for production"),
        ({"script": "nodemon src/a.js"}, "not for production"),
        ({"script": "cross-env NODE_ENV=production node a.js"}, "Put the variables in env"),
        ({"script": "NODE_ENV=production node a.js"}, "PM2 would watch a shell"),
        ({"script": "cd api && node a.js"}, "PM2 would watch a shell"),
        ({"script": "node a.js > log"}, "PM2 would watch a shell"),
        ({"script": "bash", "args": ["-c", "node a.js"]}, "PM2 would watch a shell"),
        ({"script": "bun run a.ts"}, "Name it as interpreter"),
        ({"script": "start.sh"}, "Node.js cannot run .sh"),
        ({"script": "app.py", "interpreter": "node"}, "Node.js cannot run .py"),
        ({"script": "a.js", "node_args": "--watch"}, "--watch: it restarts the app by itself"),
        ({"script": "node --run start"}, "--run: PM2 would watch the package manager"),
        ({"script": "node -e 1"}, "-e: it runs a text"),
        ({"script": "a.js", "node_args": ["-e", "1"]}, "-e: it runs a text"),
        ({"script": "a.js", "node_args": "--inspect-brk=9229"}, "wait for a debugger"),
        ({"script": "a.js", "interpreter": "node@20"}, "another Node.js while it starts"),
        ({"script": ""}, "nothing to run"),
        ({"script": "tsx"}, "nothing to run"),
        ({"script": "a b", "interpreter": "python3"}, "one file, run by python3"),
        ({"script": {"a": 1}}, "script of the PM2 process cannot be read"),
        ({"script": "a.js", "args": {"a": 1}}, "args of the PM2 process cannot be read"),
    ],
)
def test_what_pm2_could_not_watch_is_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(DeployError) as refusal:
        launch(**given)
    assert reason in str(refusal.value)
    assert refusal.value.remedy


@pytest.mark.parametrize(("interpreter", "expected"), [("", True), ("/x/bin/node", True), ("python3", False)])
def test_is_node(interpreter: str, expected: bool) -> None:
    assert launch(script="a", interpreter=interpreter).is_node is expected
