"""Stops every WebSocket on which a canary document would leave, and raises the alarm."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from channels.db import database_sync_to_async

from apps.documents.canaries import CanaryPassed, Marker, Watch
from apps.documents.canary_alarm import raise_alarm

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]

# https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
_INTERNAL_ERROR = 1011


class CanarySockets:
    """Look at every frame that a consumer sends, and at what pieces of an answer spell together.

    Args:
        inner: the application; the person stands in its scope.
    """

    def __init__(self, inner: Callable[..., Awaitable[None]]) -> None:
        self._inner = inner

    async def __call__(self, scope: Message, receive: Any, send: Send) -> None:
        """Serve one socket."""
        await self._inner(scope, receive, _WatchedSocket(scope, send).send)


class _WatchedSocket:
    """One socket; after an alarm nothing goes out on it any more."""

    def __init__(self, scope: Message, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._answer = Watch()
        self._seq = 0
        self._is_stopped = False

    async def send(self, message: Message) -> None:
        """Pass one message on, or close the socket when it carries a canary."""
        if self._is_stopped:
            return
        try:
            self._look_at(message)
        except CanaryPassed as stopped:
            self._is_stopped = True
            await self._stop(stopped)
            return
        await self._send(message)

    def _look_at(self, message: Message) -> None:
        if message["type"] == "websocket.close":
            Watch().feed(str(message.get("reason") or "").encode())
        if message["type"] != "websocket.send":
            return
        text = message.get("text")
        data = text.encode() if text is not None else message.get("bytes") or b""
        Watch().feed(data)
        frame = _frame(data)
        if frame.get("type") == "token":
            self._answer.feed(str(frame.get("text", "")).encode())
        self._seq = frame.get("seq", self._seq)

    async def _stop(self, stopped: CanaryPassed) -> None:
        error = {
            "type": "error",
            "seq": self._seq + 1,
            "code": stopped.code,
            "message": stopped.message,
            "hint": stopped.hint,
            "retryable": False,
        }
        await self._send({"type": "websocket.send", "text": json.dumps(error)})
        await self._send({"type": "websocket.close", "code": _INTERNAL_ERROR})
        await database_sync_to_async(self._alarm, thread_sensitive=False)(stopped.marker)

    def _alarm(self, marker: Marker) -> None:
        user = self._scope.get("user")
        raise_alarm(marker, way_out="websocket", user_id=user.pk if user is not None else None)


def _frame(data: bytes) -> dict[str, Any]:
    try:
        frame = json.loads(data)
    except ValueError:
        return {}
    return frame if isinstance(frame, dict) else {}
