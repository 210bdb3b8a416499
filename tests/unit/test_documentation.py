# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``ansible-doc`` shows is complete: types, units, defaults, examples and returns of every plugin and role."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
PARTS = ("DOCUMENTATION", "EXAMPLES", "RETURN")
# A number is a number of something: its name or its description says of what.
UNITS = (
    *(
        "second",
        "byte",
        r"\bMiB\b",
        "ticks",
        "count",
        "how many",
        "number",
        "version",
        "port",
        r"\bid\b",
        "pid",
        r"\bline\b",
    ),
    *(
        "HTTP status",
        "statuses",
        "exit",
        "questions",
        "restarts",
        "crash",
        "good answers",
        "bad answers",
        r"\bAs in O\(",
    ),
)
UNIT = re.compile("|".join(UNITS), re.IGNORECASE)

Documented = dict[str, Any]


def documented() -> Iterator[tuple[str, Documented]]:
    """Every plugin with the three parts of its documentation, as far as it has them."""
    for kind in ("modules", "filter", "lookup", "callback"):
        for path in sorted((PROJECT / "plugins" / kind).glob("*.py")):
            parts = in_python(path)
            if parts:
                yield f"{kind}/{path.stem}", parts
        for path in sorted((PROJECT / "plugins" / kind).glob("*.yml")):
            yield f"{kind}/{path.stem}", yaml.safe_load(path.read_text(encoding="utf-8"))


def in_python(path: Path) -> Documented:
    """The parts that are assigned in a file."""
    found: Documented = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in PARTS:
            found[node.targets[0].id] = yaml.safe_load(ast.literal_eval(node.value))
    return found


def fragments() -> dict[str, dict[str, Any]]:
    """The options of each part of each fragment."""
    found: dict[str, dict[str, Any]] = {}
    for path in (PROJECT / "plugins/doc_fragments").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                name = node.targets[0].id.lower()
                text = yaml.safe_load(ast.literal_eval(node.value))
                found[f"{path.stem}.{name}"] = text.get("options", {})
    return found


def gaps(options: dict[str, Any], where: str = "") -> Iterator[str]:
    """A sentence for everything that an option does not say."""
    for name, option in options.items():
        place = f"{where}{name}"
        if not option.get("description"):
            yield f"{place} has no description"
        if "type" not in option:
            yield f"{place} has no type"
        if option.get("type") == "list" and "elements" not in option:
            yield f"{place} does not say what it is a list of"
        text = f"{name} {option.get('description')}"
        if option.get("type") in ("int", "float") and not UNIT.search(text):
            yield f"{place} is a number of what? {option.get('description')}"
        yield from gaps(option.get("suboptions") or option.get("options") or option.get("contains") or {}, f"{place}.")


def all_options(document: Documented) -> dict[str, Any]:
    """Those of its fragments as well; what a plugin says of one of these is added to what the fragment says."""
    found: dict[str, Any] = {}
    for fragment in document.get("extends_documentation_fragment", []):
        name = fragment.removeprefix("nodeops.pm2.")
        found |= FRAGMENTS.get(name, FRAGMENTS.get(f"{name}.documentation", {}))
    for name, option in (document.get("options") or {}).items():
        found[name] = {**found.get(name, {}), **option}
    return found


PLUGINS = dict(documented())
FRAGMENTS = fragments()
ROLES = {
    f"{path.parts[-3]}/{entry}": spec
    for path in sorted(PROJECT.glob("roles/*/meta/argument_specs.yml"))
    for entry, spec in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].items()
}


def test_each_plugin_is_found() -> None:
    files = {f"{one.parent.name}/{one.stem}" for one in PROJECT.glob("plugins/modules/*.py")}
    assert files <= set(PLUGINS)
    assert {"filter/checklist", "lookup/program", "callback/phases"} <= set(PLUGINS)


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_says_everything(name: str) -> None:
    parts = PLUGINS[name]
    document = parts["DOCUMENTATION"]
    assert [key for key in ("short_description", "description", "author") if not document.get(key)] == []
    assert list(gaps(all_options(document))) == []
    if not name.startswith("callback/"):
        assert [part for part in PARTS if not parts.get(part)] == []
        assert list(gaps(parts["RETURN"])) == []


@pytest.mark.parametrize("name", [name for name in PLUGINS if name.startswith("modules/")])
def test_a_module_says_whether_it_can_rehearse(name: str) -> None:
    document = PLUGINS[name]["DOCUMENTATION"]
    inherited = document.get("extends_documentation_fragment", [])
    assert "check_mode" in document.get("attributes", {}) or any("attributes" in one for one in inherited)


@pytest.mark.parametrize("name", [name for name in PLUGINS if not name.startswith("callback/")])
def test_the_examples_name_options_that_exist(name: str) -> None:
    document, examples = PLUGINS[name]["DOCUMENTATION"], PLUGINS[name]["EXAMPLES"]
    own = f"nodeops.pm2.{name.split('/')[1]}"
    if not name.startswith("modules/"):
        assert own in yaml.dump(examples)
        return
    used = [task[own] for task in examples if own in task]
    assert used
    assert {key for task in used for key in (task or {})} - set(all_options(document)) == set()


@pytest.mark.parametrize("name", FRAGMENTS)
def test_a_fragment_says_everything(name: str) -> None:
    assert list(gaps(FRAGMENTS[name])) == []


@pytest.mark.parametrize("name", ROLES)
def test_a_role_says_everything(name: str) -> None:
    spec = ROLES[name]
    assert [key for key in ("short_description", "description", "author", "version_added") if not spec.get(key)] == []
    assert list(gaps(spec["options"])) == []
