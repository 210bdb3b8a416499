# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The code that runs on hosts, packed into one file that Python can run."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

PACKAGE = "ansible_collections/nodeops/pm2/plugins/module_utils"
SOURCE = Path(__file__).parent.parent / "module_utils"
_MAIN = """\
import sys

from ansible_collections.nodeops.pm2.plugins.module_utils._cli import main

sys.exit(main())
"""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip file can name


def packed(directory: Path, *, python: str) -> Path:
    """The program for the present code, made where it is not there yet."""
    content = f"#!{python}\n".encode() + archive(SOURCE)
    path = directory / f"bluegreen-{hashlib.sha256(content).hexdigest()[:16]}.pyz"
    if not path.exists():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_suffix(".new~")
        partial.write_bytes(content)
        partial.replace(path)
    return path


def archive(source: Path) -> bytes:
    """A zip file of the modules in ``source`` and of what starts them, the same bytes for the same code."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, text in {"__main__.py": _MAIN, **_packages(), **_modules(source)}.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            zipped.writestr(entry, text)
    return stream.getvalue()


def _packages() -> dict[str, str]:
    """Python finds no package in a zip file by its directory alone."""
    parts = PACKAGE.split("/")
    return {f"{'/'.join(parts[: depth + 1])}/__init__.py": "" for depth in range(len(parts))}


def _modules(source: Path) -> dict[str, str]:
    return {f"{PACKAGE}/{path.name}": path.read_text(encoding="utf-8") for path in sorted(source.glob("*.py"))}
