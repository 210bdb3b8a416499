# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The whole of smoke: it asks from the controller, so that no host is reached but by the way of its users."""

from __future__ import annotations

import socket
import time
import uuid
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.nodeops.pm2.plugins.module_utils import _ledger, _probe, _proof
from ansible_collections.nodeops.pm2.plugins.module_utils._channel import DELIVERED, Receipt
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._notice import message_of
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import Secret
from ansible_collections.nodeops.pm2.plugins.module_utils._webhook import Webhook
from ansible_collections.nodeops.pm2.plugins.plugin_utils import _outside

ALERT_TIMEOUT = 15.0

SPEC: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    **{name: _proof.SPEC[name] for name in ("host", "health", "smoke", "interval", "deadline")},
    "consecutive": {"type": "int", "default": 1},
    "app": {"type": "str", "default": "app"},
    "release": {"type": "str", "default": ""},
    "webhook": {"type": "str", "default": "", "no_log": True},
}


class ActionModule(ActionBase):
    """Asks, and tells people where the answers are not good."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Validate, ask, tell."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, params = self.validate_argument_spec(argument_spec=SPEC)
        try:
            seen = ask(params)
            is_to_tell = seen.reasons and params["webhook"] and not self._task.check_mode
            told = tell(params, seen) if is_to_tell else None
        except DeployError as error:
            raise AnsibleActionFail(str(error)) from None
        alerted = told is not None and told.fate == DELIVERED
        result.update(vars(seen), changed=False, good=not seen.reasons, alerted=alerted)
        return {**result, "failed": True, "msg": failure(params, seen, told)} if seen.reasons else result


def ask(params: dict[str, Any]) -> _outside.Seen:
    """What is seen from here."""
    if not params["url"]:
        raise DeployError(
            "It is not known where the users of the app come in.",
            expected="bluegreen_public_url, such as https://shop.example.com",
            seen="nothing",
            remedy="Set it beside bluegreen_app.",
        )
    target = _probe.parse_target(params["url"])
    timeout = params["health"]["timeout"]
    return _outside.look(
        _proof.probe_of(params["health"], host=params["host"]),
        [_proof.probe_of(one, host=params["host"]) for one in params["smoke"]],
        _outside.Terms(params["consecutive"], params["interval"], params["deadline"]),
        ask=lambda probe: _probe.ask(target, probe.question, timeout=timeout),
        clock=time.monotonic,
        sleep=time.sleep,
    )


def tell(params: dict[str, Any], seen: _outside.Seen) -> Receipt:
    """Send the alert, once."""
    place = socket.gethostname()
    notice = _outside.notice(seen, app=params["app"], release=params["release"], place=place, url=params["url"])
    message = message_of(notice, identifier=str(uuid.uuid4()), at=_ledger.now())
    return Webhook(Secret(params["webhook"])).send(message, timeout=ALERT_TIMEOUT)


def failure(params: dict[str, Any], seen: _outside.Seen, told: Receipt | None) -> str:
    """What the person who reads the log of the pipeline has to know."""
    fate = "No alert was sent: bluegreen_alert_webhook is not set, or this is a rehearsal."
    if told is not None:
        fate = "An alert was sent." if told.fate == DELIVERED else f"The alert could not be delivered: {told.text}"
    error = DeployError(
        "From here the app does not answer as it should.",
        expected="good answers, as bluegreen_health and bluegreen_smoke say",
        seen="; ".join(seen.reasons),
        where=params["url"],
        remedy="Compare with what the hosts see, which status.yml tells; roll back by hand where they are wrong.",
    )
    return f"{error}\n{_outside.DONE}\n{fate}"
