# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

import time

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._scrub import scrub, values_to_hide

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
BOT = "123456789:AAF-0123456789_abcdefghijklmnopqrstuv"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("connect postgres://app:hunter2@db/x failed", "connect postgres://***@db/x failed"),
        ("redis://:hunter2@cache", "redis://***@cache"),
        ("mongodb+srv://app:p@ss/w0rd@cluster0.example.net/x", "mongodb+srv://***@cluster0.example.net/x"),
        ("amqp://app:hunter2@[::1]:5672/", "amqp://***@[::1]:5672/"),
        ("https://0123456789abcdef0123456789abcdef@o1.example.com/2", "https://***@o1.example.com/2"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: ***"),
        ("  'authorization': 'Basic dXNlcjpodW50ZXIy',", "  'authorization': '***',"),
        ('{"Authorization":"token hunter2 hunter2"}', '{"Authorization":"***"}'),
        ("sent Bearer abcdefgh12345678 to them", "sent Bearer *** to them"),
        ("Set-Cookie: sid=abc; Path=/; HttpOnly", "Set-Cookie: ***"),
        ("x-api-key: hunter2", "x-api-key: ***"),
        ("X-Auth-Token=hunter2", "X-Auth-Token=***"),
        (f"jwt malformed: {JWT}", "jwt malformed: ***"),
        ("DB_PASSWORD=hunter2 DB_HOST=db", "DB_PASSWORD=*** DB_HOST=db"),
        ("password: 'hunter 2', user: 'app'", "password: '***', user: 'app'"),
        ('{"user":"app","password":"hunter\\"2","port":5432}', '{"user":"app","password":"***","port":5432}'),
        ('failed with "{\\"token\\":\\"hunter2\\",\\"a\\":1}"', 'failed with "{\\"token\\":***,\\"a\\":1}"'),
        ("clientSecret => hunter2)", "clientSecret => ***)"),
        ("process.env['API_TOKEN'] = hunter2", "process.env['API_TOKEN'] = ***"),
        ("Server=db;User Id=app;Password=hunter2;Database=x", "Server=db;User Id=app;Password=***;Database=x"),
        ("host=db user=app password=hunter2 dbname=x", "host=db user=app password=*** dbname=x"),
        ("GET /login?access_token=hunter2&next=/ 500", "GET /login?access_token=***&next=/ 500"),
        ("node server.js --api-key hunter2 --port 80", "node server.js --api-key *** --port 80"),
        ("--token=hunter2", "--token=***"),
        ("stripe sk_live_0123456789abcdefgh", "stripe ***"),
        ("github ghp_0123456789abcdefghij ghs_0123456789ab", "github *** ***"),
        ("aws AKIAABCDEFGHIJKLMNOP", "aws ***"),
        (f"https://api.example.com/bot{BOT}/sendMessage", "https://api.example.com/bot***/sendMessage"),
        ("https://hooks.slack.com/services/T0/B0/abc", "https://hooks.slack.com/services/***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nrest", "***\nrest"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE", "***"),
        ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDVmnYfQ0Xr0123", "***"),
    ],
)
def test_secrets_are_taken_out(text: str, shown: str) -> None:
    assert scrub(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:80/a@b",
        "https://db.example.com:5432?a@b",
        "mail to ops@example.com",
        "SyntaxError: Unexpected token '{'",
        "SyntaxError: Unexpected token: punc (})",
        "Error: REQUIRED_SECRET is not set",
        "Missing environment variable: TOKEN",
        "DATABASE_PASSWORD: undefined",
        "API_TOKEN=missing",
        "JsonWebTokenError: jwt malformed",
        "TokenExpiredError: jwt expired",
        "    at verify (/srv/app/src/token.ts:10:5)",
        "    at file:///srv/app/dist/access-token.js:3:7",
        "SyntaxError: Identifier '__dirname' has already been declared",
        "TypeError: Cannot read properties of undefined (reading 'token')",
        "Error: connect ECONNREFUSED 127.0.0.1:5432",
        "Error: secretOrPrivateKey must have a value",
        'password authentication failed for user "app"',
        "/usr/lib/node_modules/Foo1/lib/some/very/long/path/without/any/dots/in/it/at/all/index",
        "revision 0123456789abcdef0123456789abcdef01234567",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_an_error_stays_readable(text: str) -> None:
    assert scrub(text) == text


def test_known_values_are_taken_out_wherever_they_stand() -> None:
    environment = {
        "DATABASE_URL": "postgres://app:p%40ssw0rd@db/x",
        "API_TOKEN": "hunter2hunter2",
        "OTHER_TOKEN": "hunter2",
        "LICENCE": "abcdef",
        "NODE_ENV": "production",
        "SMALL_SECRET": "ab",
        "SECRET_URL": "http://[broken",
    }
    hidden = values_to_hide(environment, names=["LICENCE"])
    assert set(hidden) == {"hunter2hunter2", "http://[broken", "p%40ssw0rd", "p@ssw0rd", "hunter2", "abcdef"}
    assert hidden == sorted(hidden, key=len, reverse=True)
    text = "p@ssw0rd, hunter2hunter2 and abcdef in production, not ab"
    assert scrub(text, secrets=hidden) == "***, *** and *** in production, not ab"


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "token", "--token", "token ", "token.", "password=", "cookie", "x-", "x-key", "-", "1", " ", "@"),
        *("://", "://a", "://@", "eyJ", "eyJa.", "-----BEGIN PRIVATE KEY", "Bearer ", "a1:A", "SK", '\\"', "MI"),
    ],
)
def test_no_line_can_make_it_slow(piece: str) -> None:
    # With a pattern that backtracks, twenty times as long takes four hundred times as long; some took minutes.
    def seconds(length: int) -> float:
        began = time.process_time()
        scrub(piece * (length // len(piece)))
        return time.process_time() - began

    shortest = max(min(seconds(2_000) for _ in range(3)), 0.0002)
    assert seconds(40_000) < 150 * shortest
