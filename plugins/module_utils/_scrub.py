# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Takes secrets out of what is shown, sent or kept: by their looks, by the name before them, and by their very value.

An error must stay readable: what only talks about a secret (``API_TOKEN is not set``) is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from urllib.parse import unquote, urlsplit

HIDDEN = "***"
# Shorter ones would hide parts of ordinary words.
_SHORTEST = 6

_NAME = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|(?:api|access|private|signing|encryption)[_-]?key|credential|"
    r"session[_-]?(?:id|key)|connection[_-]?string|signature|dsn)"
)
_LOOKS_SECRET = re.compile(_NAME, re.IGNORECASE)
# What stands where a value would, in sentences about a secret.
_SENTENCE = (
    r"(?!(?:undefined|null|none|nil|missing|required|not|is|are|was|must|should|invalid|true|false|expired|empty|unset|"
    r"expected|cannot|failed|wrong|too|no)\b)"
)
_VALUE = r"""(?P<value>\\"[^"\\]*\\"|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s,;&"'`)}\]]+)"""
# Every pattern begins at something that is rare and has an end to how far it looks, so that no line can make it slow.
_NAMED = re.compile(
    _NAME
    + r"""(?P<rest>[\w$-]{0,40}(?:\.\w{1,8})?)(?P<between>\\?["']?\]?\s{0,3}(?:=>|[:=])\s{0,3})"""
    + _SENTENCE
    + _VALUE,
    re.IGNORECASE,
)
_FLAG = re.compile(_NAME + r"(?P<rest>[\w-]{0,40})(?P<between>\s{1,3})(?P<value>[^\s-]\S*)", re.IGNORECASE)
_HEADER = re.compile(
    r"(?<![\w-])(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]{1,50})"
    r"""(?P<between>\\?["']?\s{0,3}[:=]\s{0,3}\\?["']?)(?P<value>[^"'\n]+)""",
    re.IGNORECASE,
)
# Secrets that can be told by their looks: what has to be in a text before it is worth looking, and how they look.
_BARE: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (marks, re.compile(pattern, re.MULTILINE | re.DOTALL))
    for marks, pattern in [
        # A user and a password, or a lone key, in an address; but not a port.
        (("://",), r"(?<=://)(?![^\s/@]{0,255}:\d{1,5}(?:[/?#\s]|$))[^\s:/@\"'<>]{0,255}:[^\s\"'<>]{0,255}(?=@)"),
        (("://",), r"(?<=://)[^\s:/@\"'<>]{12,255}(?=@)"),
        (("eyJ",), r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"),  # a JSON web token
        (("Bearer ", "Basic "), r"(?<=\bBearer )[\w.~+/=-]{8,}|(?<=\bBasic )[\w+/=-]{8,}"),
        (
            ("PRIVATE KEY",),
            r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?:.*?-----END [A-Z ]{0,20}PRIVATE KEY-----|.*)",
        ),
        (("MI", "b3Blb"), r"^[A-Za-z0-9+/]{60,76}={0,2}$"),  # the first line inside it
        ((":A",), r"(?<!\d)\d{6,12}:[\w-]{30,}"),  # Telegram
        (("k_", "whsec_"), r"\b(?:[spr]k|whsec)_(?:live_|test_)?\w{16,}"),
        (("SK", "SG."), r"\bSK[0-9a-f]{32}\b|\bSG\.[\w-]{16,}\.[\w-]{16,}"),
        (
            ("gh", "glpat-", "npm_", "xox", "hf_"),
            r"\b(?:gh[pousr]_|github_pat_|glpat-|npm_|xox[a-z]-|hf_)[\w-]{10,}",
        ),
        (("AKIA", "ASIA", "AIza"), r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}"),
        (
            ("/services/", "/webhooks/"),
            r"(?<=hooks\.slack\.com/services/)[\w/]+|(?<=discord\.com/api/webhooks/)[\w/-]+",
        ),
    ]
)
_WORDS = ("pass", "pwd", "secret", "token", "key", "credential", "session", "connection", "signature", "dsn")
_HEADERS = ("authorization", "cookie", "x-")
_NOT_A_NAME = re.compile(r"(?:error|exception)$|\.[cm]?[jt]sx?$|\.(?:json|map|node|py|go)$", re.IGNORECASE)
_IS_FLAG = re.compile(r"(?:^|\s)--?[\w-]*$")


def scrub(text: str, *, secrets: Iterable[str] = ()) -> str:
    """``text`` without secrets.

    :param secrets: values that must not be seen, see :func:`values_to_hide`; the longest first.
    """
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    for marks, looks in _BARE:
        if any(mark in text for mark in marks):
            text = looks.sub(HIDDEN, text)
    lowered = text.lower()
    if any(word in lowered for word in _HEADERS):
        text = _HEADER.sub(_hide_header, text)
    if any(word in lowered for word in _WORDS):
        text = _FLAG.sub(_hide_argument, _NAMED.sub(_hide_value, text))
    return text


def values_to_hide(environment: Mapping[str, str], *, names: Collection[str] = ()) -> list[str]:
    """The values in ``environment`` that must not be seen, the longest first.

    :param names: variables that are secret although neither their name nor their value looks like it.
    """
    hidden = set()
    for name, value in environment.items():
        if name in names or _LOOKS_SECRET.search(name):
            hidden.add(value)
        hidden.update(_passwords(value))
    return sorted((value for value in hidden if len(value) >= _SHORTEST), key=len, reverse=True)


def _passwords(value: str) -> list[str]:
    """The password in an address, as it is written there and as it is meant."""
    try:
        password = urlsplit(value).password or ""
    except ValueError:
        return []
    return [password, unquote(password)]


def _hide_value(found: re.Match[str]) -> str:
    unexpected = found.string[: found.start()][-11:].lower() == "unexpected "  # a syntax error's token is no secret
    return found[0] if unexpected or _NOT_A_NAME.search(found["rest"]) else _without_value(found)


def _hide_argument(found: re.Match[str]) -> str:
    return _without_value(found) if _IS_FLAG.search(found.string[: found.start()][-60:]) else found[0]


def _hide_header(found: re.Match[str]) -> str:
    name = found[0][: found.start("between") - found.start()].lower()
    harmless = name.startswith("x-") and not any(word in name for word in ("key", "token", "signature", "auth"))
    return found[0] if harmless else _without_value(found)


def _without_value(found: re.Match[str]) -> str:
    value = found["value"]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found[0][: found.start('value') - found.start()]}{quote}{HIDDEN}{quote}"
