# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the pages, the README and the examples tell people to type and to set exists; each page is in the contents."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
PAGES = sorted((PROJECT / "docs/docsite/rst").glob("*.rst"))
TEXTS = [*PAGES, PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *PROJECT.glob("roles/*/README.md")]
EXAMPLES = [one for one in PROJECT.glob("examples/**/*") if one.is_file()]
LABEL = "ansible_collections.nodeops.pm2.docsite"


@functools.cache
def options() -> set[str]:
    """Of all roles."""
    found: set[str] = set()
    for path in PROJECT.glob("roles/*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            found |= set(entry["options"])
    return found


def commands() -> set[str]:
    """Of the command ``bluegreen``."""
    source = (PROJECT / "plugins/module_utils/_cli.py").read_text(encoding="utf-8")
    return {name.replace("_", "-") for name in re.findall(r"^def (\w+)\(options: argparse", source, re.MULTILINE)}


def targets() -> set[str]:
    """Of make."""
    return set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", [*TEXTS, *EXAMPLES], ids=lambda path: str(path.relative_to(PROJECT)))
def test_what_people_are_told_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"\b((?:bluegreen|guard|edge|runtime)_[a-z0-9_]+[a-z0-9])\b", text))
    assert named - options() == set(), "options"
    played = set(re.findall(r"ansible-playbook (?:-i \S+ +)?nodeops\.pm2\.(\w+)", text))
    assert played - {one.stem for one in PROJECT.glob("playbooks/*.yml")} == set(), "playbooks"
    made = set(re.findall(r"(?:^ *|`)make ([a-z-]+)", text, re.MULTILINE))
    assert made - targets() == set(), "targets of make"
    typed = set(re.findall(r"(?:^ +|``)bluegreen (?:--app \w+ )?([a-z-]+)", text, re.MULTILINE))
    assert typed - commands() == set(), "commands of bluegreen"
    steps = set(re.findall(r"""\$(?:pipeline|PIPELINE)"? (\w+)""", text))
    script = (PROJECT / "ci/pipeline.sh").read_text(encoding="utf-8")
    assert {one for one in steps if f"        {one})" not in script} == set(), "steps of the pipeline"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count(f".. _{LABEL}.{page.stem}:\n") == 1
    labels = {label for one in PAGES for label in re.findall(r"^\.\. _(\S+):$", one.read_text("utf-8"), re.MULTILINE)}
    assert set(re.findall(rf"<({re.escape(LABEL)}[\w.]*)>", text)) - labels == set()


def test_each_page_is_in_the_contents() -> None:
    contents = yaml.safe_load((PROJECT / "docs/docsite/extra-docs.yml").read_text(encoding="utf-8"))
    assert sorted(name for section in contents["sections"] for name in section["toctree"]) == [p.stem for p in PAGES]
