"""Serve a simulated source over HTTP, on this machine only."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from apps.ops.sandbox.faults import CLOSED, DROP

HOST = "127.0.0.1"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


class DroppableProtocol(HttpToolsProtocol):
    """HTTP where the app may close the connection without an answer, as networks do."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have no class in common with asyncio's.
        super().connection_made(cast("asyncio.Transport", transport))
        served = self.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[DROP] = {CLOSED: transport.close}
            await served(scope, receive, send)

        self.app = app


def configuration(app: ASGIApp, port: int = 0) -> uvicorn.Config:
    """Return how a source is served: at 127.0.0.1, with connections that it may drop."""
    return uvicorn.Config(
        app,
        host=HOST,
        port=port,
        http=DroppableProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )


def run(app: ASGIApp, port: int) -> None:
    """Serve until the process is told to end."""
    uvicorn.Server(configuration(app, port)).run()


@contextmanager
def serving(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Serve in a thread for as long as the block lasts.

    Args:
        app: what to serve.
        port: where; 0 for any free port.

    Yields:
        The base URL, such as http://127.0.0.1:40123, without a slash at its end.

    Raises:
        OSError: the port is taken.
        RuntimeError: the server did not start or did not end in time.
    """
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        server = uvicorn.Server(configuration(app))
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="sandbox-source", daemon=True
        )
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield f"http://{HOST}:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(STOP_TIMEOUT_S)
    if thread.is_alive():
        raise RuntimeError("the simulated source did not end")


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > until:
            raise RuntimeError("the simulated source did not start")
        time.sleep(0.005)
