# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Write the page of rules from the rules themselves: ``docs/docsite/rst/rules.rst``, as antsibull-docs takes it.

``python .ci/rules.py`` writes it; with ``--check`` it only says, by its exit code, whether the page is in step.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _rules
from ansible_collections.nodeops.pm2.plugins.module_utils._check import Rule

PAGE = Path(__file__).resolve().parent.parent / "docs/docsite/rst/rules.rst"
LABEL = "ansible_collections.nodeops.pm2.docsite.rules"
INTRODUCTION = """\
..
  Written by .ci/rules.py from the rules themselves: change those, and run make docs.

.. _{label}:

The rules of the check
======================

Before a deploy touches anything, ``nodeops.pm2.release_check`` looks at the artifact, at how it will be started, and
at the host. Each thing that it looks for is a rule with a name. What a rule finds is an **error**, which refuses the
release, or a **warning**, which is only told; a rule that is an error below may tell a milder case of it as a warning.

A rule that is wrong about a release is left out by its name, for as long as that is so:

.. code-block:: yaml

   bluegreen_check_skip: [{skipped}]

What was left out is told at each deploy and recorded with the release. With a reason and an end it is a waiver, which
the check and the deploy take alike, and which ends by itself:

.. code-block:: yaml

   bluegreen_waivers:
     - {{waives: {skipped}, reason: The old build goes with the next commit., until: 2027-01-31, by: Mia}}
"""


def page() -> str:
    """The whole page."""
    skipped = next(rule.id for rule in _rules.RULES)
    parts = [INTRODUCTION.format(label=LABEL, skipped=skipped), *contents(), *sections()]
    return "\n".join(parts).rstrip() + "\n"


def contents() -> Iterator[str]:
    """A table of all rules."""
    yield ".. list-table::\n   :header-rows: 1\n   :widths: 30 10 60\n"
    yield "   * - Rule\n     - Severity\n     - What goes wrong without it"
    for rule in _rules.RULES:
        yield f"   * - :ref:`{rule.id} <{LABEL}.{rule.id}>`\n     - {rule.severity}\n     - {plain(rule.protects)}"
    yield ""


def sections() -> Iterator[str]:
    """A section for each theme, in it one for each rule."""
    for theme in _rules.THEMES:
        title = f"Rules on {theme}"
        yield f"{title}\n{'-' * len(title)}\n"
        for rule in _rules.of_theme(theme):
            yield section(rule)


def section(rule: Rule) -> str:
    """One rule."""
    sees = inspect.cleandoc(rule.inspect.__doc__ or "")
    paragraphs = [
        f".. _{LABEL}.{rule.id}:",
        f"{rule.id}\n{'^' * len(rule.id)}",
        f"*{rule.severity.capitalize()}.* {plain(rule.protects)}",
        f"**What it sees.** {sees}",
        f"**What to do.** {plain(rule.remedy)}",
    ]
    return "\n\n".join(paragraphs) + "\n"


def plain(text: str) -> str:
    """``text`` in which nothing is taken for markup."""
    return re.sub(r"_(?=\W|$)", r"\\_", re.sub(r"([*`|\\])", r"\\\1", text))


def main(arguments: list[str]) -> int:
    """0, or 1 where ``--check`` finds the page out of step."""
    written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    made = page()
    if arguments == ["--check"]:
        lines = difflib.unified_diff(written.splitlines(), made.splitlines(), str(PAGE), "the rules", lineterm="")
        print("\n".join(lines))
        return int(written != made)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
