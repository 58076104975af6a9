"""Failures that a simulated source plays when told to: what a real one does on a bad day.

`FaultyApp` is the outermost layer of every simulated source. It also writes the journal, because
it alone sees both what was asked and what went wrong.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from threading import Lock

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.ops.sandbox.journal import Asked, Journal

# The ASGI extension through which `serve.DroppableProtocol` lets an app close the connection.
DROP = "sandbox.drop"
CLOSED = "sandbox.closed"
KINDS = frozenset(
    {
        "drop",
        "forbidden",
        "nonsense",
        "quota",
        "server_error",
        "slow",
        "too_many",
        "truncated",
        "unauthorized",
        "unavailable",
        "wrong_shape",
    }
)


@dataclass(frozen=True)
class Fault:
    """One failure to be played.

    Attributes:
        kind: one of KINDS.
        path: regular expression searched in the path of the request.
        times: how many more requests it meets; None for all until cleared.
        retry_after_s: what `too_many`, `quota` and `unavailable` tell the caller to wait, seconds.
        seconds: how long `slow` waits before it answers properly.
    """

    kind: str
    path: str = ""
    times: int | None = 1
    retry_after_s: int = 1
    seconds: float = 0


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=UTF-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Faults:
    """The failures that wait to be played; safe to change while the source serves."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = Lock()

    def add(
        self,
        kind: str,
        *,
        times: int | None = 1,
        path: str = "",
        retry_after_s: int = 1,
        seconds: float = 0,
    ) -> None:
        """Let the next requests meet a failure; see `Fault`.

        Raises:
            ValueError: there is no such kind.
            re.error: the path is no regular expression.
        """
        if kind not in KINDS:
            raise ValueError(f"no fault {kind!r}; there are {', '.join(sorted(KINDS))}")
        re.compile(path)
        with self._lock:
            self._waiting.append(Fault(kind, path, times, retry_after_s, seconds))

    def clear(self) -> None:
        """Forget all failures."""
        with self._lock:
            self._waiting.clear()

    def take(self, path: str) -> Fault | None:
        """Return the oldest failure for this path and count it, or None."""
        with self._lock:
            for index, fault in enumerate(self._waiting):
                if not re.search(fault.path, path):
                    continue
                if fault.times is not None:
                    self._waiting[index] = replace(fault, times=fault.times - 1)
                    if fault.times <= 1:
                        del self._waiting[index]
                return fault
        return None


AnswerOf = Answer | Callable[[Fault], Answer]


def _error(status: int, code: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps({"error": code}).encode(), headers=headers or {})


def _seconds(fault: Fault) -> dict[str, str]:
    return {"Retry-After": str(fault.retry_after_s)}


def _date(fault: Fault) -> dict[str, str]:
    return {"Retry-After": formatdate(time.time() + fault.retry_after_s, usegmt=True)}


NONSENSE = Answer(
    200,
    b"<!doctype html><title>Sign in</title><p>Please sign in to the guest network.",
    "text/html; charset=utf-8",
)

# Answers that do not need the source; a source replaces those that it words in its own way.
USUAL_ANSWERS: Mapping[str, AnswerOf] = {
    "too_many": lambda fault: _error(429, "too_many_requests", _seconds(fault)),
    "quota": lambda fault: _error(403, "quota", _seconds(fault)),
    "server_error": _error(500, "internal_error"),
    "unavailable": lambda fault: _error(503, "unavailable", _date(fault)),
    "nonsense": NONSENSE,
    "wrong_shape": Answer(200, b'{"data": [{"ref": 1}], "cursor": {"page": "two"}}'),
    "forbidden": _error(403, "insufficient_scope"),
    "unauthorized": _error(401, "invalid_token"),
}


class FaultyApp:
    """A source that fails when told to and keeps a journal.

    Args:
        app: the source.
        faults: what to play.
        journal: what to write.
        answers: the source's own wording of failures, by kind.
    """

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        journal: Journal,
        answers: Mapping[str, AnswerOf] | None = None,
    ) -> None:
        self._app = app
        self._faults = faults
        self._journal = journal
        self._answers = {**USUAL_ANSWERS, **(answers or {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or fail it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        asked = Asked(scope["method"], scope["path"], scope["query_string"], scope["headers"], body)
        fault = self._faults.take(scope["path"])
        kind = fault.kind if fault else ""

        async def journalled(message: Message) -> None:
            # Written before the answer leaves, so that who has the answer finds the entry.
            if message["type"] == "http.response.start":
                self._journal.write(asked, message["status"], kind)
            await send(message)

        if fault is None or fault.kind == "slow":
            await asyncio.sleep(fault.seconds if fault else 0)
            await self._app(scope, _once(body, receive), journalled)
        elif fault.kind == "drop":
            self._journal.write(asked, 0, kind)
            await _close(scope, receive)
        elif fault.kind == "truncated":
            messages = await _answer_of(self._app, scope, _once(body, receive))
            await _send_half(messages, scope, receive, journalled)
        else:
            worded = self._answers[fault.kind]
            answer = worded if isinstance(worded, Answer) else worded(fault)
            await _send(answer, journalled)


async def _whole_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _once(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _close(scope: Scope, receive: Receive) -> None:
    extensions = scope.get("extensions") or {}
    if DROP not in extensions:
        raise RuntimeError(
            "this server cannot close connections: serve with apps.ops.sandbox.serve"
        )
    extensions[DROP][CLOSED]()
    while (await receive())["type"] != "http.disconnect":
        continue


async def _answer_of(app: ASGIApp, scope: Scope, receive: Receive) -> list[Message]:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    return messages


async def _send_half(messages: list[Message], scope: Scope, receive: Receive, send: Send) -> None:
    start, *rest = messages
    body = b"".join(message.get("body", b"") for message in rest)
    headers = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
    length = (b"content-length", str(len(body)).encode())
    await send({**start, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await _close(scope, receive)


async def _send(answer: Answer, send: Send) -> None:
    headers = {
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body)),
        **answer.headers,
    }
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": answer.body})
