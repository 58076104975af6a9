"""Stops every HTTP answer that a canary document would leave with, and raises the alarm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

from asgiref.sync import sync_to_async
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from apps.documents import canaries
from apps.documents.canaries import CanaryPassed, Marker, Watch
from apps.documents.canary_alarm import raise_alarm
from config.error_pages import server_error

Alarm = Callable[[Marker], None]

_PIECE_BYTES = 2**16


class CanaryFilter:
    """Look at the head and the body of every answer; outermost, so that it sees what goes out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request, or with the page for a fault of ours where a canary would pass."""
        response = self.get_response(request)
        alarm = partial(_alarm, request)
        marker = canaries.passed(_head(response))
        if marker is None and not response.streaming:
            marker = canaries.passed(response.content)  # type: ignore[attr-defined]  # it does not stream
        if marker is not None:
            response.close()
            alarm(marker)
            return _stopped(request)
        if response.streaming:
            return WatchedStream(response, alarm)  # type: ignore[arg-type]  # it streams
        return response


class WatchedStream(StreamingHttpResponse):
    """An answer in pieces that breaks off at a canary: it is under way, and nothing can replace it.

    Args:
        inner: the answer of the view, iterated as the server would iterate it.
        alarm: called before it breaks off.
    """

    def __init__(self, inner: StreamingHttpResponse, alarm: Alarm) -> None:
        super().__init__(self._pieces(), status=inner.status_code, reason=inner.reason_phrase)
        self._inner, self._alarm = inner, alarm
        self.headers, self.cookies = inner.headers, inner.cookies
        if isinstance(inner, FileResponse):
            inner.block_size = _PIECE_BYTES  # as Django does under ASGI for what it knows as files

    def close(self) -> None:
        """Close what the view has opened."""
        super().close()
        self._inner.close()

    def _pieces(self) -> Iterator[bytes]:
        try:
            yield from Watch().passing(iter(self._inner))
        except CanaryPassed as stopped:
            self._alarm(stopped.marker)
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the pieces, under ASGI."""
        watch = Watch()
        try:
            async for piece in self._inner:
                yield watch.feed(piece)
            yield watch.rest()
        except CanaryPassed as stopped:
            await sync_to_async(self._alarm)(stopped.marker)
            # As if the browser had gone: the handler closes everything and does not say that the
            # answer is complete, so the server breaks the connection off.
            raise asyncio.CancelledError from stopped


def _head(response: HttpResponseBase) -> str:
    # Addresses of redirects, names of files, cookies with messages.
    lines = [f"{name}: {value}" for name, value in response.items()]
    return "\n".join([*lines, *(morsel.value for morsel in response.cookies.values())])


def _stopped(request: HttpRequest) -> HttpResponse:
    response = server_error(request)
    response["Cache-Control"] = "private, no-store"
    return response


def _alarm(request: HttpRequest, marker: Marker) -> None:
    match = request.resolver_match
    user = getattr(request, "user", None)
    raise_alarm(
        marker,
        way_out=(match.view_name or match.route) if match else "unknown",
        user_id=user.pk if user is not None else None,
    )
