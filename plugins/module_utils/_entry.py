# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What will be run, read back from the entry of an ecosystem file: the facts the checks of a release need."""

from __future__ import annotations

import posixpath
from typing import Any

from ansible_collections.nodeops.pm2.plugins.module_utils._ecosystem_words import (
    ENV_FILES,
    loads_tsx,
    name_of,
    take_flags,
    value_of,
)

YES = ("1", "on", "true", "yes")


def entry(app: dict[str, Any]) -> dict[str, Any]:
    """The start of ``app``, as :func:`ecosystem` returned it, in the terms of its release.

    ``script`` is relative to the release; ``loader`` is ``tsx`` or empty; ``env`` holds names only, ``env_on`` those of
    them whose value says yes; ``env_file`` is the first such file, empty where there is none. The rest is as in the
    file.
    """
    flags = take_flags(app["node_args"])[0]
    files = [value_of(flag) for flag in flags if name_of(flag) in ENV_FILES]
    return {
        "script": posixpath.relpath(app["script"], app["cwd"]),
        "interpreter": app["interpreter"],
        "node_args": list(app["node_args"]),
        "args": list(app["args"]),
        "exec_mode": app["exec_mode"],
        "loader": "tsx" if any(loads_tsx(flag) for flag in flags) else "",
        "env": list(app["env"]),
        "env_file": files[0] if files else "",
        "env_on": [name for name, value in app["env"].items() if str(value).lower() in YES],
        "name": app["name"],
        **{key: app.get(key, 0) for key in ("max_restarts", "min_uptime", "restart_delay")},
    }
