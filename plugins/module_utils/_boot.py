# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What PM2's service brings back at boot: apps that provisioning wrote into its unit, and those deployed since.

A deploy names its app without root, by a link in the PM2 home: the service runs as the same user, so that whoever can
write there gains nothing by it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from urllib.parse import quote

from ansible_collections.nodeops.pm2.plugins.module_utils._io import is_leftover, link_atomic, read_link

UNITS = Path("/etc/systemd/system")
UNAWARE = "A reboot would not bring this app back."
REMEDY = "Provision the host again, with its root in runtime_apps."


def register(home: Path, root: Path) -> bool:
    """Have the service bring an app back, where this PM2 has one; says whether anything changed."""
    link = home / "boot" / quote(str(root), safe="")
    if not link.parent.is_dir() or read_link(link) == str(root):
        return False
    link_atomic(link, str(root))
    return True


def roots(home: Path) -> list[Path]:
    """Roots of the apps that deploys have named."""
    try:
        names = sorted(os.listdir(home / "boot"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    targets = [read_link(home / "boot" / name) for name in names if not is_leftover(name)]
    return [Path(target) for target in targets if target]


def unaware(home: Path, root: Path, *, units: Path = UNITS) -> str:
    """The unit that runs this PM2 and would not bring the app back; empty where it would, or there is none."""
    for unit in sorted(units.glob("pm2-*.service")):
        if f"--home {home} " in _text(unit):
            added = "".join(_text(path) for path in sorted(Path(f"{unit}.d").glob("*.conf")))
            named = [line.rpartition(" ")[2] for line in added.splitlines() if " start-live " in line]
            return "" if str(root) in [*named, *map(str, roots(home))] else str(unit)
    return ""


def _text(path: Path) -> str:
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
