# Copyright: nodeops maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A webhook: the message as JSON, for whatever takes it further."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ansible_collections.nodeops.pm2.plugins.module_utils._channel import Message, Receipt, plainly, post, receipt_of
from ansible_collections.nodeops.pm2.plugins.module_utils._errors import DeployError
from ansible_collections.nodeops.pm2.plugins.module_utils._probe import parse_url
from ansible_collections.nodeops.pm2.plugins.module_utils._secret import NONE, Secret

SIGNATURE = "x-hub-signature-256"


@dataclass(frozen=True)
class Webhook:
    """An address that takes JSON.

    :param url: often a secret itself.
    :param key: signs the body, hex SHA-256 HMAC as ``sha256=...`` in :data:`SIGNATURE`; empty: not signed.
    :param header: a further header, ``Name: value``, for an address that wants a token; empty: none.
    """

    url: Secret
    key: Secret = NONE
    header: Secret = NONE
    name: str = "webhook"
    is_sms: bool = False

    def __post_init__(self) -> None:
        """Refuse what could never work."""
        parse_url(self.url.reveal())
        header = self.header.reveal()
        if header and (":" not in header or not header.isprintable() or not header.isascii()):
            raise DeployError(
                "This is not a header.",
                expected="Name: value, in ASCII, on one line",
                seen=f"{len(header)} characters of another form",
                remedy="Correct the credential.",
            )

    def send(self, message: Message, *, remarks: Sequence[str] = (), timeout: float) -> Receipt:
        """Try once; the id makes a second attempt recognisable, also as ``Idempotency-Key``."""
        data = json.dumps({**asdict(message), "remarks": list(remarks)}, ensure_ascii=False)
        headers = {"content-type": "application/json", "idempotency-key": message.id}
        if self.key:
            digest = hmac.new(self.key.reveal().encode(), data.encode(), hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={digest}"
        if self.header:
            name, _colon, value = self.header.reveal().partition(":")
            headers[name.strip().lower()] = value.strip()
        return receipt_of(post(self.url.reveal(), data=data, headers=headers, timeout=timeout), plainly)
