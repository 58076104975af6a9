"""Connections to sources: shared by a process, while each account has a session of its own."""

from __future__ import annotations

import atexit
import io
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
from typing_extensions import override

from apps.connections.http_answers import unavailable

# Connecting; waiting for the next bytes (seconds).
TIMEOUT = httpx2.Timeout(30.0, connect=5.0)


def new_session() -> httpx2.Client:
    """Return a session without a proxy and with cookies of its own, over the shared connections."""
    return httpx2.Client(
        transport=_SharedTransport(),
        timeout=TIMEOUT,
        trust_env=False,
        headers={"user-agent": "Kenward"},
    )


class _SharedTransport(httpx2.BaseTransport):
    """The process's own connections, which outlive every session."""

    @override
    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return _connections().handle_request(request)


@cache
def _connections() -> httpx2.HTTPTransport:
    shared = httpx2.HTTPTransport(
        limits=httpx2.Limits(max_connections=64, max_keepalive_connections=16)
    )
    atexit.register(shared.close)  # nothing else ends before the process does
    return shared


class Content(io.BufferedReader):
    """What lies at an address, to be read once, as it arrives.

    Attributes:
        media_type: as the source calls it, without parameters, in lower case.
    """

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__(_Body(response))
        told = response.headers.get("content-type", "")
        self.media_type = told.partition(";")[0].strip().lower()


class _Body(io.RawIOBase):
    def __init__(self, response: httpx2.Response) -> None:
        self._chunks = response.iter_bytes()
        self._host = urlsplit(str(response.url)).netloc
        self._left = b""

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int:
        try:
            while not self._left:
                self._left = next(self._chunks)
        except StopIteration:
            return 0
        except httpx2.TransportError as error:
            raise unavailable(self._host, repr(error)) from error
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size
