# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reading a file of variables as Node's ``--env-file`` does, well enough to know what must not be shown; pure."""

from __future__ import annotations

import re

_LINE = re.compile(
    r"""^[ \t]*(?:export[ \t]+)?(?P<name>[\w.-]+)[ \t]*=[ \t]*"""
    r"""(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|`(?P<back>[^`]*)`|(?P<plain>[^\n#]*))""",
    re.MULTILINE,
)


def variables(text: str) -> dict[str, str]:
    """Value by name; a quoted value may go over several lines."""
    found = {}
    for match in _LINE.finditer(text):
        quoted = next((match[kind] for kind in ("single", "double", "back") if match[kind] is not None), None)
        found[match["name"]] = match["plain"].strip() if quoted is None else quoted
    return found
