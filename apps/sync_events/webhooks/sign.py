"""Signatures as Standard Webhooks defines them: HMAC-SHA256 over id, time and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

_PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new signing secret, as receivers take it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


def headers(message_id: str, at: datetime, body: str, signing: Sequence[str]) -> dict[str, str]:
    """Return the headers by which a receiver verifies a message.

    Args:
        message_id: the same for each try of one message.
        at: when it is sent, aware.
        body: exactly what is sent.
        signing: the secrets; a receiver needs to know one of them.
    """
    sent_at = at.astimezone(UTC)
    signatures = [Webhook(secret).sign(message_id, sent_at, body) for secret in signing]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
