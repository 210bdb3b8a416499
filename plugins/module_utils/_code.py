# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""JavaScript and TypeScript text with everything that is not code blanked out, so that patterns can be trusted.

What comes back has the length and the lines of what went in: an offset found in one is an offset in the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PIECES = r"""//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]+|\\.)*"?|'(?:[^'\\\n]+|\\.)*'?|`|/"""
_TOKEN = re.compile(_PIECES, re.DOTALL)
_TOKEN_IN_TEMPLATE = re.compile(_PIECES + "|[{}]", re.DOTALL)
_TEMPLATE = re.compile(r"(?:[^`\\$]+|\\.|\$(?!\{))*(`|\$\{)?", re.DOTALL)
_REGEX = re.compile(r"/(?![*/])(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/")
_NOT_NEWLINE = re.compile(r"[^\n]")
# After a value a slash divides; after these words, or after an operator, it begins a regular expression.
_BEFORE_REGEX = re.compile(
    r"(?:^|[^\w$)\]\"'`.]|(?<![\w$.])(?:return|typeof|case|in|of|do|else|void|delete|new|throw|await|yield|instanceof))$"
)
_BRACE = re.compile(r"[{}]")


def strip_code(text: str) -> str:
    """``text`` with comments, and the insides of strings, templates and regular expressions, turned into blanks.

    Quotes of strings stay, and so does the code inside ``${...}``.
    """
    return _Stripper(text).run()


class _Stripper:
    """Walks over a text once, from one piece that needs a look to the next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.out: list[str] = []
        self.mark = (0, "")  # how many pieces there were when a regular expression or template ended, and as what
        self.templates: list[int] = []  # open braces in each ${...} that we are inside of

    def run(self) -> str:
        if self.text.startswith("#!"):
            self._skip_to(len(self.text.split("\n", 1)[0]))
        found = _TOKEN.search(self.text, self.position)
        while found:
            self.out.append(self.text[self.position : found.start()])
            self.position = found.start()
            self._take(found[0])
            found = (_TOKEN_IN_TEMPLATE if self.templates else _TOKEN).search(self.text, self.position)
        return "".join([*self.out, self.text[self.position :]])

    def _take(self, piece: str) -> None:
        if piece[:2] in ("//", "/*"):
            self._skip_to(self.position + len(piece))
        elif piece == "/":
            self._slash()
        elif piece[0] in "\"'":
            self._string(piece)
        elif piece == "`" or (piece == "}" and self.templates and not self.templates[-1]):
            self._template(piece)
        else:
            if self.templates and piece in "{}":
                self.templates[-1] += 1 if piece == "{" else -1
            self.out.append(piece)
            self.position += 1

    def _before(self) -> str:
        """The last code seen, which tells a division from a regular expression."""
        for index in range(len(self.out) - 1, -1, -1):
            if index < self.mark[0]:
                return self.mark[1]
            code = self.out[index].rstrip()
            if code:
                return code[-16:]
        return self.mark[1]

    def _skip_to(self, end: int) -> None:
        self.out.append(_blank(self.text[self.position : end]))
        self.position = end

    def _slash(self) -> None:
        regex = _REGEX.match(self.text, self.position) if _BEFORE_REGEX.search(self._before()) else None
        self.out.append("/")
        self.position += 1
        if regex:
            self._skip_to(regex.end() - 1)
            self.out.append("/")
            self.position += 1
            self.mark = (len(self.out), ")")  # it is a value, which the next slash divides

    def _string(self, piece: str) -> None:
        inside = len(piece) - (2 if len(piece) > 1 and piece[-1] == piece[0] else 1)
        end = self.position + len(piece)
        self.out.append(piece[0])
        self.position += 1
        self._skip_to(self.position + inside)
        self.out.append(self.text[self.position : end])
        self.position = end

    def _template(self, piece: str) -> None:
        """Over the text of a template: to behind its closing backtick, or behind a ``${`` that is then open."""
        if piece == "}":
            self.templates.pop()
        found = _TEMPLATE.match(self.text, self.position + 1)
        opened = found is not None and found[1] == "${"
        if opened:
            self.templates.append(0)
        self._skip_to(found.end() if found else len(self.text))
        self.mark = (len(self.out), "(" if opened else ")")


def top_level(code: str) -> str:
    """Stripped ``code`` with everything inside braces turned into blanks; the outermost braces stay."""
    out: list[str] = []
    depth = position = 0
    for found in _BRACE.finditer(code):
        part = code[position : found.start()]
        out.append(_blank(part) if depth else part)
        closing = found[0] == "}"
        depth = max(0, depth - 1) if closing else depth + 1
        out.append(found[0] if depth == (0 if closing else 1) else " ")
        position = found.end()
    rest = code[position:]
    return "".join([*out, _blank(rest) if depth else rest])


def with_lines(pattern: re.Pattern[str], text: str, group: int = 0) -> Iterator[tuple[re.Match[str], int]]:
    """Every match in ``text`` and the line, from 1, that its ``group`` begins on; counts no line twice."""
    line, position = 1, 0
    for found in pattern.finditer(text):
        line += text.count("\n", position, found.start(group))
        position = found.start(group)
        yield found, line


def line_of(text: str, offset: int) -> int:
    """The line, from 1, that ``offset`` lies on."""
    return text.count("\n", 0, offset) + 1


def _blank(text: str) -> str:
    return _NOT_NEWLINE.sub(" ", text)
