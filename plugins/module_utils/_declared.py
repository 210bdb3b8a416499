# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a file declares at its top level, told only where two signs agree: outside all braces, and not indented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from ansible_collections.nodeops.pm2.plugins.module_utils._modules import Sign
from ansible_collections.nodeops.pm2.plugins.module_utils._tree import Tree

_DECLARATION = re.compile(r"^(?:export[ ]+)?(?:const|let|class)[ ]+(?!enum\b)([A-Za-z_$][\w$]*)", re.MULTILINE)
_IMPORT = re.compile(r"^import[ ]+(?!type\b)([^'\"();=]{1,5000}?)\bfrom[ ]*['\"]", re.MULTILINE)
_NAME = re.compile(r"^(?:[\w$*]+[ ]+as[ ]+)?([A-Za-z_$][\w$]*)$")


@cache
def declared_twice(tree: Tree, path: str) -> tuple[Sign, Sign] | None:
    """A name that a file declares twice at its top level, by const, let, class or import: a SyntaxError everywhere."""
    code = tree.code(path)
    if code.count("{") != code.count("}") or code.count("(") != code.count(")"):
        return None  # something in it was not understood
    outside = tree.outside(path)
    found = list(_declarations(outside))
    for match in _IMPORT.finditer(code):
        if outside[match.start()] == "i":
            found += [Sign(match.start(), name) for name in _bindings(match[1])]
    seen: dict[str, Sign] = {}
    for sign in sorted(found, key=lambda sign: sign.offset):
        if sign.what in seen and seen[sign.what].offset != sign.offset:
            return seen[sign.what], sign
        seen[sign.what] = sign
    return None


def _declarations(outside: str) -> Iterator[Sign]:
    depth = position = 0
    for match in _DECLARATION.finditer(outside):
        part = outside[position : match.start()]
        depth, position = depth + part.count("(") - part.count(")"), match.start()
        if not depth:  # in the head of a loop it is the loop's own
            yield Sign(match.start(1), match[1])


def _bindings(clause: str) -> list[str]:
    """The names that an import brings in; those of types not, which may be declared again."""
    parts = (part.strip() for part in re.split(r"[{},]", clause))
    names = (_NAME.match(" ".join(part.split())) for part in parts if not re.match(r"type\s", part))
    return [name[1] for name in names if name]
