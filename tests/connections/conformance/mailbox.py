"""Where the sources' word of changes arrives: a real server, which keeps what it gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from apps.connections.protocol import Delivery
from apps.ops.sandbox.serve import serving


class Mailbox:
    """Keeps deliveries until a test hands them to Kenward.

    Attributes:
        base: where it is served.
    """

    def __init__(self) -> None:
        self.base = ""
        self._kept: list[tuple[str, Delivery]] = []
        self._lock = Lock()

    def take(self, path: str = "") -> list[Delivery]:
        """Return what has come to a path, or anywhere, in its order, and forget it."""
        with self._lock:
            taken = [delivery for at, delivery in self._kept if not path or at == path]
            self._kept = [each for each in self._kept if path and each[0] != path]
            return taken

    async def receive(self, request: Request) -> PlainTextResponse:
        """Keep a request; one that asks for an answer gets it."""
        body = await request.body()
        headers = {name.lower(): value for name, value in request.headers.items()}
        with self._lock:
            self._kept.append((request.url.path, Delivery(headers, body)))
        return PlainTextResponse(_challenge(body))


@contextmanager
def open_mailbox() -> Iterator[Mailbox]:
    """Serve a mailbox for the length of the block."""
    mailbox = Mailbox()
    everything = Route("/{path:path}", mailbox.receive, methods=["POST"])
    with serving(Starlette(routes=[everything])) as base:
        mailbox.base = base
        yield mailbox


def _challenge(body: bytes) -> str:
    try:
        told = json.loads(body or b"{}")
    except ValueError:
        return ""
    return str(told.get("challenge", "")) if isinstance(told, dict) else ""
