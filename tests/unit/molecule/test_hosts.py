# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What hosts with systemd are made of, as far as it can be told without making one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nodeops.pm2.molecule.shared.hosts import hosts, images


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, []),
        ({"HOME": "/root", "AWS_SECRET": "x"}, []),
        ({"https_proxy": "http://p", "NO_PROXY": "a"}, ["https_proxy=http://p", "NO_PROXY=a"]),
    ],
)
def test_a_host_is_told_its_certificates_and_the_way_out_and_nothing_else(
    ours: dict[str, str], theirs: list[str]
) -> None:
    assert hosts.environment(ours) == [f"NODE_EXTRA_CA_CERTS={hosts.CERTIFICATES}", *theirs]


def test_ssh_knows_every_host_and_nothing_of_this_machine() -> None:
    lines = hosts.ssh_config({"web1": "10.1.2.3", "web2": "10.1.2.4"}, Path("/t/key")).splitlines()
    assert lines[:4] == ["Host web1", "  HostName 10.1.2.3", "Host web2", "  HostName 10.1.2.4"]
    assert "  IdentityFile /t/key" in lines
    assert "  UserKnownHostsFile /dev/null" in lines


def test_a_hardware_address_is_the_hosts_own() -> None:
    assert hosts.mac("10.89.0.12") == "02:00:0a:59:00:0c"


def test_another_recipe_is_another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: images.recipe(name) for name in images.RELEASES}
    assert len(set(before.values())) == len(images.RELEASES)
    monkeypatch.setattr(images, "PACKAGES", f"{images.PACKAGES},more")
    assert all(images.recipe(name) != digest for name, digest in before.items())


def test_an_image_that_is_there_is_neither_built_nor_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "exists", lambda _reference: True)
    monkeypatch.setattr(images, "build", lambda *_given: pytest.fail("built"))
    monkeypatch.setattr(images, "podman", lambda *_given: pytest.fail("pulled"))
    assert images.image("debian12").startswith(f"{images.REPOSITORY}:debian12-")
    monkeypatch.setenv("HOST_IMAGE_DEBIAN12", "registry.test/debian:12")
    assert images.image("debian12") == "registry.test/debian:12"


def test_an_image_that_is_named_is_pulled(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, ...]] = []
    monkeypatch.setattr(images, "exists", lambda _reference: False)
    monkeypatch.setattr(images, "podman", lambda *given: called.append(given))
    monkeypatch.setenv("HOST_IMAGE_DEBIAN13", "registry.test/debian:13")
    images.image("debian13")
    assert called == [("pull", "--quiet", "registry.test/debian:13")]
