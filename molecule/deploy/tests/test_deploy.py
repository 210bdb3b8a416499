# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A first deploy puts the app's tree on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host

    from ansible_collections.nodeops.pm2.molecule.conftest import Card


def test_the_root_exists(host: Host, card: Card) -> None:
    assert host.file(str(card.root)).is_directory
