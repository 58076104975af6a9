"""The Events API: signed notices to the app, from a thread of their own.

Source: https://docs.slack.dev/apis/events-api/ (envelope, retries) and
https://docs.slack.dev/authentication/verifying-requests-from-slack/ (signature).
"""

from __future__ import annotations

import hashlib
import heapq
import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx2

from apps.ops.sandbox.slack.records import Channel, Token
from apps.ops.sandbox.slack.sight import HISTORY_SCOPES, READ_SCOPES, reads
from apps.ops.sandbox.slack.state import Refused, State

ANSWER_TIMEOUT_S = 3.0
RETRY_DELAYS_S = (0.0, 60.0, 300.0)
_MEMBERS_ONLY = ("member_joined_channel", "member_left_channel", "channel_left", "group_")
_ALWAYS = frozenset({"tokens_revoked", "app_uninstalled"})
_SCOPES = {
    "file_": "files:read",
    "subteam_": "usergroups:read",
    "team_join": "users:read",
    "user_change": "users:read",
}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the `X-Slack-Signature` of a request whose other header carries the timestamp."""
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


@dataclass(order=True)
class _Delivery:
    due: float
    number: int
    url: str = field(compare=False)
    body: bytes = field(compare=False)
    tries: int = field(compare=False, default=0)
    reason: str = field(compare=False, default="")


class EventOutbox:
    """Brings the workspace's events to the request URLs of the app.

    Attributes:
        retry_delays_s: how long to wait before each further try; tests make them short.
        delivered: number of events that were answered with 2xx.
        given_up: number of events that no try could deliver.
        duplicates_left: how many of the next events are delivered twice, as happens.
    """

    def __init__(self, state: State) -> None:
        self.retry_delays_s: tuple[float, ...] = RETRY_DELAYS_S
        self.delivered = 0
        self.given_up = 0
        self.duplicates_left = 0
        self._state = state
        self._urls: list[str] = []
        self._queue: list[_Delivery] = []
        self._numbers = count(1)
        self._busy = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def subscribe(self, url: str) -> None:
        """Send events to a request URL from now on, once it has proved that it is the app's.

        Raises:
            Refused: it did not answer the challenge; nothing is sent to it.
        """
        challenge = self._state.new_secret("challenge-")
        asked = {"type": "url_verification", "challenge": challenge}
        body = self._encoded({"token": self._state.app.verification_token, **asked})
        answer = self._post(url, body, {})
        if not isinstance(answer, httpx2.Response) or challenge not in answer.text:
            raise Refused(f"{url} did not answer the challenge")
        with self._changed:
            self._urls.append(url)
            self._start()

    def unsubscribe(self, url: str) -> None:
        """Send nothing more to a request URL."""
        with self._changed:
            self._urls.remove(url)

    @property
    def urls(self) -> list[str]:
        """The request URLs that are in use."""
        return list(self._urls)

    def put(self, event: dict[str, Any], *, channel: Channel | None = None) -> None:
        """Queue an event, if the app's tokens and scopes let it know."""
        told_to = self._authorization(event["type"], channel)
        if not self._urls or told_to is None:
            return
        envelope = self._envelope(event, told_to, channel)
        copies = 2 if self.duplicates_left > 0 else 1
        self.duplicates_left = max(0, self.duplicates_left - 1)
        with self._changed:
            for url in self._urls * copies:
                body = self._encoded(envelope)
                heapq.heappush(
                    self._queue, _Delivery(time.monotonic(), next(self._numbers), url, body)
                )
            self._changed.notify_all()

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until everything is delivered or given up; return whether that happened in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout_s)

    def close(self) -> None:
        """Stop delivering."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(ANSWER_TIMEOUT_S * 2)

    def _authorization(self, kind: str, channel: Channel | None) -> Token | None:
        """Return a token that may know of an event; the bot's before a person's."""
        live = [token for token in self._state.tokens.values() if not token.ended]
        for token in sorted(live, key=lambda each: not each.is_bot):
            if kind in _ALWAYS or self._may_know(token, kind, channel):
                return token
        return None

    def _may_know(self, token: Token, kind: str, channel: Channel | None) -> bool:
        if kind == "message" and channel is not None:
            scope = HISTORY_SCOPES[channel.kind]
            return scope in token.scopes and reads(self._state, token, channel)
        named = [scope for prefix, scope in _SCOPES.items() if kind.startswith(prefix)]
        if named:
            may_look = channel is None or reads(self._state, token, channel)
            return named[0] in token.scopes and may_look
        if channel is None or READ_SCOPES[channel.kind] not in token.scopes:
            return False
        return not kind.startswith(_MEMBERS_ONLY) or token.user_id in channel.member_ids

    def _envelope(
        self, event: dict[str, Any], told_to: Token, channel: Channel | None
    ) -> dict[str, Any]:
        state = self._state
        shared = channel is not None and bool(channel.connected_team_ids)
        return {
            "token": state.app.verification_token,
            "team_id": state.team_id,
            "context_team_id": state.team_id,
            "api_app_id": state.app.app_id,
            "event": {"event_ts": state.new_ts(), **event},
            "type": "event_callback",
            "event_id": state.new_id("Ev"),
            "event_time": state.now_s(),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": state.team_id,
                    "user_id": told_to.user_id,
                    "is_bot": told_to.is_bot,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": shared,
            "event_context": state.new_secret("4-"),
        }

    def _encoded(self, body: dict[str, Any]) -> bytes:
        return json.dumps(body).encode()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sandbox-slack", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                delivery = self._next()
                if delivery is None:
                    return
                self._busy = True
            self._deliver(delivery)

    def _next(self) -> _Delivery | None:
        """Wait for the next delivery that is due; None when closed."""
        while not self._closed:
            wait_s = self._queue[0].due - time.monotonic() if self._queue else None
            if wait_s is not None and wait_s <= 0:
                return heapq.heappop(self._queue)
            self._changed.wait(wait_s)
        return None

    def _deliver(self, delivery: _Delivery) -> None:
        headers = {}
        if delivery.tries:
            number = str(delivery.tries)
            headers = {"X-Slack-Retry-Num": number, "X-Slack-Retry-Reason": delivery.reason}
        answer = self._post(delivery.url, delivery.body, headers)
        if isinstance(answer, httpx2.Response) and answer.is_success:
            self.delivered += 1
            return
        refuses = isinstance(answer, httpx2.Response) and "X-Slack-No-Retry" in answer.headers
        if refuses or delivery.tries >= len(self.retry_delays_s):
            self.given_up += 1
            return
        delivery.due = time.monotonic() + self.retry_delays_s[delivery.tries]
        delivery.tries += 1
        delivery.reason = answer if isinstance(answer, str) else "http_error"
        with self._changed:
            heapq.heappush(self._queue, delivery)

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> httpx2.Response | str:
        """Return the answer, or Slack's word for why there is none."""
        stamp = str(self._state.now_s())
        signed = {
            "Content-Type": "application/json",
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature(self._state.app.signing_secret, stamp, body),
        }
        try:
            return httpx2.post(
                url, content=body, headers={**signed, **headers}, timeout=ANSWER_TIMEOUT_S
            )
        except httpx2.TimeoutException:
            return "http_timeout"
        except httpx2.TooManyRedirects:
            return "too_many_redirects"
        except httpx2.TransportError:
            return "connection_failed"
