# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which files of a release build, copy or start something, and what."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._scripts import scripts
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

WORKFLOW = """\
name: deploy
on: {push: {branches: [main]}}
jobs:
  deploy:
    steps:
      - uses: actions/checkout@v4
      - name: Build
        run: npm run build
      - run: |
          npm ci
          pm2 reload shop
      - run: "rsync dist/ host:"
"""
DOCKERFILE = """\
FROM node:24 AS build
# npm run nothing
RUN npm ci && \\
    # why
    npm run build
COPY --from=build --chown=node /app/dist ./dist
ENV A=b
CMD ["node", "dist/my server.js"]
ENTRYPOINT exec node dist/server.js
"""


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("deploy.sh", "npm ci", ["shell 1 npm ci"]),
        ("a/b/deploy.bash", "npm ci", ["shell 1 npm ci"]),
        ("scripts/deploy", "#!/usr/bin/env bash\nnpm ci", ["shell 2 npm ci"]),
        ("scripts/deploy", "npm ci", []),
        ("bin/www", "#!/usr/bin/env node\nnpm ci", []),
        ("src/deploy", "#!/bin/sh\nnpm ci", []),
        ("Makefile", "deploy: x\n\t@npm ci\nA = npm ci\n", ["make 2 npm ci"]),
        (
            ".github/workflows/deploy.yml",
            WORKFLOW,
            [
                "pipeline 8 npm run build", "pipeline 10 npm ci", "pipeline 11 pm2 reload shop",
                "pipeline 12 rsync dist/ host:",
            ],
        ),
        ("docs/workflows/deploy.yml", WORKFLOW, []),
        (".gitlab-ci.yml", "deploy:\n  script:\n    - npm ci\n    - 'pm2 reload shop'\n",
         ["pipeline 3 npm ci", "pipeline 4 pm2 reload shop"]),
        ("Jenkinsfile", "stage('x') { steps { sh 'npm ci' } }", ["pipeline 1 npm ci"]),
        ("Procfile", "web: node server.js", ["procfile 1 node server.js"]),
        (
            "Dockerfile",
            DOCKERFILE,
            [
                "docker 3 npm ci", "docker 3 npm run build", "docker 6 cp /app/dist ./dist",
                "image 8 node dist/my server.js", "image 9 node dist/server.js",
            ],
        ),
        ("package.json", {"scripts": {"deploy": "npm ci && pm2 reload shop", "odd": 1}},
         ["npm 3 npm ci", "npm 3 pm2 reload shop"]),
        ("package.json", {"scripts": ["npm ci"]}, []),
    ],
)  # fmt: skip
def test_scripts(tree_of: Callable[..., Tree], path: str, text: object, found: list[str]) -> None:
    known = {"npm", "pm2", "rsync", "cp", "node"}
    listed = [(script, one) for script in scripts(tree_of({path: text}), "") for one in script.commands]
    assert [
        f"{script.kind} {one.line} {' '.join(one.words)}" for script, one in listed if one.program in known
    ] == found


def test_npm_scripts_of_the_entrys_package_are_read_too(tree_of: Callable[..., Tree]) -> None:
    files = {
        f"{below}package.json": {"scripts": {"start": "node a.js"}} for below in ("", "packages/api/", "packages/web/")
    }
    found = [str(script) for script in scripts(tree_of(files), "packages/api")]
    assert found == ["scripts.start of package.json", "scripts.start of packages/api/package.json"]
