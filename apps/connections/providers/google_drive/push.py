"""Channels: Google sends word that a log has something new. Nothing in a delivery is believed.

Deliveries carry no signature. What only Google and Kenward know is the channel's token.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from apps.connections.errors import ItemGone, PushRefused
from apps.connections.protocol import Delivery, Push, Subscription
from apps.connections.providers.google_drive.answers import broken, text
from apps.connections.providers.google_drive.logs import Logs

# The longest that Google keeps a channel for a log.
_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of one account.

    Args:
        logs: of the account.
    """

    logs: Logs

    def open(self, name: str, *, address: str, secret: str) -> Subscription:
        """Have word of one log sent to an address.

        Raises:
            ItemGone, ItemForbidden: the log cannot be read.
        """
        log = self.logs.log(name)
        ends_at = datetime.now(UTC) + _LIFE
        channel = {
            "id": str(uuid4()),
            "type": "web_hook",
            "address": address,
            "token": secret,
            "expiration": str(int(ends_at.timestamp() * 1000)),
        }
        token = log.client.start_token(log.drive_id)
        told = log.client.watch(token, channel, drive_id=log.drive_id)
        return Subscription(
            name, text(told, "id"), text(told, "resourceId"), _moment(told.get("expiration"))
        )

    def close(self, subscription: Subscription) -> None:
        """End a channel; one that has ended, or whose log is gone, is no error."""
        try:
            client = self.logs.log(subscription.name).client
            client.stop(subscription.id, subscription.resource_id)
        except ItemGone:
            return


def received(delivery: Delivery, secret: str) -> Push:
    """Verify a delivery and say what it means.

    https://developers.google.com/workspace/drive/api/guides/push

    Raises:
        PushRefused: it does not carry the token, or is no delivery of Google's.
    """
    told = delivery.headers.get("x-goog-channel-token", "")
    if not secret or not hmac.compare_digest(told.encode(), secret.encode()):
        raise PushRefused("The delivery does not carry the channel's token.")
    channel = delivery.headers.get("x-goog-channel-id", "")
    number = delivery.headers.get("x-goog-message-number", "")
    state = delivery.headers.get("x-goog-resource-state", "")
    if not channel or not number.isdecimal() or not state:
        raise PushRefused("The delivery does not say what it is about.")
    # "sync" says that the channel is open; nothing has changed.
    return Push(f"{channel}:{number}", follows=state != "sync", subscription=channel)


def _moment(expiration: object) -> datetime:
    if not str(expiration).isdecimal():
        raise broken("a channel", "expiration")
    return datetime.fromtimestamp(int(str(expiration)) / 1000, UTC)
