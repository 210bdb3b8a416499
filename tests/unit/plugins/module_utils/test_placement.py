# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._placement import slots

PORTS = {"blue": 3001, "green": 3002}


def make(app: str = "shop", strategy: str = "edge", listen: str = "port", ports: Any = PORTS) -> list[dict[str, str]]:
    return slots(app, strategy=strategy, listen=listen, ports=ports, run_dir="/run/shop")


def test_behind_an_edge() -> None:
    assert make() == [
        {"name": "blue", "process": "shop-blue", "address": "127.0.0.1:3001", "socket": "/run/shop/blue.sock"},
        {"name": "green", "process": "shop-green", "address": "127.0.0.1:3002", "socket": "/run/shop/green.sock"},
    ]


def test_on_sockets_the_edge_dials_the_app_itself() -> None:
    assert [slot["address"] for slot in make(listen="socket", ports={})] == [
        "unix:/run/shop/blue.sock",
        "unix:/run/shop/green.sock",
    ]


def test_without_an_edge() -> None:
    assert make(strategy="restart", ports={"main": "3000", "spare": 3001}) == [
        {"name": "main", "process": "shop", "address": "127.0.0.1:3000", "socket": ""},
        {"name": "spare", "process": "shop-spare", "address": "127.0.0.1:3001", "socket": ""},
    ]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"ports": {"blue": 3001, "green": 3001}}, "same port"),
        ({"ports": {"blue": 3001, "green": "3001"}}, "same port"),
        ({"ports": {"blue": 3001}}, "no usable port for green"),
        ({"ports": {"blue": 0, "green": 1}}, "no usable port for blue"),
        ({"ports": {"blue": 65536, "green": 1}}, "65536"),
        ({"ports": {"blue": "http", "green": 1}}, "'http'"),
        ({"strategy": "restart"}, "no usable port for main"),
        ({"strategy": "restart", "listen": "socket"}, "do not go together"),
        ({"app": "a/b"}, "name of a process"),
        ({"app": ""}, "name of a process"),
    ],
)
def test_bad_input_is_named(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(DeployError) as refused:
        make(**changed)
    assert words in str(refused.value)
