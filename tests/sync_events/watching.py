"""A page of the admin that watches syncs, as its browser does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect

from apps.accounts.models import User
from apps.tenants.models import Tenant
from tests.chat.live import Server, session_of

Frame = dict[str, Any]


@dataclass
class Watching:
    """One open socket."""

    socket: ClientConnection
    session_key: str
    frames: list[Frame] = field(default_factory=list)

    async def watch(self, *run_ids: int, newest: int | None = None) -> None:
        """Say which runs the page shows."""
        frame = {"type": "watch", "runs": list(run_ids), "newest": newest}
        await self.socket.send(json.dumps(frame))

    async def until(self, does_hold: Callable[[Frame], bool], *, timeout_s: float = 20) -> Frame:
        """Return the next frame for which that holds; those before it are kept in `frames`."""
        async with asyncio.timeout(timeout_s):
            while True:
                frame: Frame = json.loads(await self.socket.recv())
                frame["at"] = time.monotonic()
                self.frames.append(frame)
                if does_hold(frame):
                    return frame


@asynccontextmanager
async def watching(
    server: Server,
    user: User | None,
    *,
    origin: str | None = None,
    entered: Tenant | None = None,
) -> AsyncIterator[Watching]:
    """Open the socket as the person's browser does; an operator has entered a tenant before."""
    key = await session_of(user) if user is not None else ""
    if entered is not None:
        await sync_to_async(_enter)(key, entered)
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"} if key else {}
    async with connect(
        f"ws://127.0.0.1:{server.port}/ws/sync/",
        origin=origin or f"http://127.0.0.1:{server.port}",  # type: ignore[arg-type]
        additional_headers=headers,
        compression=None,
    ) as opened:
        yield Watching(opened, key)


def _enter(session_key: str, tenant: Tenant) -> None:
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    session["entered_tenant_id"] = tenant.pk
    session.save()


def about(run_id: int, word: str = "", part: str = "state") -> Callable[[Frame], bool]:
    """Return whether a frame tells a part of a run that holds a word."""

    def does_hold(frame: Frame) -> bool:
        return word in frame.get("runs", {}).get(str(run_id), {}).get(part, "\0")

    return does_hold
