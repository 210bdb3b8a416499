# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ecosystem files that lie in a release: what PM2 would be given, found out by evaluating them, never by patterns."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils import _modules, _sandbox
from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_options import canonical
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

NAMES = re.compile(r"(ecosystem|pm2)\.config\.(js|cjs|mjs|json)|(ecosystem|process|processes|pm2)\.json")
MOST = 3
_MOST_BESIDE = 200  # files that it may want to read
_LONGEST_BESIDE = 256 * 1024
_EVALUATE = """
const fs = require('node:fs');
const Module = require('node:module');
const need = require;
// What is evaluated as text has these as globals, which a file that is loaded as an ES module must not find.
for (const name of ['require', 'module', 'exports', '__filename', '__dirname']) delete globalThis[name];
const { pathToFileURL } = need('node:url');
const [file] = process.argv.slice(1);
const say = (value) => { fs.writeSync(1, JSON.stringify(value) + '\\n'); process.reallyExit(0) };
for (const stream of [process.stdout, process.stderr]) stream.write = () => true;
const inert = new Proxy(function () {}, {
  get: (_target, key) => key === Symbol.toPrimitive ? () => '' : key === 'then' ? undefined : inert,
  apply: () => inert, construct: () => inert,
});
const load = Module._load;
Module._load = function (...given) {
  try { return load.apply(this, given) } catch (error) {
    if (error && error.code === 'MODULE_NOT_FOUND' && !/^[./]/.test(given[0])) return inert;
    throw error;
  }
};
const text = (value) => String(value).slice(0, 300);
const plain = (value) =>
  Array.isArray(value) ? value.slice(0, 50).map(plain) : ['string', 'number', 'boolean'].includes(typeof value) ?
    (typeof value === 'string' ? text(value) : value) : null;
const pick = (app) => {
  const found = {};
  for (const [name, value] of Object.entries(app).slice(0, 200)) {
    if (/^env(_|$)/.test(name) || plain(value) === null) continue;
    found[text(name)] = plain(value);
  }
  const env = { ...(app.env || {}), ...(app.env_production || {}) };
  const port = /^[0-9]{1,5}$/.test(String(env.PORT)) ? String(env.PORT) : '';
  return { options: found, env: Object.keys(env).slice(0, 500).map(text), port };
};
const tell = (config) => {
  config = config && config.default && !config.apps ? config.default : config;
  const given = config && (config.apps || config.pm2 || config);
  const apps = (Array.isArray(given) ? given : [given]).filter((app) => app && typeof app === 'object');
  say({ apps: apps.slice(0, 50).map(pick) });
};
const fail = (error) => {
  const at = String(error && error.stack).split(file + ':')[1];
  const code = String(error && error.code), kind = String(error && error.constructor && error.constructor.name);
  const of_node = /^(ERR_[A-Z_]{1,40}|MODULE_NOT_FOUND)$/.test(code);
  const known = of_node ? code : /^([A-Z][a-zI]*)?Error$/.test(kind) ? kind : '';
  say({
    error: globalThis[known] || known === code ? known : 'an error of its own',
    line: Number((/^[0-9]+/.exec(at || '') || [0])[0]),
  });
};
process.on('uncaughtException', fail);
let found;
try { found = need(file) } catch (error) {
  if (!error || !['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error.code)) fail(error);
  import(pathToFileURL(file)).then(tell).catch(fail);
}
if (found !== undefined) try { tell(found) } catch (error) { fail(error) }
"""


@dataclass(frozen=True)
class App:
    """One entry of such a file.

    :param options: by PM2's own names; a name that PM2 does not know is left out.
    :param env: names of its variables, those for production among them.
    :param port: its ``PORT``, empty where that is no number.
    """

    options: Mapping[str, Any]
    env: frozenset[str] = frozenset()
    port: str = ""

    @property
    def name(self) -> str:
        return str(self.options.get("name") or "")


