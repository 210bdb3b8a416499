# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.lookup import program
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _program


class Lookup(program.LookupModule):
    """Takes its options as they are given, without the loader that fills in their defaults."""

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:  # noqa: ARG002
        self._given = dict(direct)

    def get_option(self, option: str, hostvars: Any = None) -> Any:  # noqa: ARG002
        return self._given[option]


@pytest.mark.parametrize("python", ["/usr/bin/env python3", "/opt/python"])
def test_it_gives_the_path_of_the_program(tmp_path: Path, python: str) -> None:
    lookup = Lookup()
    (path,) = lookup.run([], {}, directory=str(tmp_path), python=python)
    assert path == str(_program.packed(tmp_path, python=python))
    assert Path(path).read_bytes().startswith(f"#!{python}\n".encode())
    assert lookup.run([], {}, directory=str(tmp_path), python=python) == [path]
