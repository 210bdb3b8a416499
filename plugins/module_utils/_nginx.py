# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the configuration of an nginx serves, read from its own dump, and whether two parts of it want the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

_TOKEN = re.compile(
    r"""
    \#[^\n]*
    | ( "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | [{};]
      | (?: \\. | \$\{[^}]*\} | [^\s{};"'\\] ) (?: \\. | \$\{[^}]*\} | [^\s{};\\] )* )
    """,
    re.DOTALL | re.VERBOSE,
)
_FILE = re.compile(r"^# configuration file (.+):$", re.MULTILINE)


@dataclass(frozen=True)
class Directive:
    """One directive: its words, and what stands in its braces."""

    words: tuple[str, ...]
    block: tuple[Directive, ...] = field(default=())

    @property
    def name(self) -> str:
        return self.words[0] if self.words else ""


@dataclass(frozen=True)
class Claim:
    """Something that only one site of a host can have, such as ``the port 3001``."""

    what: str
    file: str


def files(dump: str) -> dict[str, str]:
    """The text of each file in what ``nginx -T`` prints."""
    parts = _FILE.split(dump)
    return dict(zip(parts[1::2], parts[2::2]))


def parse(text: str) -> tuple[Directive, ...]:
    """The directives of a file; what is not closed ends with the file, since nginx itself judges syntax."""
    return tuple(_block(_tokens(text)))


def claims(text: str, file: str) -> list[Claim]:
    """All that the servers in a file claim: names on their addresses, defaults, sockets, and ports they lead to."""
    found: list[str] = []
    directives = list(_everywhere(parse(text)))
    for server in (one for one in directives if one.words == ("server",)):
        inside = list(_everywhere(server.block))
        names = [name for one in inside if one.name == "server_name" for name in one.words[1:]]
        for listen in (one for one in inside if one.name == "listen"):
            found += _listen_claims(listen, names)
    leading = [one for one in directives if one.name in ("proxy_pass", "server") and len(one.words) > 1]
    found += [f"the port {port} of an app" for one in leading for port in _ports(one)]
    return [Claim(what, file) for what in dict.fromkeys(found)]


def _listen_claims(listen: Directive, names: list[str]) -> list[str]:
    where = address(listen.words[1])
    if where.startswith("unix:"):
        return [f"the socket {where[5:]}"]
    named = [f"the name {name.lower()} on {where}" for name in names if name not in ("_", "")]
    is_default = {"default_server", "default"} & set(listen.words[2:])
    return [*named, f"being the default server on {where}"] if is_default else named


def _ports(directive: Directive) -> list[str]:
    return re.findall(r"^(?:http://)?(?:127\.0\.0\.1|localhost):(\d+)(?:$|/)", directive.words[1])


def address(text: str) -> str:
    """An address of ``listen`` with host and port: ``80`` and ``0.0.0.0:80`` are both ``*:80``."""
    if text.startswith("unix:"):
        return text
    if text.isdigit():
        return f"*:{text}"
    host, port = text, "80"
    if re.search(r":\d+$", text):
        host, _colon, port = text.rpartition(":")
    return f"{'*' if host in ('', '0.0.0.0') else host.lower()}:{port}"  # noqa: S104 - compared, not listened on


def addresses(text: str) -> list[str]:
    """The TCP addresses that the servers of a file listen on, as a client on the host could dial them."""
    listens = (one for one in _everywhere(parse(text)) if one.name == "listen")
    found = [address(listen.words[1]) for listen in listens if not listen.words[1].startswith("unix:")]
    return list(dict.fromkeys(re.sub(r"^\*:", "127.0.0.1:", one.replace("[::]", "[::1]")) for one in found))


def refuse_conflicts(ours: list[Claim], theirs: list[Claim]) -> None:
    """Refuse what somebody else has already.

    :raises DeployError: naming every claim and the file that holds it.
    """
    held = {claim.what: claim.file for claim in theirs}
    clashes = [f"{claim.what}: {held[claim.what]}" for claim in ours if claim.what in held]
    if clashes:
        raise DeployError(
            "nginx serves this on this host already.",
            expected="names, addresses, sockets and ports that no other site has",
            seen="; ".join(clashes),
            where=ours[0].file,
            remedy="Choose others in edge_sites, or remove the other site. Nothing was touched.",
        )


def _tokens(text: str) -> Iterator[str]:
    return (match.group(1) for match in _TOKEN.finditer(text) if match.group(1))


def _block(tokens: Iterator[str]) -> Iterator[Directive]:
    words: list[str] = []
    for word in tokens:
        if word not in ("{", ";", "}"):
            words.append(word[1:-1] if word[0] in "\"'" else word)
            continue
        if word == "{":
            yield Directive(tuple(words), tuple(_block(tokens)))
        elif words:
            yield Directive(tuple(words))
        words = []
        if word == "}":
            return


def _everywhere(directives: tuple[Directive, ...]) -> Iterator[Directive]:
    for directive in directives:
        yield directive
        yield from _everywhere(directive.block)
