"""Streams that can be stopped, in frames that are few and never late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

T = TypeVar("T")

# A frame for every token costs more than the token; 40 ms still read as flowing.
FRAME_INTERVAL_S = 0.04


async def gathered(
    pieces: AsyncIterator[str], interval_s: float = FRAME_INTERVAL_S
) -> AsyncGenerator[str, None]:
    """Yield what has arrived, the first piece at once and then at most once per interval.

    Args:
        pieces: closed at the end, whatever happens; its error is raised after its last piece.
        interval_s: between two yields, in seconds.
    """
    arrived: asyncio.Queue[str | None] = asyncio.Queue()
    reader = asyncio.create_task(_read(pieces, arrived))
    try:
        is_over = False
        while not is_over:
            batch = [await arrived.get()]
            while not arrived.empty():
                batch.append(arrived.get_nowait())
            is_over = batch[-1] is None
            text = "".join(piece for piece in batch if piece)
            if text:
                yield text
            if not is_over:
                await asyncio.sleep(interval_s)
        await reader
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read(pieces: Any, arrived: asyncio.Queue[str | None]) -> None:
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                arrived.put_nowait(piece)
    finally:
        arrived.put_nowait(None)


async def whole(work: Coroutine[Any, Any, T]) -> tuple[T, bool]:
    """Finish some work although this task is cancelled meanwhile.

    Returns:
        what the work returned, and whether somebody wanted this task to stop.
    """
    task = asyncio.ensure_future(work)
    is_cancelled = False
    while True:
        try:
            return await asyncio.shield(task), is_cancelled
        except asyncio.CancelledError:
            if task.cancelled():  # the whole loop is being closed
                raise
            forgive_cancellation()
            is_cancelled = True


def forgive_cancellation() -> None:
    """Let the current task go on after it has caught its cancellation."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
