# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Secrets that were committed: where, never which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _sweep
from ansible_collections.nodeops.pm2.plugins.module_utils._check import ERROR, WARNING, Finding
from ansible_collections.nodeops.pm2.plugins.module_utils._rules_secrets import (
    env_committed,
    private_key_committed,
    token_committed,
)

Find = Callable[..., list[Finding]]

SECRET = "q7Wm2Zx9Lk4Tb8Vn3Hc6Rj5Ds1Fg0Pya8Kd"
KEY = "-----BEGIN " + "PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj" * 3
TOKEN = "ghp_" + SECRET + "9"


@pytest.mark.parametrize(
    ("files", "severity", "evidence"),
    [
        ({".env": f"PORT=1\nAPI_KEY={SECRET}"}, ERROR, [".env:2: API_KEY"]),
        ({".env": f"API_KEY={SECRET}", "x/.env": f"A_PAT={SECRET}"}, ERROR, [".env:1: API_KEY", "x/.env:1: A_PAT"]),
        ({".env": "PORT=1\nAPI_KEY="}, WARNING, [".env:1: PORT"]),
        ({".env": "API_KEY="}, "", []),
        ({".env.example": f"API_KEY={SECRET}", ".env.test": f"API_KEY={SECRET}"}, "", []),
        ({"test/.env": f"API_KEY={SECRET}"}, "", []),
    ],
)  # fmt: skip
def test_env_committed(find: Find, files: Any, severity: str, evidence: list[str]) -> None:
    found = find(env_committed, files)
    assert [item.severity for item in found] == ([severity] if severity else [])
    assert [str(one) for item in found for one in item.evidence] == evidence
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("rule", "text"), [(private_key_committed, KEY), (token_committed, f"const a = '{TOKEN}'")], ids=["key", "token"]
)
@pytest.mark.parametrize(
    ("path", "severity"),
    [("src/a.js", ERROR), ("test/a.js", WARNING), ("node_modules/x/a.js", ""), ("README.md", WARNING)],
)
def test_keys_and_tokens(find: Find, rule: Any, text: str, path: str, severity: str) -> None:
    found = find(rule, {path: f"\n{text}\n", "other.js": ""})
    assert [item.severity for item in found] == ([severity] if severity else [])
    assert [str(one) for item in found for one in item.evidence] == ([f"{path}:2"] if severity else [])
    assert SECRET not in str(found)


def test_what_may_be_public_is_a_warning(find: Find) -> None:
    (found,) = find(token_committed, {"src/a.js": "AIza" + SECRET})
    assert (found.severity, found.message) == (WARNING, "There is a key of Google in src/a.js.")


def test_a_search_that_was_cut_off_says_so(find: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sweep, "MOST_OF_ALL", 3 << 20)
    files = {f"{name}.txt": name * (1 << 20) for name in "abcdef"}
    (found,) = find(token_committed, files)
    assert found.severity == WARNING
    assert found.message == "Only the first 4 MiB of the release were searched for keys and tokens."
