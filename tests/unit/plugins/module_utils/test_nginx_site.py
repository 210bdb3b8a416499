# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whose site a file is, as far as its text says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils import _nginx_site
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError

PATH = Path("/etc/nginx/conf.d/nodeops-shop.conf")


def site(root: str) -> str:
    return f"server {{ location / {{ proxy_pass http://unix:{root}/current/.release/listen.sock; }} }}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", site("/var/www/shop")),
        (site("/var/www/shop"), site("/var/www/shop") + " # and more"),
        ("server { return 200; }", site("/var/www/shop")),
        (site("/var/www/shop"), "server { return 200; }"),
    ],
)
def test_its_own_site_may_be_rewritten(before: str, after: str) -> None:
    _nginx_site.refuse_namesake(before, after, PATH)


def test_another_apps_site_is_not_overwritten() -> None:
    with pytest.raises(DeployError, match="has a site of this name") as refused:
        _nginx_site.refuse_namesake(site("/var/www/shop"), site("/var/www/other"), PATH)
    assert (refused.value.seen, refused.value.where) == ("one that leads to /var/www/shop", str(PATH))