@dataclass(frozen=True)
class EcosystemFile:
    """What was found out about one file.

    :param error: why there is nothing, in words that hold nothing of the file's own.
    :param line: where it failed, 0 where that is not known.
    """

    path: str
    apps: tuple[App, ...] = field(default_factory=tuple)
    error: str = ""
    line: int = 0


def read_all(tree: Tree, places: Iterable[str], *, node: str, version: str) -> tuple[EcosystemFile, ...]:
    """The ecosystem files right in ``places``, directories of the release; at most three, the rest is left alone."""
    found = [
        posixpath.join(below, name)
        for below in dict.fromkeys(places)
        for name in tree.directories.get(below, ())
        if NAMES.fullmatch(name)
    ]
    return tuple(read(tree, path, node=node, version=version) for path in found[:MOST])


def read(tree: Tree, path: str, *, node: str, version: str) -> EcosystemFile:
    """Evaluate one file; whatever it does, this returns within seconds."""
    if path.endswith(".json"):
        whole = tree.json(path)
        return _told(path, {"apps": [_of_json(app) for app in _apps(whole)]} if whole else {"error": "SyntaxError"})
    if not version or not _sandbox.permission_flag(version):
        return EcosystemFile(
            path, error=f"Node.js {version or 'is missing, or'} cannot keep it from files and processes"
        )
    root = tree.put_on_disk(_beside(tree, path))
    try:
        ran = _sandbox.run(node, version, _EVALUATE, str(root / path), readable=root)
    except DeployError as error:
        return EcosystemFile(path, error=error.what)
    if ran.why:
        return EcosystemFile(path, error=ran.why)
    try:
        return _told(path, json.loads(ran.output))
    except ValueError:
        return EcosystemFile(path, error="it gave no answer")


def _beside(tree: Tree, path: str) -> list[str]:
    """It, what it requires, and the small files around it and at the top, which it may want to read."""
    around = [
        posixpath.join(below, name)
        for below in dict.fromkeys(("", posixpath.dirname(path)))
        for name in tree.directories.get(below, ())
    ]
    small = [name for name in around if tree.files[name] <= _LONGEST_BESIDE][:_MOST_BESIDE]
    return [*_modules.reachable(tree, path)[:_MOST_BESIDE], *small]


def _apps(whole: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    apps = whole.get("apps", whole)
    return [app for app in (apps if isinstance(apps, list) else [apps]) if isinstance(app, dict)]


def _of_json(app: Mapping[str, Any]) -> dict[str, Any]:
    env = (
        {**(app.get("env") or {}), **(app.get("env_production") or {})} if isinstance(app.get("env", {}), dict) else {}
    )
    port = str(env.get("PORT", ""))
    options = {name: value for name, value in app.items() if not name.startswith("env") and not isinstance(value, dict)}
    return {"options": options, "env": list(env), "port": port if re.fullmatch(r"\d{1,5}", port) else ""}


def _told(path: str, said: Any) -> EcosystemFile:
    """The typed form of what the evaluation said, which may be anything."""
    if not isinstance(said, dict) or not isinstance(said.get("apps"), list):
        error = re.sub(r"[^\w ]", "", str(said.get("error", "") if isinstance(said, dict) else ""))[:60]
        line = said.get("line") if isinstance(said, dict) else 0
        return EcosystemFile(
            path, error=f"it ends with {error or 'an error'}", line=line if isinstance(line, int) else 0
        )
    given = [app for app in said["apps"] if isinstance(app, dict) and isinstance(app.get("options"), dict)]
    apps = (_app(one["options"], one.get("env"), one.get("port")) for one in given)
    found = tuple(app for app in apps if app.options.get("script"))
    return EcosystemFile(path, found, error="" if found else "it names no app")


def _app(options: Mapping[str, Any], env: Any, port: Any) -> App:
    return App(_canonical(options), frozenset(map(str, env or ())), str(port or ""))


def _canonical(options: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in options.items():
        try:
            found[canonical(str(name))] = value
        except DeployError:
            continue  # PM2 would not heed it either
    return found
