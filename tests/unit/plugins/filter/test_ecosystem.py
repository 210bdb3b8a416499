# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filters as Ansible calls them, and the file that comes out of the role's template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.plugins.filter.core import to_nice_json
from jinja2.sandbox import SandboxedEnvironment

from ansible_collections.nodeops.pm2.plugins.filter.ecosystem import FilterModule

FILTERS = FilterModule().filters()
ROOT = Path(__file__).parents[4]
SLOT = {"name": "blue", "process": "demo-blue", "address": "127.0.0.1:3001", "socket": ""}
PLACE = {"slot": SLOT, "release_path": "/srv/demo/releases/r1", "root": "/srv/demo"}


class Tagged(str):
    """Stands for the strings of ansible-core, which are subclasses of ``str``."""

    __slots__ = ()


def app(**process: Any) -> dict[str, Any]:
    return dict(FILTERS["ecosystem"]({"app": "demo", "script": "dist/server.js", **process}, **PLACE))


def rendered(**process: Any) -> str:
    environment = SandboxedEnvironment(trim_blocks=True)
    environment.filters["to_nice_json"] = to_nice_json
    text = (ROOT / "roles/bluegreen/templates/ecosystem.config.cjs.j2").read_text()
    return environment.from_string(text).render(app=app(**process), slot=SLOT)


def test_every_filter_is_documented_under_its_name() -> None:
    for name in FILTERS:
        documentation = yaml.safe_load((ROOT / f"plugins/filter/{name}.yml").read_text())["DOCUMENTATION"]
        assert documentation["name"] == name


def test_documented_sample_is_what_comes_out() -> None:
    sample = yaml.safe_load((ROOT / "plugins/filter/ecosystem.yml").read_text())["RETURN"]["_value"]["sample"]
    process = {
        "app": "demo",
        "script": "tsx src/server.ts",
        "env_file": "/var/www/demo/shared/.env",
        "extras": {"max_memory_restart": "300M"},
    }
    found = FILTERS["ecosystem"](process, SLOT, "/var/www/demo/releases/r1", "/var/www/demo")
    assert found == sample
    assert list(found) == list(sample)


def test_nothing_of_ansibles_own_string_types_is_left() -> None:
    found = app(script=Tagged("tsx src/server.ts"), args=[Tagged("a")], env={Tagged("A"): Tagged("b")})
    assert {type(value) for value in [found["script"], *found["args"], *found["env"], *found["env"].values()]} == {str}


def test_a_refusal_reaches_the_user_whole() -> None:
    with pytest.raises(AnsibleFilterError) as refusal:
        app(max_restarts=0)
    for part in ("never stop a crash loop", "expected: ", "seen: 0, no limit to PM2", "do: Set 3."):
        assert part in str(refusal.value)


@pytest.mark.parametrize("wrong", ["text", None, ["list"]])
def test_only_dictionaries_are_taken(wrong: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="process must be a dictionary"):
        FILTERS["ecosystem"](wrong, **PLACE)
    with pytest.raises(AnsibleFilterError, match="app must be a dictionary"):
        FILTERS["entry"](wrong)


def test_the_file_says_whose_it_is_and_holds_exactly_the_entry() -> None:
    process = {"args": ["a 'quoted' \"word\"", "back\\slash", "ünï", "{{ braces }}"], "env": {"JSON": '{"a": "</b>"}'}}
    text = rendered(**process)
    header, _, body = text.partition("module.exports = ")
    assert header.splitlines()[1].startswith("// Release r1 of demo, slot blue.")
    before, _, entry = body.partition("apps: [")
    assert before.strip() == "{"
    assert json.loads(entry.rpartition("]")[0]) == app(**process)
    assert text == rendered(**process)


def test_entry_reads_back() -> None:
    assert FILTERS["entry"](app(script="tsx src/server.ts"))["loader"] == "tsx"
