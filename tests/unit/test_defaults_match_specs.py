# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a role's argument specs promise is what its defaults hold, in both directions and for every entry point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = sorted(path for path in Path(__file__).parents[2].glob("roles/*") if path.is_dir())

Options = dict[str, dict[str, Any]]


def load(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; empty where the file is."""
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def entry_points(role: Path) -> dict[str, Options]:
    """The options of each entry point of a role."""
    specs: dict[str, Any] = load(role / "meta" / "argument_specs.yml")["argument_specs"]
    return {name: spec.get("options", {}) for name, spec in specs.items()}


def mismatches(*, defaults: dict[str, Any], specs: dict[str, Options]) -> Iterator[str]:
    """A sentence for everything that one side says and the other does not."""
    declared = {option for options in specs.values() for option in options}
    yield from (
        f"{name} is in defaults/main.yml, but no entry point declares it" for name in defaults.keys() - declared
    )
    for entry, options in specs.items():
        for name, option in options.items():
            where = f"{entry}: {name}"
            if option.get("required") and (name in defaults or "default" in option):
                yield f"{where} is required and has a default"
            elif ("default" in option) != (name in defaults):
                yield f"{where} has a default in one file only"
            elif name in defaults and not same(option["default"], defaults[name]):
                yield f"{where} defaults to {option['default']!r} in the specs and to {defaults[name]!r} in the role"


def same(one: object, other: object) -> bool:
    """Equal in type as well: to Python, but not to a user, ``1 == True``."""
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_defaults_equal_specs(role: Path) -> None:
    assert list(mismatches(defaults=load(role / "defaults" / "main.yml"), specs=entry_points(role))) == []


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_every_entry_point_is_declared_and_exists(role: Path) -> None:
    assert {entry for entry in entry_points(role) if not (role / "tasks" / f"{entry}.yml").is_file()} == set()


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_options_carry_the_role_name(role: Path) -> None:
    names = {name for options in entry_points(role).values() for name in options}
    assert {name for name in names if not name.startswith(f"{role.name}_")} == set()


def test_there_are_roles() -> None:
    assert ROLES


@pytest.mark.parametrize(
    ("defaults", "option", "expected"),
    [
        ({"x": 1}, {"default": 1}, []),
        ({}, {"required": True}, []),
        ({}, {}, []),
        ({"x": 1, "y": 1}, {"default": 1}, ["y is in defaults/main.yml, but no entry point declares it"]),
        ({}, {"default": 1}, ["main: x has a default in one file only"]),
        ({"x": 1}, {}, ["main: x has a default in one file only"]),
        ({"x": 2}, {"default": 1}, ["main: x defaults to 1 in the specs and to 2 in the role"]),
        ({"x": True}, {"default": 1}, ["main: x defaults to 1 in the specs and to True in the role"]),
        ({"x": 1}, {"required": True}, ["main: x is required and has a default"]),
    ],
)
def test_a_mismatch_is_told(defaults: dict[str, Any], option: dict[str, Any], expected: list[str]) -> None:
    assert list(mismatches(defaults=defaults, specs={"main": {"x": option}})) == expected
