"""Notification channels: a POST to the watcher for each change in a log that he watches."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

import httpx2

from apps.ops.sandbox.drive.feed import Entry
from apps.ops.sandbox.drive.records import Clock

TIMEOUT_S = 5.0
WAITS_S = (0.1, 0.5)
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
        """End the thread, after what waits was delivered."""
        if self._thread is not None:
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
                _post(http, *delivery)


def _post(http: httpx2.Client, address: str, headers: dict[str, str]) -> None:
    for wait_s in (*WAITS_S, None):
        try:
            if http.post(address, headers=headers).status_code not in TRIED_AGAIN:
                return
        except httpx2.TransportError:
            # The watcher is away: as at Google, that is his loss after a few attempts.
            if wait_s is None:
                return
        if wait_s is not None:
            time.sleep(wait_s)
