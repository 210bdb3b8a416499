# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A copy of the working tree, for whoever wants the collection under another path or without what lies about here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def copy(tree: Path, *, left_out: tuple[str, ...] = ()) -> None:
    """Copy what is tracked, or would be after ``git add``, as it is on disk now, to ``tree``.

    :param left_out: how names begin that stay behind.
    """
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = CHECKOUT / name, tree / name
        # A file may be deleted and not yet committed as such.
        if os.path.lexists(source) and not name.startswith(left_out):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
