# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What secrets look like: keys and tokens of known forms, values in a file of variables. Pure; no value leaves it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._code import with_lines

_TESTS = re.compile(
    r"(^|/)([^/]*\b|__)(tests?|specs?|fixtures?|mocks?|examples?|samples?|docs?|demos?|e2e|testing)(\b[^/]*|__)/"
    r"|[._-](test|spec|mock|example|sample|fixture|template)s?(\.\w+)?$|\.(md|mdx|rst|adoc)$|(^|/)(CHANGELOG|README)",
    re.IGNORECASE,
)
_MADE_UP = re.compile(
    r"^$|^[$<{%]|your|change.?me|example|placeholder|dummy|sample|replace|insert|secret$|xxx|\.\.\.|\*\*\*|todo|<.*>"
    r"|^(test|tests|testing|dev|local|none|null|undefined|true|false|password|pass|postgres|root|admin|user|guest|redis"
    r"|mysql|mongo|minio|minioadmin|rabbitmq|secret|key|token|string|foo|bar|abc|123\w*|0+|1+)$",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"SECRET|TOKEN|PASSW|PASSPHRASE|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY|ENCRYPTION_?KEY|CREDENTIAL|_PWD$|_DSN$|_PAT$"
)
_PUBLIC_NAME = re.compile(
    r"PUBLIC|EXPIR|_TTL$|_URL$|_URI$|_ISSUER$|_HEADER$|_NAME$|_LENGTH$|_ROUNDS$|_FILE$|_PATH$|_ID$"
)
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://[^/\s:@]*:([^/\s@]+)@([^/\s:?]+)", re.IGNORECASE)
_VARIABLE = re.compile(
    r"^[ \t]*(?:export\s+)?([A-Za-z_][\w.]*)[ \t]*=[ \t]*(?:\"([^\"\n]*)\"|'([^'\n]*)'|([^\n#]*))", re.MULTILINE
)


@dataclass(frozen=True)
class Form:
    """A kind of secret.

    :param what: in words.
    :param words: of which every text with such a secret has one.
    :param pattern: the first group is what has to be random.
    :param grave: whether it is a secret in all likelihood; a key for browsers, say, need not be one.
    """

    what: str
    words: tuple[bytes, ...]
    pattern: re.Pattern[bytes]
    grave: bool = True


def _form(what: str, words: str, pattern: str, *, grave: bool = True) -> Form:
    return Form(what, tuple(word.encode() for word in words.split()), re.compile(pattern.encode()), grave)


PRIVATE_KEY = _form(
    "a private key",
    "KEY-----",
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n|\\r)+"
    r"(?:[A-Z][\w-]*:[^\n]*(?:\s|\\n)+)*((?:[A-Za-z0-9+/=]|\s|\\n){64})",
)
TOKENS = (
    _form("an access key of AWS", "AKIA ASIA", r"(?<![A-Za-z0-9/+])((?:AKIA|ASIA)[A-Z2-7]{16})(?![A-Za-z0-9/+=])"),
    _form("a token of GitHub", "ghp_ gho_ ghs_ ghu_ github_pat_", r"\b(?:gh[posu]_|github_pat_)([A-Za-z0-9_]{36,})\b"),
    _form("a token of GitLab", "glpat-", r"\bglpat-([\w-]{20,})"),
    _form("a token of Slack", "xoxb- xoxp- xoxa-", r"\bxox[bpa]-([0-9A-Za-z-]{24,})"),
    _form("a webhook of Slack", "hooks.slack.com/services/T", r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/(\w{20,})"),
    _form("a live key of Stripe", "k_live_", r"\b[sr]k_live_([0-9A-Za-z]{20,})"),
    _form("a token of npm", "npm_", r"\bnpm_([A-Za-z0-9]{36})\b"),
    _form("a token for a registry", "_authToken", r":_authToken\s*=\s*[\"']?([\w./+=-]{16,})"),
    _form("a key of SendGrid", "SG.", r"\bSG\.([\w-]{22}\.[\w-]{43})\b"),
    _form("a token of a Telegram bot", ":AA", r"(?<![\w/])(?:bot)?\d{8,10}:(AA[\w-]{33})(?![\w-])"),
    _form("a key of an AI service", "sk-ant- sk-proj-", r"\bsk-(?:ant|proj)-([\w-]{40,})"),
    _form("a key of Google", "AIza", r"(?<![\w-])(AIza[\w-]{35})(?![\w-])", grave=False),
    _form(
        "a password in the address of a database",
        "postgres mysql:// mongodb redis amqp",
        r"(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?)://[\w.%-]*:([^\s@/:\"'`$<>{}]{6,})@[\w-]+\.[\w.-]+",
        grave=False,
    ),
)
WORDS: tuple[bytes, ...] = tuple(word for form in (PRIVATE_KEY, *TOKENS) for word in form.words)


def found(form: Form, content: bytes) -> Iterator[int]:
    """The lines, from 1, on which a secret of this form stands."""
    for match in form.pattern.finditer(content):
        if _is_random(match[1]) and not _is_local(match[0]):
            yield content.count(b"\n", 0, match.start()) + 1


def in_tests(path: str) -> bool:
    """Whether ``path`` lies where people keep examples and material of tests."""
    return _TESTS.search(path) is not None


def env_file_of_secrets(path: str) -> bool:
    """Whether a file of that name is read for its values when the app runs."""
    name = posixpath.basename(path)
    return name in (".env", ".env.local", ".env.production", ".env.production.local", ".env.staging", ".env.prod")


def values(text: str) -> tuple[dict[str, int], dict[str, int]]:
    """Names, with their lines, of variables that are given a secret, and of those that are given any other value."""
    secret: dict[str, int] = {}
    other: dict[str, int] = {}
    for match, line in with_lines(_VARIABLE, text, 1):
        value = next((part for part in match.group(2, 3, 4) if part is not None), "").strip()
        if value:
            into = secret if _is_secret(match[1].upper(), value) else other
            into[match[1]] = line
    return secret, other


def _is_secret(name: str, value: str) -> bool:
    url = _URL.match(value)
    if url:
        return not _MADE_UP.search(url[1]) and "." in url[2] and not _is_local(f"@{url[2]}".encode())
    named = _SECRET_NAME.search(name) and not _PUBLIC_NAME.search(name)
    said_again = _letters(value) in _letters(name) or _letters(name) in _letters(value)  # SECRET_KEY=secretKey
    return bool(named) and len(value) >= 8 and not (value.isdigit() or said_again or _MADE_UP.search(value))


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def _is_random(text: bytes) -> bool:
    """Whether it can be a real one: neither made of few characters nor said to be an example."""
    plain = text.upper()
    return len(set(text)) >= 8 and not any(
        word in plain for word in (b"EXAMPLE", b"XXXX", b"PLACEHOLDER", b"YOUR", b"0123456789", b"ABCDEFGH")
    )


def _is_local(text: bytes) -> bool:
    return (
        re.search(rb"@(127\.|0\.0\.0\.0|[\w-]+\.(local|localhost|internal|test|example)\b|example\.)", text) is not None
    )
