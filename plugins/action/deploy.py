# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of deploy: carries the artifact to the host, and takes the lock for the run."""

from __future__ import annotations

from ansible_collections.nodeops.pm2.plugins.plugin_utils._owned import OwnedAction


class ActionModule(OwnedAction):
    """Sends ``archive``, in check mode too."""
