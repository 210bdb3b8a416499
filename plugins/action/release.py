# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Controller side of release: takes the lock for the run, where no earlier task has."""

from __future__ import annotations

from ansible_collections.nodeops.pm2.plugins.plugin_utils._owned import OwnedAction


class ActionModule(OwnedAction):
    """What takes the lock here is a rollback: a deploy has it."""

    ACTION = "rollback"
