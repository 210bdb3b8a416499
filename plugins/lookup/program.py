# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

DOCUMENTATION = r"""
name: program
short_description: The on-host command in one file
version_added: 0.1.0
author:
  - nodeops maintainers (@nodeops)
description:
  - Packs the code that roles and modules share into one file that Python runs, and gives the path of that file on the
    controller. It is the guard and the command C(bluegreen) at once, and needs nothing but Python 3.9 on the host.
  - The same code always gives the same bytes.
options:
  _terms:
    description: Nothing.
    type: list
    elements: str
  python:
    description: What the first line of the file names as its interpreter.
    type: str
    default: /usr/bin/env python3
  directory:
    description: Where the file is kept on the controller.
    type: path
    default: ~/.cache/nodeops.pm2
"""

EXAMPLES = r"""
- name: Install the command
  ansible.builtin.copy:
    src: "{{ lookup('nodeops.pm2.program') }}"
    dest: /usr/local/bin/bluegreen
    mode: "0755"
"""

RETURN = r"""
_list:
  description: The path.
  type: list
  elements: path
"""

from pathlib import Path
from typing import Any

from ansible.plugins.lookup import LookupBase

from ansible_collections.nodeops.pm2.plugins.plugin_utils import _program


class LookupModule(LookupBase):
    """Packs, where it is not packed yet."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **options: Any) -> list[str]:  # noqa: ARG002
        """The path of the program."""
        self.set_options(var_options=variables, direct=options)
        return [str(_program.packed(Path(self.get_option("directory")), python=self.get_option("python")))]
