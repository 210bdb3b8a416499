# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a lockfile says of where packages come from and of how one can tell that they are the right ones. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_GIT = re.compile(r"^(git[+:@]|github:|gitlab:|bitbucket:|ssh://)|\.git(#|$)|codeload\.github\.com|/tarball/|/tar\.gz/")
_YARN_ENTRY = re.compile(r"^\S.*:$")


@dataclass
class Sources:
    """Names of packages by what is remarkable of them.

    :param unhashed: come from a registry, and nothing says what they must be.
    :param plain: are fetched over plain HTTP, with a hash; ``plain_unhashed`` without one.
    :param strange: come from another host than nearly all others, with that host.
    :param exchanged: are asked for by a version, and taken from a repository or a file, with what that is.
    """

    unhashed: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    plain_unhashed: list[str] = field(default_factory=list)
    strange: list[tuple[str, str]] = field(default_factory=list)
    exchanged: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, url: str, *, hashed: bool) -> None:
        """Judge one package by where it comes from."""
        if url.startswith("http:"):
            (self.plain if hashed else self.plain_unhashed).append(name)
        elif not hashed and not _GIT.search(url) and not url.startswith("file:"):
            self.unhashed.append(name)


def of_npm(packages: Mapping[str, Any]) -> Sources:
    """From the entries of npm's lockfile, by where they are put."""
    found = Sources()
    hosts: dict[str, str] = {}
    for path, item in packages.items():
        if "node_modules/" not in path or not isinstance(item, dict) or item.get("link") or item.get("inBundle"):
            continue
        name, url = path.rpartition("node_modules/")[2], str(item.get("resolved") or "")
        found.add(name, url, hashed=bool(item.get("integrity")))
        if url.startswith("http") and not _GIT.search(url):
            hosts[name] = urlsplit(url).hostname or ""
    found.strange = _strange(hosts)
    found.exchanged = list(_exchanged(packages))
    return found


def of_pnpm(text: str) -> Sources:
    """From pnpm's lockfile: every package has one line ``resolution: {...}``."""
    found, name = Sources(), ""
    for line in text.splitlines():
        key = re.match(r"  (?:'([^']+)'|([^\s'][^:]*?)):$", line)
        if key:
            name = (key[1] or key[2]).lstrip("/")
        resolution = re.match(r"    resolution: \{(.*)\}", line)
        if resolution and "directory:" not in resolution[1] and "type: git" not in resolution[1]:
            url = re.search(r"tarball: ([^\s,}]+)", resolution[1])
            found.add(name, url[1] if url else "", hashed="integrity:" in resolution[1])
    return found


def of_yarn(text: str) -> Sources:
    """From yarn's lockfile, of version 1: newer ones keep a checksum of everything."""
    found = Sources()
    if "__metadata:" in text:
        return found
    for name, url, hashed in _yarn_entries(text):
        # The hash behind the address is SHA-1, as old lockfiles have it and yarn checks it.
        found.add(name, url.partition("#")[0], hashed=hashed or "#" in url)
    return found


def _exchanged(packages: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the release itself asks for by a version, and is given as something else."""
    own = packages.get("")
    for section in ("dependencies", "optionalDependencies", "devDependencies"):
        wanted = own.get(section) if isinstance(own, dict) else None
        for name, text in wanted.items() if isinstance(wanted, dict) else ():
            item = packages.get(f"node_modules/{name}")
            url = str(item.get("resolved") or "") if isinstance(item, dict) and not item.get("link") else ""
            other = "a repository" if _GIT.search(url) else "a file" if url.startswith("file:") else ""
            if other and re.fullmatch(r"[\^~]?\d+(\.\d+){0,2}", str(text)):
                yield name, other


def _yarn_entries(text: str) -> Iterator[tuple[str, str, bool]]:
    name, url, hashed = "", "", False
    for line in [*text.splitlines(), "end:"]:
        if _YARN_ENTRY.match(line):
            if url:
                yield name, url, hashed
            name, url, hashed = line.split(",")[0].strip('":').rpartition("@")[0], "", False
        elif line.startswith("  resolved "):
            url = line.split(None, 1)[1].strip('"')
        hashed = hashed or line.startswith("  integrity ")


def _strange(hosts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Those few that come from another host than at least nine of ten."""
    counts = Counter(hosts.values())
    usual, often = counts.most_common(1)[0] if counts else ("", 0)
    if len(hosts) < 10 or often < 0.9 * len(hosts):
        return []
    return [(name, host) for name, host in hosts.items() if host != usual]
