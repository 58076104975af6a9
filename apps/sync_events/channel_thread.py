"""Hands messages to the channel layer without waiting, from code that runs in no loop.

A loop on a thread of its own keeps its connection: through `async_to_sync` each message would make,
and end, a loop and a connection, which takes 15 ms in the way of whoever has just committed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from concurrent.futures import Future
from typing import Any

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)

# A layer that does not take a message for so long will not take it (seconds).
_PATIENCE_S = 5.0
# While so many are on their way, as when Redis hangs, further ones are dropped.
MOST = 100

_lock = threading.Lock()
_room = threading.Semaphore(MOST)
_loop: asyncio.AbstractEventLoop | None = None


def send_soon(group: str, message: dict[str, Any]) -> None:
    """Send a message to a group; one that cannot be sent is logged, and lost.

    Args:
        group: of sockets.
        message: what their consumers are called with; nothing that matters may depend on it.
    """
    if not _room.acquire(blocking=False):
        return
    sending = asyncio.run_coroutine_threadsafe(_send(group, message), _running_loop())
    sending.add_done_callback(_look_at)


async def _send(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is not None:
        async with asyncio.timeout(_PATIENCE_S):
            await layer.group_send(group, message)


def _look_at(sending: Future[None]) -> None:
    _room.release()
    if not sending.cancelled() and (error := sending.exception()) is not None:
        logger.warning("open pages were not told: %r", error)


def _running_loop() -> asyncio.AbstractEventLoop:
    global _loop  # noqa: PLW0603  one loop for the process
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="channel-layer", daemon=True).start()
        return _loop


def _forget() -> None:
    """A child that was forked has the loop but not its thread, and the locks as they were."""
    global _loop, _lock, _room
    _loop, _lock, _room = None, threading.Lock(), threading.Semaphore(MOST)


os.register_at_fork(after_in_child=_forget)
