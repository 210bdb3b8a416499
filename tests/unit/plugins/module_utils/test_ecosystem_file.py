# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ecosystem files are evaluated, whatever is in them, and nothing of theirs gets out that was not asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _ecosystem_file, _sandbox
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_file import EcosystemFile
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

Read = Callable[..., EcosystemFile]


@pytest.fixture
def read(tree_of: Callable[..., Tree], node: str, node_version: str) -> Read:
    def apply(text: Any, name: str = "ecosystem.config.js", **files: Any) -> EcosystemFile:
        return _ecosystem_file.read(tree_of({name: text, **files}), name, node=node, version=node_version)

    return apply


APP = "{name: 'shop', script: 'a.js', max_restarts: 15, env: {A: 'hunter2', PORT: 3}}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ecosystem.config.js", f"module.exports = {{apps: [{APP}]}}"),
        ("ecosystem.config.cjs", f"module.exports = {{apps: {APP}}}"),
        ("pm2.config.js", f"module.exports = [{APP}]"),
        ("ecosystem.config.mjs", f"export default {{apps: [{APP}]}}"),
        ("ecosystem.config.js", f"exports.apps = [{APP}]"),
        ("ecosystem.config.js", f"const app = {APP}; app.name = ['s', 'hop'].join(''); exports.apps = [app]"),
        ("process.json", '{"apps": {"name": "shop", "script": "a.js", "max_restarts": 15, "env": {"A":1, "PORT":3}}}'),
        ("pm2.json", '{"name": "shop", "exec": "a.js", "max_restarts": 15, /* c */ "env": {"A": 1, "PORT": "3"}}'),
    ],
)  # fmt: skip
def test_every_form_is_read(read: Read, name: str, text: str) -> None:
    found = read(text, name)
    assert found.error == ""
    (app,) = found.apps
    assert dict(app.options) == {"name": "shop", "script": "a.js", "max_restarts": 15}
    assert (app.name, sorted(app.env), app.port) == ("shop", ["A", "PORT"], "3")
    assert "hunter2" not in repr(found)


def test_what_it_requires_is_there_and_packages_that_are_not_do_no_harm(read: Read) -> None:
    text = (
        "require('dotenv').config(); const {name} = require('./package.json');"
        "const {script} = require('./config/pm2'); const path = require('path'); const x = require('x')(1).y;"
        "module.exports = {apps: [{name, script, cwd: path.basename(__dirname), args: `${x}`, watch: x}]}"
    )
    found = read(text, **{"package.json": {"name": "shop"}})
    assert found.error == "it ends with MODULE_NOT_FOUND"
    found = read(text, **{"package.json": {"name": "shop"}, "config/pm2.js": "exports.script = 'a.js'"})
    assert found.error == ""
    assert {"name": "shop", "script": "a.js", "args": ""}.items() <= dict(found.apps[0].options).items()


def test_variables_for_production_count(read: Read) -> None:
    found = read("module.exports = [{script: 1, env: {A: 1, PORT: 1}, env_production: {B: 2, PORT: 2}, env_x: {C: 1}}]")
    assert (sorted(found.apps[0].env), found.apps[0].port) == (["A", "B", "PORT"], "2")


@pytest.mark.parametrize(
    ("text", "error", "line"),
    [
        ("\nthrow new Error('the password is hunter2')", "it ends with Error", 2),
        ("\nconst a = ;", "it ends with SyntaxError", 2),
        ("throw 'hunter2'", "it ends with an error of its own", 0),
        ("class HunterError extends Error {}; throw new HunterError('hunter2')", "it ends with an error of its own", 1),
        ("const e = new Error(); e.code = 'hunter2'; throw e", "it ends with Error", 1),
        ("Promise.reject(new Error('hunter2')); while (Date.now() < 0);", "it names no app", 0),
        ("require('./nowhere')", "it ends with MODULE_NOT_FOUND", 1),
        ("module.exports = {}", "it names no app", 0),
        ("module.exports = 7", "it names no app", 0),
        ("module.exports = null", "it names no app", 0),
        ("module.exports = {apps: [1, null]}", "it names no app", 0),
        ("module.exports = {apps: [{get name() { throw new Error('hunter2') }}]}", "it ends with Error", 1),
        ("process.exit(0)", "it gave no answer", 0),
        ("require('fs').writeSync(1, 'hunter2'); module.exports = []", "it gave no answer", 0),
        ("require('child_process').execSync('echo hunter2')", "it ends with ERR_ACCESS_DENIED", 1),
        ("module.exports = {apps: 'x'.repeat(1e6).split('').map((a) => ({name: 'n', script: a}))}", "", 0),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_without_a_word_of_the_file(read: Read, text: str, error: str, line: int) -> None:
    found = read(text)
    assert (found.error, found.line) == (error, line)
    assert len(found.apps) == (50 if not error else 0)
    assert "hunter2" not in repr(found)


def test_what_it_prints_is_not_heard(read: Read) -> None:
    found = read(
        "console.log('hunter2'); process.stdout.write('hunter2'); console.error('x'); module.exports = [{script: 'a'}]"
    )
    assert (found.error, len(found.apps)) == ("", 1)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("while (true);", "it did not end within 0.5 s"),
        ("setInterval(() => {}, 9)", "it names no app"),
    ],
)
def test_a_file_that_loops(read: Read, monkeypatch: pytest.MonkeyPatch, text: str, why: str) -> None:
    monkeypatch.setattr(_sandbox, "SECONDS", 0.5)
    assert read(text).error == why


def test_values_are_cut_and_only_simple_ones_are_taken(read: Read) -> None:
    (app,) = read(
        "module.exports = [{name: 'n'.repeat(9999), script: 'a', exec_mode: {}, args: Array(99).fill('a'), odd: 1}]"
    ).apps
    assert (len(app.name), len(app.options["args"]), set(app.options)) == (300, 50, {"name", "script", "args"})


def test_a_module_format_that_pm2_could_not_read_either(read: Read) -> None:
    found = read("module.exports = {apps: []}", **{"package.json": {"type": "module"}})
    assert found.error == "it ends with ReferenceError"


def test_a_node_without_a_permission_model_is_not_asked(tree_of: Callable[..., Tree]) -> None:
    tree = tree_of({"ecosystem.config.js": "x", "process.json": '{"script": "a.js"}'})
    found = _ecosystem_file.read_all(tree, [""], node="/nowhere", version="18.20.0")
    assert [(one.path, len(one.apps)) for one in found] == [("ecosystem.config.js", 0), ("process.json", 1)]
    assert found[0].error == "Node.js 18.20.0 cannot keep it from files and processes"


def test_files_are_looked_for_at_the_top_and_beside_the_entrys_package(tree_of: Callable[..., Tree]) -> None:
    files = {
        f"{below}{name}": "{}" for below in ("", "packages/api/", "other/") for name in ("pm2.json", "config.json")
    }
    tree = tree_of({**files, "a.config.js": "", "ecosystem.config.ts": ""})
    found = _ecosystem_file.read_all(tree, ["", "packages/api"], node="", version="")
    assert [one.path for one in found] == ["pm2.json", "packages/api/pm2.json"]
