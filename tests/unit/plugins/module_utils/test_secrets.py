# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What secrets look like. Those here are made up, and put together from parts for the sake of scanners."""

from __future__ import annotations

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _secrets

RANDOM = "q7Wm2Zx9Lk4Tb8Vn3Hc6Rj5Ds1Fg0Pya8Kd"
KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj" * 3
BEGIN, END = "-----BEGIN ", "PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a private key", f"{BEGIN}{END}\n{KEY}"),
        ("a private key", f"{BEGIN}RSA {END}\n{KEY}"),
        ("a private key", f"{BEGIN}RSA {END}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,1234\n\n{KEY}"),
        ("a private key", f"{BEGIN}OPENSSH {END}\r\n{KEY}"),
        ("a private key", f'{{"private_key": "{BEGIN}{END}\\n{KEY}'),
        ("an access key of AWS", "id = 'AKIA" + "Q3WMZ2XLK4TB7VNH'"),
        ("a token of GitHub", "ghp_" + RANDOM + "9"),
        ("a token of GitLab", "glpat-" + RANDOM[:20]),
        ("a token of Slack", "xoxb-" + "123456789012-" + RANDOM),
        ("a webhook of Slack", "https://hooks.slack.com/services/T" + "0A1B2C3D/B0A1B2C3D/" + RANDOM[:24]),
        ("a live key of Stripe", "sk_live_" + RANDOM[:24]),
        ("a token of npm", "npm_" + RANDOM + "9"),
        ("a token for a registry", "//registry.example/:_authToken=" + RANDOM),
        ("a key of SendGrid", "SG." + RANDOM[:22] + "." + (RANDOM + RANDOM)[:43]),
        ("a token of a Telegram bot", "1234567890:AA" + RANDOM[:33]),
        ("a key of an AI service", "sk-ant-" + RANDOM + RANDOM),
        ("a key of Google", "AIza" + RANDOM[:35]),
        ("a password in the address of a database", "postgres://shop:" + RANDOM[:12] + "@db.shop.io/shop"),
        ("a password in the address of a database", "mongodb+srv://shop:" + RANDOM[:12] + "@c0.abc.mongodb.net"),
    ],
)  # fmt: skip
def test_found(what: str, text: str) -> None:
    content = f"one\ntwo {text} three\n".encode()
    hits = [
        (form.what, line) for form in (_secrets.PRIVATE_KEY, *_secrets.TOKENS) for line in _secrets.found(form, content)
    ]
    assert hits == [(what, 2)]
    (form,) = (form for form in (_secrets.PRIVATE_KEY, *_secrets.TOKENS) if form.what == what)
    assert any(word in content for word in form.words), "the sweep would have passed it over"


@pytest.mark.parametrize(
    "text",
    [
        f"if (key.startsWith('{BEGIN}{END}'))",
        f"{BEGIN}{END}\n...\n-----END PRIVATE KEY-----",
        f"{BEGIN}{END}\n" + "x" * 200,
        f"{BEGIN[:-1]} PUBLIC KEY-----\n{KEY}",
        "AKIAIOSFODNN7" + "EXAMPLE",
        "AKIA" + "A" * 16,
        "ghp_" + "x" * 36,
        "ghp_short",
        "npm_config_registry=https://registry.example/abcdefghijk",
        "npm_" + "lifecycle_event_and_something_longer_yet",
        "//registry.example/:_authToken=${NPM_TOKEN}",
        "sk_test_" + RANDOM,
        "postgres://postgres:postgres@localhost:5432/app",
        "postgres://user:password123@db:5432/app",
        "postgres://user:${PASSWORD}@db.shop.io/app",
        "postgres://user:hunter22@127.0.0.1/app",
        "postgres://user:hunter22@db.example.com/app",
        "mongodb://user:hunter22@mongo.local/app",
        "https://user:hunter22@shop.io",
        "12:AA" + RANDOM,
    ],
)
def test_not_found(text: str) -> None:
    forms = (_secrets.PRIVATE_KEY, *_secrets.TOKENS)
    assert [form.what for form in forms if list(_secrets.found(form, text.encode()))] == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("API_KEY=q7Wm2Zx9Lk4", "secret"),
        ("export STRIPE_SECRET='q7Wm2Zx9Lk4'", "secret"),
        ('DB_PASSWORD = "q7Wm2 Zx9Lk4" # set it', "secret"),
        ("DATABASE_URL=postgres://shop:q7Wm2Zx9@db.shop.io/x", "secret"),
        ("SENTRY_DSN=https://q7Wm2Zx9@o1.ingest.sentry.io/1", "secret"),
        ("DATABASE_URL=postgres://shop:q7Wm2Zx9@localhost/x", "other"),
        ("DATABASE_URL=postgres://postgres:postgres@db.shop.io/x", "other"),
        ("JWT_SECRET=changeme", "other"),
        ("JWT_SECRET=your-256-bit-secret", "other"),
        ("SECRET_KEY = secretKey", "other"),
        ("API_KEY=<your key>", "other"),
        ("API_KEY=${FROM_ELSEWHERE}", "other"),
        ("POSTGRES_PASSWORD=postgres", "other"),
        ("TOKEN_EXPIRES_IN=86400000", "other"),
        ("JWT_SECRET_FILE=/run/secrets/jwt", "other"),
        ("PORT=3000", "other"),
        ("API_KEY=", "none"),
        ("API_KEY= # none yet", "none"),
        ("#API_KEY=q7Wm2Zx9Lk4", "none"),
    ],
)
def test_values(line: str, kind: str) -> None:
    secret, other = _secrets.values(f"\n{line}\n")
    assert ("secret" if secret else "other" if other else "none") == kind
    assert [*secret.values(), *other.values()] == ([2] if kind != "none" else [])
    assert "q7Wm2" not in repr((secret, other))


@pytest.mark.parametrize(
    ("path", "so"),
    [
        ("test/key.pem", True), ("src/__tests__/a.js", True), ("a/fixtures/b.json", True), ("src/a.test.ts", True),
        ("README.md", True), (".env.example", True), ("config/env.sample.json", True), ("a-test-env/a.yml", True),
        ("src/key.pem", False), ("src/contest/a.js", False), ("attestation/a.js", False), ("src/latest.js", False),
        (".env", False), ("docs.js", False),
    ],
)  # fmt: skip
def test_in_tests(path: str, so: bool) -> None:
    assert _secrets.in_tests(path) is so


@pytest.mark.parametrize(
    ("path", "so"),
    [(".env", True), ("api/.env.production", True), (".env.local", True), (".env.example", False), (".env.test", False),
     (".env.development.local", False), ("env", False), ("x.env", False)],
)  # fmt: skip
def test_env_file_of_secrets(path: str, so: bool) -> None:
    assert _secrets.env_file_of_secrets(path) is so
