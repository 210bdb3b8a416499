# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a module gets the artifact: the controller's file is looked at, carried to the host's temporary directory, and
removed when the module is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.nodeops.pm2.plugins.module_utils._artifact import verified
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError


class ArtifactAction(ActionBase):  # type: ignore[misc]
    """Runs the module of the same name with its option ``archive`` pointing at a copy on the host.

    The copy is temporary, so that it is made in check mode too. Without ``archive`` nothing is carried.
    """

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Refuse an artifact that cannot be read or is another one than ``checksum`` says, send it, run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        args = dict(self._task.args)
        name = str(args.get("archive") or "")
        try:
            if name and not boolean(args.get("remote_src", False)):
                args["archive"] = self._send(name, str(args.get("checksum") or ""))
            result.update(self.carry_out(args, task_vars))
            if name and result.get("failed"):
                # Nobody knows the copy, and it is gone when they look for it.
                result["msg"] = str(result.get("msg", "")).replace(args["archive"], name)
        except DeployError as error:
            raise AnsibleActionFail(str(error)) from None  # ansible-core would repeat the cause
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def carry_out(self, args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Run the module, its archive being on the host by now."""
        found: dict[str, Any] = self._execute_module(module_args=args, task_vars=task_vars)
        return found

    def _send(self, name: str, checksum: str) -> str:
        local = self._loader.path_dwim(name)
        verified(Path(local), checksum)
        shell = self._connection._shell
        if shell.tmpdir is None:  # made here, because it costs three ways to the host that nothing else is worth
            self._make_tmp_path()
        remote: str = shell.join_path(shell.tmpdir, "artifact")
        self._transfer_file(local, remote)
        if self._is_become_unprivileged():  # otherwise it is its owner who reads it
            self._fixup_perms2((shell.tmpdir, remote))
        return remote
