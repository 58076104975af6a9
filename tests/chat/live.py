"""The real ASGI server on a thread, and a WebSocket client that is signed in."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import uvicorn
from asgiref.sync import sync_to_async
from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect

from apps.accounts.models import User
from config.asgi import application
from tests.world import signed_in


@dataclass
class Server:
    """uvicorn with the flags that `up` gives it."""

    port: int = 0
    app: Any = application

    @contextmanager
    def running(self) -> Iterator[Server]:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self.app,
            lifespan="off",
            log_level="error",
            proxy_headers=False,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=3,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(timeout=10)
            listening.close()

    @asynccontextmanager
    async def chat(
        self,
        user: User | None,
        uuid: UUID | None = None,
        *,
        origin: str | None = None,
        cookie: str = "",
        headers: dict[str, str] | None = None,
    ) -> AsyncIterator[Chat]:
        """Open a conversation's socket as the person's browser does, or one with that cookie."""
        key = await session_of(user) if user is not None else cookie
        headers = dict(headers or {})
        if key:
            headers["Cookie"] = f"{settings.SESSION_COOKIE_NAME}={key}"
        uuid = uuid or uuid4()
        async with connect(
            f"ws://127.0.0.1:{self.port}/ws/chat/{uuid}/",
            origin=origin or f"http://127.0.0.1:{self.port}",  # type: ignore[arg-type]
            additional_headers=headers,
            compression=None,
        ) as opened:
            yield Chat(opened, uuid, key)


@sync_to_async
def session_of(user: User) -> str:
    """Return the key of a new session of the person."""
    return str(signed_in(user).cookies[settings.SESSION_COOKIE_NAME].value)


@dataclass
class Chat:
    """One open socket."""

    socket: ClientConnection
    uuid: UUID
    session_key: str = ""
    frames: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def next(self, *, timeout_s: float = 15) -> dict[str, Any]:
        async with asyncio.timeout(timeout_s):
            frame: dict[str, Any] = json.loads(await self.socket.recv())
        frame["at"] = time.monotonic()
        self.frames.append(frame)
        return frame

    async def until(self, *kinds: str) -> dict[str, Any]:
        """Return the next frame of one of the kinds; those before it are kept in `frames`."""
        while True:
            frame = await self.next()
            if frame["type"] in kinds:
                return frame

    async def ask(self, question: str) -> dict[str, Any]:
        """Ask, and return the frame that ends the answer."""
        await self.send(type="ask", text=question)
        return await self.until("done", "error")

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == kind]
