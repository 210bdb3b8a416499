# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of rehearsal: carries the artifact to the host."""

from __future__ import annotations

from ansible_collections.nodeops.pm2.plugins.plugin_utils._artifact import ArtifactAction


class ActionModule(ArtifactAction):
    """Sends ``archive``, in check mode too."""
