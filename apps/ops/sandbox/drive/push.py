"""Notification channels: a POST to the watcher for each change in a log that he watches."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

import httpx2

from apps.ops.sandbox.drive.feed import Entry
from apps.ops.sandbox.drive.records import Clock

logger = logging.getLogger(__name__)

TIMEOUT_S = 5.0
# Before each attempt.
WAITS_S = (0.0, 0.1, 0.5)
TRIED_AGAIN = frozenset({500, 502, 503, 504})


@dataclass
class Channel:
    """A subscription to the log of a user, or of a shared drive.

    Attributes:
        drive_id: the shared drive's log, or "" for the user's own.
        sent: how many notifications were numbered so far.
    """

    id: str
    resource_id: str
    resource_uri: str
    address: str
    token: str
    user_id: str
    drive_id: str
    expires_at: datetime
    sent: int = 0

    def is_about(self, entry: Entry) -> bool:
        """Whether a change is in the log."""
        if self.drive_id:
            return self.drive_id in entry.places
        return self.user_id in entry.audience


class Push:
    """The open channels, and the thread that delivers in order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._channels: dict[tuple[str, str], Channel] = {}
        self._waiting: queue.Queue[tuple[str, dict[str, str]] | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def open(self, channel: Channel) -> None:
        """Begin with the notification that says so.

        Raises:
            ValueError: there is such a channel.
        """
        place = (channel.id, channel.resource_id)
        if any(known == channel.id for known, _ in self._channels):
            raise ValueError(f"Channel id {channel.id} not unique")
        self._channels[place] = channel
        if self._thread is None:
            self._closing.clear()
            self._thread = threading.Thread(target=self._deliver, name="drive-push", daemon=True)
            self._thread.start()
        self._notify(channel, "sync")

    def stop(self, channel_id: str, resource_id: str, user_id: str) -> bool:
        """End a channel; False if the user has no such one."""
        place = (channel_id, resource_id)
        known = self._channels.get(place)
        if known is None or known.user_id != user_id:
            return False
        del self._channels[place]
        return True

    def tell(self, entry: Entry) -> None:
        """Notify the channels that a change is for; forget those whose time is over."""
        now = self._clock.now()
        for place, channel in list(self._channels.items()):
            if channel.expires_at <= now:
                del self._channels[place]
            elif channel.is_about(entry):
                self._notify(channel, "change")

    def close(self) -> None:
        """End the thread; what still waits is not delivered."""
        if self._thread is not None:
            self._closing.set()
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    def _notify(self, channel: Channel, state: str) -> None:
        channel.sent += 1
        headers = {
            "X-Goog-Channel-ID": channel.id,
            "X-Goog-Channel-Expiration": format_datetime(channel.expires_at, usegmt=True),
            "X-Goog-Message-Number": str(channel.sent),
            "X-Goog-Resource-ID": channel.resource_id,
            "X-Goog-Resource-State": state,
            "X-Goog-Resource-URI": channel.resource_uri,
        }
        if channel.token:
            headers["X-Goog-Channel-Token"] = channel.token
        self._waiting.put((channel.address, headers))

    def _deliver(self) -> None:
        with httpx2.Client(timeout=TIMEOUT_S, trust_env=False) as http:
            while (delivery := self._waiting.get()) is not None:
                self._post(http, *delivery)

    def _post(self, http: httpx2.Client, address: str, headers: dict[str, str]) -> None:
        # A watcher who stays away misses the notification, as at Google.
        for wait_s in WAITS_S:
            if self._closing.wait(wait_s):
                return
            try:
                if http.post(address, headers=headers).status_code not in TRIED_AGAIN:
                    return
            except httpx2.TransportError as error:
                logger.debug("no answer from a watcher: %s", type(error).__name__)
