# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _nginx
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._nginx import Claim, Directive

NAME, DEFAULT = "the name shop.test on *:80", "being the default server on *:80"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("user www-data;", (Directive(("user", "www-data")),)),
        ("# server { listen 80; }\ninclude x; # y", (Directive(("include", "x")),)),
        ('a \'b; {c}\' "d\\"e";', (Directive(("a", "b; {c}", 'd\\"e')),)),
        ("events { } a;", (Directive(("events",)), Directive(("a",)))),
        ("a { b c; d { e; } } f;", None),
        ("root /srv/${name}/x;", (Directive(("root", "/srv/${name}/x")),)),
        ("rewrite ^/(.*)\\;$ /a#b;", (Directive(("rewrite", "^/(.*)\\;$", "/a#b")),)),
        ("unfinished { a b", (Directive(("unfinished",)),)),
        ("} a;", ()),
    ],
)
def test_a_file_is_read_as_its_directives(text: str, expected: tuple[Directive, ...] | None) -> None:
    nested = (Directive(("a",), (Directive(("b", "c")), Directive(("d",), (Directive(("e",)),)))), Directive(("f",)))
    assert _nginx.parse(text) == (nested if expected is None else expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", "*:80"),
        ("*:80", "*:80"),
        ("0.0.0.0:80", "*:80"),
        ("127.0.0.1", "127.0.0.1:80"),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("[::]:443", "[::]:443"),
        ("[::1]", "[::1]:80"),
        ("Localhost:81", "localhost:81"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
    ],
)
def test_addresses_that_are_the_same_are_written_the_same(text: str, expected: str) -> None:
    assert _nginx.address(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("server { listen 80; server_name Shop.test; }", [NAME]),
        ("http { server { listen 80; server_name shop.test; } }", [NAME]),
        ("server { listen 0.0.0.0:80 default_server; server_name _; }", [DEFAULT]),
        ("server { listen 80 default; }", [DEFAULT]),
        ("server { listen 80; server_name _; }", []),
        ("server { listen 80; listen 81; server_name shop.test; }", [NAME, "the name shop.test on *:81"]),
        ("server { listen unix:/run/a.sock; server_name shop.test; }", ["the socket /run/a.sock"]),
        ("upstream u { server 127.0.0.1:3001; server unix:/x; server 10.0.0.1:3002; }", ["the port 3001 of an app"]),
        ("location / { if ($a) { proxy_pass http://localhost:3001/x; } }", ["the port 3001 of an app"]),
        ("location / { proxy_pass http://127.0.0.1:3001; }", ["the port 3001 of an app"]),
        ("location / { proxy_pass http://127.0.0.1:30011x; }", []),
    ],
)
def test_what_a_file_claims(text: str, expected: list[str]) -> None:
    assert _nginx.claims(text, "a.conf") == [Claim(what, "a.conf") for what in expected]


def test_where_a_file_listens() -> None:
    text = "server { listen 80; listen [::]:80; listen unix:/a; } server { listen 10.0.0.1:80; listen 80; }"
    assert _nginx.addresses(text) == ["127.0.0.1:80", "[::1]:80", "10.0.0.1:80"]


def test_a_dump_is_taken_apart() -> None:
    dump = "# configuration file /etc/nginx/nginx.conf:\na;\n\n# configuration file /etc/nginx/conf.d/b.conf:\nb;\n"
    assert {file: text.strip() for file, text in _nginx.files(dump).items()} == {
        "/etc/nginx/nginx.conf": "a;",
        "/etc/nginx/conf.d/b.conf": "b;",
    }


def test_every_clash_is_named_with_the_file_that_holds_it() -> None:
    ours = [Claim(NAME, "ours"), Claim(DEFAULT, "ours"), Claim("the port 1 of an app", "ours")]
    with pytest.raises(DeployError) as refused:
        _nginx.refuse_conflicts(ours, [Claim(NAME, "a"), Claim("the port 1 of an app", "b"), Claim("x", "c")])
    assert f"{NAME}: a; the port 1 of an app: b" in str(refused.value)
    _nginx.refuse_conflicts(ours, [Claim("x", "c")])
    _nginx.refuse_conflicts([], [Claim(NAME, "a")])
