# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page of rules says what the rules say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ansible_collections.nodeops.pm2.plugins.module_utils import _rules

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs/docsite/rst/rules.rst"


def test_the_page_is_in_step() -> None:
    argv = [sys.executable, str(PROJECT / ".ci/rules.py"), "--check"]
    environment = {"PYTHONPATH": str(PROJECT / ".venv/collections")}
    ended = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 0, f"run make docs:\n{ended.stdout}"


def test_every_rule_has_a_section_that_says_what_it_sees() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for rule in _rules.RULES:
        assert f"\n{rule.id}\n{'^' * len(rule.id)}\n" in text
        first = (rule.inspect.__doc__ or "").split("\n")[0]
        assert len(first) > len("A sentence.")
        assert f"**What it sees.** {first}" in text
